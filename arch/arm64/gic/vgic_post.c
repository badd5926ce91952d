/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts that arrive: lines, SGIs; and the one that the guest deactivates by DIR.
 */
#include <stddef.h>

#include "arch/arm64/gic/vgic_internal.h"

void vgic_set_line(struct vgic_vm *vgic, uint32_t intid, bool level)
{
    struct vgic_irq *irq;
    struct vgic_vcpu *v;

    if (intid < VGIC_PRIVATE || intid - VGIC_PRIVATE >= vgic->config.spi_count)
        return;
    irq = &vgic->config.spis[intid - VGIC_PRIVATE];
    spin_lock(&vgic->lock);
    if (irq->line != level) {
        v = vgic_hold(vgic, irq);
        vgic_set_level(vgic, irq, level);
        vgic_release(vgic, v, irq);
    }
    spin_unlock(&vgic->lock);
}

/*
 * A physical interrupt comes again only after the guest has ended the last one: then what the list register
 * was given has been delivered, although nobody has looked yet.
 */
static void set_ppi(struct vgic_vm *vgic, struct vgic_irq *irq, bool level)
{
    irq->hw_again = level && irq->hw_intid != 0 && vgic_lr_holds_event(irq);
    if (irq->line != level)
        vgic_set_level(vgic, irq, level);
}

void vgic_set_ppi(struct vgic_vcpu *v, uint32_t intid, bool level)
{
    (void)vgic_hold(v->vm, &v->irqs[intid]);
    set_ppi(v->vm, &v->irqs[intid], level);
    vgic_release(v->vm, v, &v->irqs[intid]);
}

bool vgic_hw_is_held(const struct vgic_vcpu *v, uint32_t intid)
{
    const struct vgic_irq *irq = &v->irqs[intid];

    return irq->place == VGIC_IN_LR || irq->active || irq->line;
}

/* --- SGIs --------------------------------------------------------------------------------------------------
 */

/* "Forwarding an SGI to a target PE": only an SGI that is in the register's group there. */
static void send_sgi(struct vgic_vcpu *to, uint32_t intid, bool group1)
{
    struct vgic_irq *irq = &to->irqs[intid];

    spin_lock(&to->lock);
    if (irq->group1 == group1) {
        to->books.posted_count++;
        to->books.collapsed_count += irq->latch;
        /* Pending already: whoever made it so has said so. */
        if (!irq->latch) {
            irq->latch = true;
            if (irq->place == VGIC_IDLE && irq->enabled)
                vgic_enqueue(to, irq, false);
            if (irq->place != VGIC_IDLE)
                vgic_announce(to);
        }
    }
    spin_unlock(&to->lock);
}

void vgic_sgi(struct vgic_vcpu *v, uint64_t value, bool group1)
{
    struct vgic_vm *vgic = v->vm;
    uint32_t intid = (uint32_t)field_get(value, ICC_SGIR_INTID);
    uint32_t first = (uint32_t)field_get(value, ICC_SGIR_AFF1) * 16;

    if ((value & ICC_SGIR_IRM) != 0) {
        for (uint32_t i = 0; i < vgic->config.vcpu_count; i++)
            if (i != v->id)
                send_sgi(vgic->vcpus[i], intid, group1);
        return;
    }
    if ((value & (ICC_SGIR_AFF2 | ICC_SGIR_AFF3 | ICC_SGIR_RS)) != 0)
        return;
    for (uint64_t targets = value & ICC_SGIR_TARGETS; targets != 0; targets &= targets - 1) {
        uint32_t to = first + (uint32_t)__builtin_ctzll(targets);

        if (to < vgic->config.vcpu_count)
            send_sgi(vgic->vcpus[to], intid, group1);
    }
}

/* --- Deactivation ------------------------------------------------------------------------------------------
 */

void vgic_deactivate(struct vgic_vcpu *v, uint64_t value)
{
    struct vgic_vm *vgic = v->vm;
    struct vgic_irq *irq = vgic_find(vgic, v, value & ICC_DIR_INTID);

    /* In EOI mode 0 DIR does nothing. */
    if (irq == NULL || vgic_is_lpi(irq) || (vgic->config.ops->vmcr(v) & ICH_VMCR_VEOIM) == 0)
        return;
    vgic->config.ops->fold_here(v);
    if (!vgic_is_private(irq))
        spin_lock(&vgic->lock);
    (void)vgic_hold(vgic, irq);
    vgic_clear_active(vgic, vgic->vcpus[irq->home], irq);
    vgic_release(vgic, vgic->vcpus[irq->home], irq);
    if (!vgic_is_private(irq))
        spin_unlock(&vgic->lock);
}
