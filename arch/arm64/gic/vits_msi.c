/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/gic/vits_msi.h"

static bool is_word(uint64_t offset, unsigned int size)
{
    return size == sizeof(uint32_t) && offset % sizeof(uint32_t) == 0;
}

static uint64_t msi_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    const struct vits_msi *msi = CONTAINER_OF(dev, struct vits_msi, dev);

    (void)vcpu;
    if (!is_word(offset, size))
        return 0;
    switch (offset) {
    case VITS_MSI_ID:
        return VITS_MSI_MAGIC;
    case VITS_MSI_COUNT:
        return VITS_MSI_EVENTS;
    case VITS_MSI_SENT:
        return msi->sent_count;
    case VITS_MSI_DROPPED:
        return msi->dropped_count;
    default:
        return 0;
    }
}

static void msi_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    struct vits_msi *msi = CONTAINER_OF(dev, struct vits_msi, dev);

    (void)vcpu;
    if (!is_word(offset, size) || offset != VITS_MSI_RAISE)
        return;
    if (value < VITS_MSI_EVENTS && vits_message(msi->its, VITS_MSI_DEVICE, (uint32_t)value))
        msi->sent_count++;
    else
        msi->dropped_count++;
}

static void msi_reset(struct vdev *dev)
{
    struct vits_msi *msi = CONTAINER_OF(dev, struct vits_msi, dev);

    msi->sent_count = 0;
    msi->dropped_count = 0;
}

static const struct vdev_ops msi_ops = {
    .name = "msi-test", .read = msi_read, .write = msi_write, .reset = msi_reset};

void vits_msi_init(struct vits_msi *msi, struct vits *its)
{
    msi->dev.ops = &msi_ops;
    msi->its = its;
}
