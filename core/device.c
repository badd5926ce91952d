/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buses: sorted disjoint ranges, found by the hint of the last hit, else by binary search. Ranges are added
 * while the VM is built; afterwards only the hint changes (and the gap it may point to), under the VM's
 * device lock.
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
    bus->last_hit = NULL;
    return 0;
}

int bus_register(struct bus *bus, uint64_t first, uint64_t size, struct vdev *dev)
{
    return bus_register_base(bus, first, size, first, dev);
}

static uint64_t nothing_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    return bytes_mask(size);
}

static void nothing_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                          uint64_t value)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    (void)size;
    (void)value;
}

static void nothing_reset(struct vdev *dev)
{
    (void)dev;
}

static const struct vdev_ops nothing_ops = {
    .name = "nothing", .read = nothing_read, .write = nothing_write, .reset = nothing_reset};
static struct vdev nothing = {.ops = &nothing_ops};
static const struct bus_range everywhere = {.last = UINT64_MAX, .dev = &nothing};

/* From the end of the range before `next` to the beginning of that one. */
static struct bus_range gap_before(const struct bus *bus, uint32_t next)
{
    return (struct bus_range){.first = next == 0 ? 0 : bus->ranges[next - 1].last + 1,
                              .last = next == bus->range_count ? UINT64_MAX : bus->ranges[next].first - 1,
                              .dev = &nothing};
}

/* The range that covers the access entirely, or one with a device that says that nothing is there. */
static const struct bus_range *bus_search(struct bus *bus, uint64_t address, unsigned int size)
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
    if (low < bus->range_count && bus->ranges[low].first <= address) {
        bus->last_hit = &bus->ranges[low];
    } else {
        bus->gap = gap_before(bus, low);
        bus->last_hit = &bus->gap;
    }
    /* An access across an edge reaches neither side. */
    return bus_range_covers(bus->last_hit, address, size) ? bus->last_hit : &everywhere;
}

uint64_t bus_read_slowly(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size)
{
    return bus_range_read(bus_search(bus, address, size), vcpu, address, size);
}

void bus_write_slowly(struct bus *bus, struct vcpu *vcpu, uint64_t address, unsigned int size, uint64_t value)
{
    bus_range_write(bus_search(bus, address, size), vcpu, address, size, value);
}

bool bus_covers(const struct bus *bus, uint64_t address)
{
    for (uint32_t i = 0; i < bus->range_count; i++)
        if (bus_range_covers(&bus->ranges[i], address, 1))
            return true;
    return false;
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
