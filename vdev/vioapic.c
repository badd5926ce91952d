/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's IOAPIC. An edge goes out when the input is asserted; while masked it is not remembered
 * (82093AA, "Mask"). A level goes out while the input is asserted, not masked, and remote IRR is clear;
 * remote IRR is set when a processor has taken the message. VM's device lock.
 */
#include "vdev/vioapic.h"

#include "lib/string.h"

static bool is_masked(uint64_t entry)
{
    return (entry & VIOAPIC_MASKED) != 0;
}

static bool is_level(uint64_t entry)
{
    return (entry & VIOAPIC_LEVEL) != 0;
}

static bool send_message(struct vioapic *io, unsigned int pin)
{
    uint64_t entry = io->redir[pin];
    const struct msi_message message = {
        .dest = (uint32_t)field_get(entry, VIOAPIC_DEST),
        .vector = (uint8_t)field_get(entry, VIOAPIC_VECTOR),
        .mode = (uint8_t)field_get(entry, VIOAPIC_MODE),
        .logical = (entry & VIOAPIC_LOGICAL) != 0,
        .level = is_level(entry),
    };
    bool taken = io->sink->ops->deliver(io->sink, &message);

    io->sent_count += taken ? 1 : 0;
    io->unaccepted_count += taken ? 0 : 1;
    return taken;
}

/* Only fixed and lowest-priority interrupts are ended by an EOI; the other modes are edges whatever the bit
 * says. */
static bool has_eoi(uint64_t entry)
{
    return is_level(entry) && field_get(entry, VIOAPIC_MODE) <= MSI_LOWEST;
}

static void level_update(struct vioapic *io, unsigned int pin)
{
    uint64_t entry = io->redir[pin];

    if (!has_eoi(entry) || is_masked(entry) || (entry & VIOAPIC_REMOTE_IRR) != 0 ||
        (io->pins & BIT(pin)) == 0)
        return;
    if (send_message(io, pin))
        io->redir[pin] |= VIOAPIC_REMOTE_IRR;
}

void vioapic_set_pin(struct vioapic *io, unsigned int pin, bool level)
{
    uint32_t bit;
    bool was;

    if (pin >= VIOAPIC_PINS)
        return;
    bit = UINT32_C(1) << pin;
    was = (io->pins & bit) != 0;
    io->pins = level ? io->pins | bit : io->pins & ~bit;
    if (!level || was)
        return;
    if (has_eoi(io->redir[pin]))
        level_update(io, pin);
    else if (is_masked(io->redir[pin]))
        io->lost_edge_count++;
    else
        (void)send_message(io, pin);
}

void vioapic_eoi(struct vioapic *io, uint8_t vector)
{
    for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++) {
        uint64_t entry = io->redir[pin];

        if ((entry & VIOAPIC_REMOTE_IRR) == 0 || field_get(entry, VIOAPIC_VECTOR) != vector)
            continue;
        io->redir[pin] = entry & ~VIOAPIC_REMOTE_IRR;
        level_update(io, pin);
    }
}

/* Turning an entry to edge clears remote IRR: software's way to end an interrupt without the EOI register. */
static void write_redir(struct vioapic *io, unsigned int index, uint32_t value)
{
    unsigned int pin = index / 2;
    uint64_t old = io->redir[pin];
    uint64_t half = index % 2 == 0 ? FIELD(31, 0) : FIELD(63, 32);
    uint64_t entry = field_set(old, half, value) & ~(VIOAPIC_READ_ONLY | VIOAPIC_RESERVED);

    entry |= is_level(entry) ? old & VIOAPIC_REMOTE_IRR : 0;
    io->redir[pin] = entry;
    level_update(io, pin);
}

static uint32_t window_read(const struct vioapic *io)
{
    unsigned int index = io->select - (unsigned int)VIOAPIC_REG_REDIR;

    switch (io->select) {
    case VIOAPIC_REG_ID:
    case VIOAPIC_REG_ARB: /* loaded with the ID */
        return io->id;
    case VIOAPIC_REG_VERSION:
        return VIOAPIC_VERSION_VALUE;
    default:
        if (index >= 2 * VIOAPIC_PINS)
            return 0;
        return (uint32_t)(io->redir[index / 2] >> (32 * (index % 2)));
    }
}

static void window_write(struct vioapic *io, uint32_t value)
{
    unsigned int index = io->select - (unsigned int)VIOAPIC_REG_REDIR;

    if (io->select == VIOAPIC_REG_ID)
        io->id = value & (uint32_t)VIOAPIC_ID_MASK;
    else if (index < 2 * VIOAPIC_PINS)
        write_redir(io, index, value);
}

/* The registers are 32 bits at multiples of 16; other offsets and accesses across them read 0 and write
 * nothing. */
static uint64_t io_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    const struct vioapic *io = CONTAINER_OF(dev, struct vioapic, dev);

    (void)vcpu;
    (void)size;
    if (offset == VIOAPIC_IOREGSEL)
        return io->select;
    return offset == VIOAPIC_IOWIN ? window_read(io) : 0;
}

static void io_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    struct vioapic *io = CONTAINER_OF(dev, struct vioapic, dev);

    (void)vcpu;
    if (offset == VIOAPIC_IOREGSEL)
        io->select = (uint8_t)value;
    else if (offset == VIOAPIC_IOWIN && size >= sizeof(uint32_t))
        window_write(io, (uint32_t)value);
    else if (offset == VIOAPIC_EOI)
        vioapic_eoi(io, (uint8_t)value);
}

static void io_reset(struct vdev *dev)
{
    struct vioapic *io = CONTAINER_OF(dev, struct vioapic, dev);

    io->select = 0;
    io->id = 0;
    for (unsigned int pin = 0; pin < VIOAPIC_PINS; pin++)
        io->redir[pin] = VIOAPIC_MASKED;
}

static const struct vdev_ops vioapic_ops = {
    .name = "ioapic",
    .read = io_read,
    .write = io_write,
    .reset = io_reset,
};

void vioapic_init(struct vioapic *io, struct msi_sink *sink)
{
    memset(io, 0, sizeof(*io));
    io->dev.ops = &vioapic_ops;
    io->sink = sink;
    io_reset(&io->dev);
}

int vioapic_register(struct vioapic *io, struct bus *mmio)
{
    return bus_register(mmio, VIOAPIC_BASE, VIOAPIC_SIZE, &io->dev);
}
