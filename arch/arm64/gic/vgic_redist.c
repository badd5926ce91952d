/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The redistributors' registers: for each vCPU the frame of RD_base and that of its SGIs and PPIs. A vCPU may
 * access those of others. Access sizes as in vgic_dist.c.
 */
#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "core/vcpu.h"

static uint64_t read_base(const struct vgic_vm *vgic, const struct vgic_vcpu *v, uint32_t offset,
                          unsigned int size)
{
    switch (offset) {
    case GICR_CTLR:
        return v->redist_ctlr | (vgic->config.lpi_count != 0 ? GICR_CTLR_CES : 0);
    case GICR_IIDR:
        return GIC_IIDR_VALUE;
    case GICR_TYPER:
    case GICR_TYPER + 4:
        return vgic_half_read(v->typer, offset - GICR_TYPER, size);
    case GICR_WAKER:
        return v->asleep ? GICR_WAKER_PROCESSOR_SLEEP | GICR_WAKER_CHILDREN_ASLEEP : 0;
    case GICR_PROPBASER:
    case GICR_PROPBASER + 4:
        return vgic_half_read(v->propbaser, offset, size);
    case GICR_PENDBASER:
    case GICR_PENDBASER + 4:
        return vgic_half_read(v->pendbaser & ~GICR_PENDBASER_PTZ, offset, size);
    case GIC_PIDR2:
        return GIC_PIDR2_VALUE;
    default:
        return 0;
    }
}

static void write_base(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t offset, unsigned int size,
                       uint64_t value)
{
    uint32_t groups = (uint32_t)(GICR_CTLR_DPG0 | GICR_CTLR_DPG1NS);

    if (offset == GICR_CTLR && size == 4) {
        v->redist_ctlr = (v->redist_ctlr & ~groups) | ((uint32_t)value & groups);
        vgic_lpi_enable(vgic, v, (value & GICR_CTLR_ENABLE_LPIS) != 0);
    } else if (offset == GICR_WAKER && size == 4) {
        v->asleep = (value & GICR_WAKER_PROCESSOR_SLEEP) != 0;
    } else if (offset >= GICR_PROPBASER && offset < GICR_PENDBASER + 8) {
        vgic_lpi_write_base(v, offset, size, value);
    }
}

static bool is_priority(uint32_t offset, unsigned int size)
{
    return offset >= GICD_IPRIORITYR && offset < GICD_IPRIORITYR + VGIC_PRIVATE && (size == 1 || size == 4);
}

static uint64_t read_private(struct vgic_vm *vgic, struct vgic_vcpu *self, struct vgic_vcpu *v,
                             uint32_t offset, unsigned int size)
{
    if (is_priority(offset, size))
        return vgic_read_priorities(vgic, v, offset - GICD_IPRIORITYR, size);
    if (size != 4)
        return 0;
    if (offset >= GICD_IGROUPR && offset < GICD_IPRIORITYR && offset % 0x80 == 0)
        return vgic_read_bits(vgic, self, v, offset, 0);
    if (offset == GICD_ICFGR || offset == GICD_ICFGR + 4)
        return vgic_read_config(vgic, v, (offset - GICD_ICFGR) * 4);
    return 0;
}

static void write_private(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t offset, unsigned int size,
                          uint64_t value)
{
    if (is_priority(offset, size))
        vgic_write_priorities(vgic, v, offset - GICD_IPRIORITYR, size, value);
    else if (size == 4 && offset >= GICD_IGROUPR && offset < GICD_IPRIORITYR && offset % 0x80 == 0)
        vgic_write_bits(vgic, v, offset, 0, (uint32_t)value);
}

static bool wants_truth(uint64_t offset)
{
    uint64_t in_frame = offset % VGIC_REDIST_SIZE;

    return in_frame >= GICR_SGI_FRAME + GICD_ISPENDR && in_frame < GICR_SGI_FRAME + GICD_IPRIORITYR;
}

static __attribute__((noinline)) uint64_t read_second_frame(struct vgic_vm *vgic, struct vcpu *vcpu,
                                                            uint64_t offset, unsigned int size)
{
    struct vgic_vcpu *self = vgic->vcpus[vcpu->id];

    if (wants_truth(offset))
        vgic->config.ops->fold_here(self);
    return read_private(vgic, self, vgic->vcpus[offset / VGIC_REDIST_SIZE],
                        (uint32_t)(offset % VGIC_REDIST_SIZE) - GICR_SGI_FRAME, size);
}

static uint64_t redist_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vgic_vm *vgic = CONTAINER_OF(dev, struct vgic_vm, redist);
    uint32_t in_frame = (uint32_t)(offset % VGIC_REDIST_SIZE);

    if ((offset & (size - 1)) != 0)
        return 0;
    if (in_frame >= GICR_SGI_FRAME)
        return read_second_frame(vgic, vcpu, offset, size);
    return size < 4 ? 0 : read_base(vgic, vgic->vcpus[offset / VGIC_REDIST_SIZE], in_frame, size);
}

static void redist_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                         uint64_t value)
{
    struct vgic_vm *vgic = CONTAINER_OF(dev, struct vgic_vm, redist);
    struct vgic_vcpu *v = vgic->vcpus[offset / VGIC_REDIST_SIZE];
    uint32_t in_frame = (uint32_t)(offset % VGIC_REDIST_SIZE);

    if ((offset & (size - 1)) != 0)
        return;
    if (wants_truth(offset))
        vgic->config.ops->fold_here(vgic->vcpus[vcpu->id]);
    if (in_frame >= GICR_SGI_FRAME) {
        write_private(vgic, v, in_frame - GICR_SGI_FRAME, size, value);
    } else if (size >= 4) {
        spin_lock(&vgic->lock);
        write_base(vgic, v, in_frame, size, value);
        spin_unlock(&vgic->lock);
    }
}

/* The distributor's reset does it all. */
static void redist_reset(struct vdev *dev)
{
    (void)dev;
}

const struct vdev_ops vgic_redist_ops = {
    .name = "gicr", .read = redist_read, .write = redist_write, .reset = redist_reset};
