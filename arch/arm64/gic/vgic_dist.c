/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The distributor's registers. One security state (DS = 1), affinity routing always on. Accesses: 32 bits,
 * bytes of priorities, 32 or 64 bits of IROUTER; anything else reads 0 and is ignored.
 */
#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "core/vcpu.h"

static uint32_t typer(const struct vgic_vm *vgic)
{
    uint32_t lines = (VGIC_PRIVATE + vgic->config.spi_count + 31) / 32 - 1;

    uint32_t lpis = vgic->config.lpi_count;
    uint64_t value = field_make(lines, GICD_TYPER_IT_LINES) | GICD_TYPER_A3V;

    if (lpis == 0)
        return (uint32_t)(value | field_make(9, GICD_TYPER_ID_BITS));
    return (uint32_t)(value | field_make(VGIC_ID_BITS - 1, GICD_TYPER_ID_BITS) | GICD_TYPER_LPIS |
                      field_make((uint32_t)__builtin_ctz(lpis) - 1, GICD_TYPER_NUM_LPIS));
}

static void write_ctlr(struct vgic_vm *vgic, uint64_t value)
{
    uint8_t groups = (uint8_t)(value & (GICD_CTLR_ENABLE_G0 | GICD_CTLR_ENABLE_G1));

    if (atomic_load_explicit(&vgic->groups, memory_order_relaxed) == groups)
        return;
    atomic_store_explicit(&vgic->groups, groups, memory_order_relaxed);
    vgic_lpi_refresh(vgic);
    for (uint32_t i = 0; i < vgic->config.vcpu_count; i++) {
        spin_lock(&vgic->vcpus[i]->lock);
        vgic_announce(vgic->vcpus[i]);
        spin_unlock(&vgic->vcpus[i]->lock);
    }
}

/* --- Routing -----------------------------------------------------------------------------------------------
 */

static struct vgic_irq *routed(struct vgic_vm *vgic, uint64_t offset)
{
    uint64_t intid = (offset - GICD_IROUTER) / 8;

    return intid < VGIC_PRIVATE ? NULL : vgic_find(vgic, vgic->vcpus[0], intid);
}

static uint64_t affinity_of(const struct vgic_irq *irq)
{
    return irq->route & GICD_IROUTER_BITS;
}

static uint8_t target_of(const struct vgic_vm *vgic, uint64_t route)
{
    uint64_t affinity = route & (GICD_IROUTER_AFF | GICD_IROUTER_AFF3);

    for (uint32_t i = 0; i < vgic->config.vcpu_count; i++)
        if (vgic_mpidr(i) == affinity)
            return (uint8_t)i;
    return VGIC_NO_VCPU;
}

static void write_route(struct vgic_vm *vgic, struct vgic_irq *irq, uint64_t offset, unsigned int size,
                        uint64_t value)
{
    struct vgic_vcpu *home = vgic_hold(vgic, irq);

    irq->route = vgic_half_write(irq->route, offset, size, value) & GICD_IROUTER_BITS;
    irq->any_target = (irq->route & GICD_IROUTER_ANY) != 0;
    irq->target = target_of(vgic, irq->route);
    vgic_release(vgic, home, irq);
}

/* --- The frame ---------------------------------------------------------------------------------------------
 */

/* Those that need no lock. */
static uint64_t read_word(const struct vgic_vm *vgic, uint32_t offset)
{
    switch (offset) {
    case GICD_CTLR:
        return atomic_load_explicit(&vgic->groups, memory_order_relaxed) | GICD_CTLR_ARE | GICD_CTLR_DS;
    case GICD_TYPER:
        return typer(vgic);
    case GICD_IIDR:
        return GIC_IIDR_VALUE;
    case GIC_PIDR2:
        return GIC_PIDR2_VALUE;
    default:
        return 0;
    }
}

static uint64_t read_array(struct vgic_vm *vgic, struct vgic_vcpu *self, uint32_t offset)
{
    uint32_t first;

    if (offset >= GICD_IGROUPR && offset < GICD_IPRIORITYR) {
        first = offset % 0x80 * 8;
        return first < VGIC_PRIVATE ? 0 : vgic_read_bits(vgic, self, self, offset & ~0x7fu, first);
    }
    if (offset >= GICD_ICFGR && offset < GICD_IGRPMODR) {
        first = (offset - GICD_ICFGR) * 4;
        return first < VGIC_PRIVATE ? 0 : vgic_read_config(vgic, self, first);
    }
    return 0;
}

static void write_word(struct vgic_vm *vgic, struct vgic_vcpu *self, uint32_t offset, uint32_t value)
{
    if (offset == GICD_CTLR)
        write_ctlr(vgic, value);
    else if (offset >= GICD_IGROUPR && offset < GICD_IPRIORITYR && offset % 0x80 >= 4)
        vgic_write_bits(vgic, self, offset & ~0x7fu, offset % 0x80 * 8, value);
    else if (offset >= GICD_ICFGR && offset < GICD_IGRPMODR)
        vgic_write_config(vgic, self, (offset - GICD_ICFGR) * 4, value);
}

static bool is_priority(uint64_t offset, unsigned int size)
{
    return offset >= GICD_IPRIORITYR + VGIC_PRIVATE && offset < GICD_ITARGETSR && (size == 1 || size == 4);
}

static bool is_route(uint64_t offset, unsigned int size)
{
    return offset >= GICD_IROUTER && offset < GICD_IROUTER_END && size >= 4;
}

static __attribute__((noinline)) uint64_t read_locked(struct vgic_vm *vgic, struct vcpu *vcpu,
                                                      uint64_t offset, unsigned int size)
{
    struct vgic_vcpu *self = vgic->vcpus[vcpu->id];
    const struct vgic_irq *irq;
    uint64_t value = 0;

    if (offset >= GICD_ISPENDR && offset < GICD_IPRIORITYR)
        vgic->config.ops->fold_here(self);
    spin_lock(&vgic->lock);
    if (is_route(offset, size)) {
        irq = routed(vgic, offset);
        value = irq == NULL ? 0 : vgic_half_read(affinity_of(irq), offset, size);
    } else if (is_priority(offset, size)) {
        value = vgic_read_priorities(vgic, self, (uint32_t)offset - GICD_IPRIORITYR, size);
    } else if (size == 4) {
        value = read_array(vgic, self, (uint32_t)offset);
    }
    spin_unlock(&vgic->lock);
    return value;
}

static uint64_t dist_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vgic_vm *vgic = CONTAINER_OF(dev, struct vgic_vm, dist);

    if ((offset & (size - 1)) != 0)
        return 0;
    if (offset < GICD_IGROUPR || offset >= GIC_IDREGS)
        return size == 4 ? read_word(vgic, (uint32_t)offset) : 0;
    return read_locked(vgic, vcpu, offset, size);
}

static void dist_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                       uint64_t value)
{
    struct vgic_vm *vgic = CONTAINER_OF(dev, struct vgic_vm, dist);
    struct vgic_vcpu *self = vgic->vcpus[vcpu->id];
    struct vgic_irq *irq;

    if ((offset & (size - 1)) != 0)
        return;
    if (offset >= GICD_ISPENDR && offset < GICD_IPRIORITYR)
        vgic->config.ops->fold_here(self);
    spin_lock(&vgic->lock);
    if (is_route(offset, size)) {
        irq = routed(vgic, offset);
        if (irq != NULL)
            write_route(vgic, irq, offset, size, value);
    } else if (is_priority(offset, size)) {
        vgic_write_priorities(vgic, self, (uint32_t)offset - GICD_IPRIORITYR, size, value);
    } else if (size == 4) {
        write_word(vgic, self, (uint32_t)offset, (uint32_t)value);
    }
    spin_unlock(&vgic->lock);
}

static void dist_reset(struct vdev *dev)
{
    vgic_vm_reset(CONTAINER_OF(dev, struct vgic_vm, dist));
}

const struct vdev_ops vgic_dist_ops = {
    .name = "gicd", .read = dist_read, .write = dist_write, .reset = dist_reset};
