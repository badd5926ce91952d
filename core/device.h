/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device models and the two buses of a VM. A device registers address ranges; an access that a range covers
 * entirely goes to its device, anything else reads as ones and writes to nowhere ("nothing there").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/spinlock.h"
#include "lib/bits.h"

struct vcpu;
struct vdev;

enum bus_kind {
    BUS_PIO,
    BUS_MMIO,
    BUS_KINDS,
};

struct vdev_ops {
    const char *name;
    /*
     * `offset` is relative to the range's `base` (see bus_register), `size` is 1, 2, 4 or 8 bytes. The
     * caller holds the VM's device lock. `vcpu` is the accessing vCPU, running on this CPU. Reads return the
     * value in the low `size` bytes; what is above is ignored. Writes get a value with nothing above.
     */
    uint64_t (*read)(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size);
    void (*write)(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value);
    /* Back to the power-on state; called with the device lock held while no vCPU runs. */
    void (*reset)(struct vdev *dev);
};

/* First member of every device model. */
struct vdev {
    const struct vdev_ops *ops;
};

#define BUS_MAX_RANGES 32

struct bus_range {
    uint64_t first;
    uint64_t last; /* inclusive */
    uint64_t base; /* offsets given to the device count from here */
    struct vdev *dev;
};

struct bus {
    uint32_t range_count;
    struct bus_range ranges[BUS_MAX_RANGES]; /* sorted, disjoint; fixed once the VM runs */
    struct bus_range gap;                    /* around the last access that found nothing */
    const struct bus_range *last_hit;        /* tried first, one of the above; NULL: none yet */
};

/* Offsets given to the device count from `first`. E_OVERLAP, E_NOMEM (too many ranges), E_INVAL (size 0,
 * wrap). */
MUST_CHECK int bus_register(struct bus *bus, uint64_t first, uint64_t size, struct vdev *dev);

/* Same, offsets counting from `base` <= first: lets a device tell its ranges apart (base 0: the address). */
MUST_CHECK int bus_register_base(struct bus *bus, uint64_t first, uint64_t size, uint64_t base,
                                 struct vdev *dev);

/* The whole access lies in the range. Written so that nothing wraps; size is at least 1. */
static inline bool bus_range_covers(const struct bus_range *range, uint64_t address, unsigned int size)
{
    return address >= range->first && address <= range->last && range->last - address >= size - 1;
}

static inline uint64_t bus_range_read(const struct bus_range *range, struct vcpu *vcpu, uint64_t address,
                                      unsigned int size)
{
    return range->dev->ops->read(range->dev, vcpu, address - range->base, size);
}

static inline void bus_range_write(const struct bus_range *range, struct vcpu *vcpu, uint64_t address,
                                   unsigned int size, uint64_t value)
{
    range->dev->ops->write(range->dev, vcpu, address - range->base, size, value & bytes_mask(size));
}

/* The same as the two below, by search. */
uint64_t bus_read_slowly(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size);
void bus_write_slowly(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size,
                      uint64_t value);

/*
 * Caller holds the VM's device lock. `size` 1, 2, 4 or 8. Returns ones in the low `size` bytes if nothing is
 * there; bits above `size` bytes mean nothing, neither in the result nor in `value`.
 */
static inline uint64_t bus_read(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size)
{
    const struct bus_range *range = bus->last_hit;

    if (UNLIKELY(range == NULL || !bus_range_covers(range, address, size)))
        return bus_read_slowly(bus, vcpu, address, size);
    return bus_range_read(range, vcpu, address, size);
}

static inline void bus_write(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size,
                             uint64_t value)
{
    const struct bus_range *range = bus->last_hit;

    if (UNLIKELY(range == NULL || !bus_range_covers(range, address, size)))
        bus_write_slowly(bus, vcpu, address, size, value);
    else
        bus_range_write(range, vcpu, address, size, value);
}

/* A device has a range with this address. */
bool bus_covers(const struct bus *bus, uint64_t address);

/* Each distinct device once, in order of its first range. */
void bus_reset(struct bus *bus);
