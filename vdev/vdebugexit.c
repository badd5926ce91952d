/* SPDX-License-Identifier: BSD-2-Clause */
/* The test kernels' exits: see vdebugexit.h. */
#include "vdev/vdebugexit.h"

#include "core/vm.h"

static const char shutdown_word[] = "Shutdown";

static void shutdown_byte(struct vdebugexit *e, uint8_t byte)
{
    /* No prefix of the word but its first letter occurs within it again. */
    if (byte != (uint8_t)shutdown_word[e->matched_count])
        e->matched_count = 0;
    if (byte == (uint8_t)shutdown_word[e->matched_count])
        e->matched_count++;
    if (shutdown_word[e->matched_count] == '\0') {
        e->matched_count = 0;
        vm_end(e->vm, VM_END_POWEROFF, 0, "port 0x8900");
    }
}

static uint64_t vdebugexit_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    (void)size;
    return 0;
}

static void vdebugexit_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                             uint64_t value)
{
    struct vdebugexit *e = CONTAINER_OF(dev, struct vdebugexit, dev);

    (void)vcpu;
    (void)size;
    if (offset == VDEBUGEXIT_SHUTDOWN)
        shutdown_byte(e, (uint8_t)value);
    else
        vm_end(e->vm, VM_END_DEBUG_EXIT, (uint32_t)value, "port 0xf4");
}

static void vdebugexit_reset(struct vdev *dev)
{
    CONTAINER_OF(dev, struct vdebugexit, dev)->matched_count = 0;
}

static const struct vdev_ops vdebugexit_ops = {
    .name = "debug-exit",
    .read = vdebugexit_read,
    .write = vdebugexit_write,
    .reset = vdebugexit_reset,
};

void vdebugexit_init(struct vdebugexit *exit, struct vm *vm)
{
    *exit = (struct vdebugexit){.dev.ops = &vdebugexit_ops, .vm = vm};
}

int vdebugexit_register(struct vdebugexit *exit, struct bus *pio)
{
    int result = bus_register_base(pio, VDEBUGEXIT_PORT, VDEBUGEXIT_PORTS, 0, &exit->dev);

    return result != 0 ? result : bus_register_base(pio, VDEBUGEXIT_SHUTDOWN, 1, 0, &exit->dev);
}
