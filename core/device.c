/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buses: sorted disjoint ranges, found by the hint of the last hit, else by binary search. Ranges are added
 * while the VM is built; afterwards only the hint changes, under the VM's device lock.
 */
#include "core/device.h"

#include "lib/error.h"

int bus_register_base(struct bus *bus, uint64_t first, uint64_t size, uint64_t base, struct vdev *dev)
{
    uint64_t last = first + size - 1;
    uint32_t at = 0;

    if (size == 0 || last < first || base > first)
        return E_INVAL;
    while (at < bus->range_count && bus->ranges[at].last < first)
        at++;
    if (at < bus->range_count && bus->ranges[at].first <= last)
        return E_OVERLAP;
    if (bus->range_count == BUS_MAX_RANGES)
        return E_NOMEM;
    for (uint32_t i = bus->range_count; i > at; i--)
        bus->ranges[i] = bus->ranges[i - 1];
    bus->ranges[at] = (struct bus_range){.first = first, .last = last, .base = base, .dev = dev};
    bus->range_count++;
    return 0;
}

int bus_register(struct bus *bus, uint64_t first, uint64_t size, struct vdev *dev)
{
    return bus_register_base(bus, first, size, first, dev);
}

/* The whole access lies in the range. Written so that nothing wraps; size is at least 1. */
static inline bool range_covers(const struct bus_range *range, uint64_t address, unsigned int size)
{
    return address >= range->first && address <= range->last && range->last - address >= size - 1;
}

/* NULL: nothing covers the access. */
static struct bus_range *bus_search(struct bus *bus, uint64_t address, unsigned int size)
{
    uint32_t low = 0;
    uint32_t high = bus->range_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (bus->ranges[middle].last < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == bus->range_count || !range_covers(&bus->ranges[low], address, size))
        return NULL;
    bus->last_hit = low;
    return &bus->ranges[low];
}

/* The range of the last hit if it covers this access too. An empty bus has a zeroed range 0 without device.
 */
static inline struct bus_range *bus_hint(struct bus *bus, uint64_t address, unsigned int size)
{
    struct bus_range *range = &bus->ranges[bus->last_hit];

    return range_covers(range, address, size) && range->dev != NULL ? range : NULL;
}

static inline uint64_t range_read(struct bus_range *range, struct vcpu *vcpu, uint64_t address,
                                  unsigned int size)
{
    return range->dev->ops->read(range->dev, vcpu, address - range->base, size);
}

static inline void range_write(struct bus_range *range, struct vcpu *vcpu, uint64_t address,
                               unsigned int size, uint64_t value)
{
    range->dev->ops->write(range->dev, vcpu, address - range->base, size, value & bytes_mask(size));
}

/* Out of line, so that the hot path needs no stack frame. */
static __attribute__((noinline)) uint64_t bus_read_slow(struct bus *bus, struct vcpu *vcpu, uint64_t address,
                                                        unsigned int size)
{
    struct bus_range *range = bus_search(bus, address, size);

    return range != NULL ? range_read(range, vcpu, address, size) : bytes_mask(size);
}

static __attribute__((noinline)) void bus_write_slow(struct bus *bus, struct vcpu *vcpu, uint64_t address,
                                                     unsigned int size, uint64_t value)
{
    struct bus_range *range = bus_search(bus, address, size);

    if (range != NULL)
        range_write(range, vcpu, address, size, value);
}

uint64_t bus_read(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size)
{
    struct bus_range *range = bus_hint(bus, address, size);

    if (UNLIKELY(range == NULL))
        return bus_read_slow(bus, vcpu, address, size);
    return range_read(range, vcpu, address, size);
}

void bus_write(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size, uint64_t value)
{
    struct bus_range *range = bus_hint(bus, address, size);

    if (UNLIKELY(range == NULL))
        bus_write_slow(bus, vcpu, address, size, value);
    else
        range_write(range, vcpu, address, size, value);
}

/* True for the first range of a device that has several. */
static bool is_first_of_device(const struct bus *bus, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (bus->ranges[i].dev == bus->ranges[index].dev)
            return false;
    return true;
}

void bus_reset(struct bus *bus)
{
    for (uint32_t i = 0; i < bus->range_count; i++)
        if (is_first_of_device(bus, i))
            bus->ranges[i].dev->ops->reset(bus->ranges[i].dev);
}
