/* SPDX-License-Identifier: BSD-2-Clause */
/* An empty PCI bus: see vpci_none.h. */
#include "vdev/vpci_none.h"

#include "vdev/vreset.h"

#define OFFSET_RESET_CONTROL (VRESET_CONTROL - VPCI_PORT)

static uint64_t vpci_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vpci_none *pci = CONTAINER_OF(dev, struct vpci_none, dev);

    (void)vcpu;
    if (offset == VPCI_ADDRESS && size == 4)
        return pci->address;
    if (offset == OFFSET_RESET_CONTROL && size == 1)
        return vreset_control_read(pci->reset);
    return bytes_mask(size);
}

static void vpci_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                       uint64_t value)
{
    struct vpci_none *pci = CONTAINER_OF(dev, struct vpci_none, dev);

    (void)vcpu;
    if (offset == VPCI_ADDRESS && size == 4)
        pci->address = (uint32_t)(value & VPCI_ADDRESS_BITS);
    else if (offset == OFFSET_RESET_CONTROL && size == 1)
        vreset_control_write(pci->reset, (uint8_t)value);
}

static void vpci_reset(struct vdev *dev)
{
    CONTAINER_OF(dev, struct vpci_none, dev)->address = 0;
}

static const struct vdev_ops vpci_ops = {
    .name = "pci-none",
    .read = vpci_read,
    .write = vpci_write,
    .reset = vpci_reset,
};

void vpci_none_init(struct vpci_none *pci, struct vreset *reset)
{
    *pci = (struct vpci_none){.dev.ops = &vpci_ops, .reset = reset};
}

int vpci_none_register(struct vpci_none *pci, struct bus *pio)
{
    return bus_register(pio, VPCI_PORT, VPCI_PORTS, &pci->dev);
}
