/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register arrays that distributor and redistributors share: one, two or eight bits per INTID. SPIs: the
 * caller holds vgic_vm.lock. INTIDs that are not implemented read 0 and ignore writes.
 */
#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"

#define PRIORITY_BITS UINT64_C(0xf8)

/* What the list register of another, running vCPU holds is known as of its last exit: let it exit. */
static void ask_for_truth(struct vgic_vm *vgic, const struct vgic_vcpu *self, const struct vgic_irq *irq)
{
    struct vgic_vcpu *home = vgic->vcpus[irq->home];

    if (irq->place == VGIC_IN_LR && home != self)
        vgic_announce(home);
}

static bool reads_pending(const struct vgic_irq *irq)
{
    bool in_lr = vgic_lr_holds_event(irq) && !irq->drop_pending;

    if (in_lr && !irq->edge)
        in_lr = irq->lr_latch;
    return vgic_is_pending(irq) || in_lr;
}

static bool reads_active(const struct vgic_irq *irq)
{
    if (irq->place != VGIC_IN_LR)
        return irq->active;
    return irq->set_active || (irq->lr_active && !irq->drop_active);
}

static bool read_bit(const struct vgic_irq *irq, uint32_t array)
{
    switch (array) {
    case GICD_IGROUPR:
        return irq->group1;
    case GICD_ISENABLER:
    case GICD_ICENABLER:
        return irq->enabled;
    case GICD_ISPENDR:
    case GICD_ICPENDR:
        return reads_pending(irq);
    default:
        return reads_active(irq);
    }
}

uint32_t vgic_read_bits(struct vgic_vm *vgic, struct vgic_vcpu *self, struct vgic_vcpu *v, uint32_t array,
                        uint32_t first)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < 32; i++) {
        const struct vgic_irq *irq = vgic_find(vgic, v, first + i);

        if (irq == NULL)
            break;
        if (array >= GICD_ISPENDR)
            ask_for_truth(vgic, self, irq);
        value |= (uint32_t)read_bit(irq, array) << i;
    }
    return value;
}

static void write_bit(struct vgic_vm *vgic, struct vgic_vcpu *home, struct vgic_irq *irq, uint32_t array,
                      bool bit)
{
    switch (array) {
    case GICD_IGROUPR:
        irq->group1 = bit;
        break;
    case GICD_ISENABLER:
    case GICD_ICENABLER:
        irq->enabled = array == GICD_ISENABLER;
        break;
    case GICD_ISPENDR:
        vgic_latch(vgic, irq);
        break;
    case GICD_ICPENDR:
        vgic_clear_latch(vgic, irq);
        break;
    case GICD_ISACTIVER:
        vgic_activate(home, irq);
        break;
    default:
        vgic_clear_active(vgic, home, irq);
        break;
    }
}

/* A write that says what is so already costs nobody an exit. */
static bool changes(const struct vgic_irq *irq, uint32_t array, bool bit)
{
    if (array == GICD_IGROUPR)
        return irq->group1 != bit;
    if (!bit)
        return false;
    if (array == GICD_ISENABLER || array == GICD_ICENABLER)
        return irq->enabled != (array == GICD_ISENABLER);
    return true;
}

void vgic_write_bits(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t array, uint32_t first,
                     uint32_t value)
{
    for (uint32_t i = 0; i < 32; i++) {
        struct vgic_irq *irq = vgic_find(vgic, v, first + i);
        bool bit = (value >> i & 1) != 0;
        struct vgic_vcpu *home;

        if (irq == NULL)
            break;
        if (!changes(irq, array, bit))
            continue;
        home = vgic_hold(vgic, irq);
        write_bit(vgic, home, irq, array, bit);
        vgic_release(vgic, home, irq);
    }
}

uint64_t vgic_read_priorities(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, unsigned int count)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < count; i++) {
        const struct vgic_irq *irq = vgic_find(vgic, v, first + i);

        value |= irq == NULL ? 0 : (uint64_t)irq->priority << 8 * i;
    }
    return value;
}

void vgic_write_priorities(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, unsigned int count,
                           uint64_t value)
{
    for (unsigned int i = 0; i < count; i++) {
        struct vgic_irq *irq = vgic_find(vgic, v, first + i);
        uint8_t priority = (uint8_t)(value >> 8 * i & PRIORITY_BITS);
        struct vgic_vcpu *home;

        if (irq == NULL || irq->priority == priority)
            continue;
        home = vgic_hold(vgic, irq);
        irq->priority = priority;
        vgic_release(vgic, home, irq);
    }
}

uint32_t vgic_read_config(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < 16; i++) {
        const struct vgic_irq *irq = vgic_find(vgic, v, first + i);

        value |= irq == NULL ? 0 : (uint32_t)irq->edge << (2 * i + 1);
    }
    return value;
}

/* Of SPIs; what an SGI or PPI is, is fixed. */
void vgic_write_config(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t first, uint32_t value)
{
    for (uint32_t i = 0; i < 16 && first >= VGIC_PRIVATE; i++) {
        struct vgic_irq *irq = vgic_find(vgic, v, first + i);
        bool edge = (value >> (2 * i + 1) & 1) != 0;
        struct vgic_vcpu *home;

        if (irq == NULL || irq->edge == edge)
            continue;
        home = vgic_hold(vgic, irq);
        vgic_set_edge(vgic, irq, edge);
        vgic_release(vgic, home, irq);
    }
}
