/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reset by port: see vreset.h. Keyboard controller: its input buffer is always empty, so that nobody waits to
 * write; its output buffer fills only with the answers that A20 code waits for. The "read command byte" of a
 * driver's probe is not answered, which ends the probe.
 */
#include "vdev/vreset.h"

#include "core/vm.h"

#define KBC_STATUS_FULL       BIT(0)
#define KBC_SELF_TEST         0xaa
#define KBC_SELF_TEST_OK      0x55
#define KBC_READ_OUTPUT_PORT  0xd0
#define KBC_WRITE_OUTPUT_PORT 0xd1
#define KBC_PULSE             0xf0 /* 0xf0..0xff: pulse the output port's bits that are 0 */
#define KBC_OUTPUT_RESET_N    BIT(0)
#define KBC_OUTPUT_A20        BIT(1)

#define SYSTEM_FAST_RESET BIT(0)
#define SYSTEM_A20        BIT(1)

#define CONTROL_RST_CPU BIT(2) /* 0 -> 1: reset */
#define CONTROL_BITS    FIELD(3, 1)

static void answer(struct vreset *r, uint8_t value)
{
    r->kbc_data = value;
    r->kbc_full = KBC_STATUS_FULL;
}

static void kbc_command(struct vreset *r, uint8_t command)
{
    r->kbc_command = 0;
    if (command == KBC_SELF_TEST)
        answer(r, KBC_SELF_TEST_OK);
    else if (command == KBC_READ_OUTPUT_PORT)
        answer(r, KBC_OUTPUT_RESET_N | KBC_OUTPUT_A20);
    else if (command == KBC_WRITE_OUTPUT_PORT)
        r->kbc_command = command;
    else if (command >= KBC_PULSE && !(command & KBC_OUTPUT_RESET_N))
        vm_end(r->vm, VM_END_RESET, 0, "keyboard controller");
}

static void kbc_write_data(struct vreset *r, uint8_t value)
{
    if (r->kbc_command == KBC_WRITE_OUTPUT_PORT && !(value & KBC_OUTPUT_RESET_N))
        vm_end(r->vm, VM_END_RESET, 0, "keyboard controller");
    r->kbc_command = 0;
}

uint8_t vreset_control_read(const struct vreset *reset)
{
    return reset->control;
}

void vreset_control_write(struct vreset *reset, uint8_t value)
{
    bool rises = (value & ~reset->control & CONTROL_RST_CPU) != 0;

    reset->control = value & CONTROL_BITS;
    if (rises)
        vm_end(reset->vm, VM_END_RESET, 0, "port 0xcf9");
}

/* Each port is a range of one byte, so `size` is always 1. */
static uint64_t vreset_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vreset *r = CONTAINER_OF(dev, struct vreset, dev);

    (void)vcpu;
    (void)size;
    switch (offset) {
    case VRESET_KBC_DATA:
        r->kbc_full = 0;
        return r->kbc_data;
    case VRESET_KBC_COMMAND:
        return r->kbc_full;
    default:
        return SYSTEM_A20;
    }
}

static void vreset_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                         uint64_t value)
{
    struct vreset *r = CONTAINER_OF(dev, struct vreset, dev);

    (void)vcpu;
    (void)size;
    switch (offset) {
    case VRESET_KBC_DATA:
        kbc_write_data(r, (uint8_t)value);
        break;
    case VRESET_KBC_COMMAND:
        kbc_command(r, (uint8_t)value);
        break;
    default:
        if (value & SYSTEM_FAST_RESET)
            vm_end(r->vm, VM_END_RESET, 0, "port 0x92");
        break;
    }
}

static void vreset_reset(struct vdev *dev)
{
    struct vreset *r = CONTAINER_OF(dev, struct vreset, dev);

    r->control = 0;
    r->kbc_command = 0;
    r->kbc_data = 0;
    r->kbc_full = 0;
}

static const struct vdev_ops vreset_ops = {
    .name = "reset",
    .read = vreset_read,
    .write = vreset_write,
    .reset = vreset_reset,
};

void vreset_init(struct vreset *reset, struct vm *vm)
{
    *reset = (struct vreset){.dev.ops = &vreset_ops, .vm = vm};
}

int vreset_register(struct vreset *reset, struct bus *pio)
{
    static const uint16_t ports[] = {VRESET_KBC_DATA, VRESET_KBC_COMMAND, VRESET_SYSTEM};

    for (unsigned int i = 0; i < ARRAY_COUNT(ports); i++) {
        int result = bus_register_base(pio, ports[i], 1, 0, &reset->dev);

        if (result != 0)
            return result;
    }
    return 0;
}
