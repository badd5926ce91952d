/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interrupt: its pending and active state, where it waits, and the books. See vgic_internal.h for who may
 * call what with which lock.
 */
#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"

#include <stddef.h>

#include "lib/assert.h"

/* How far an active interrupt looks for its place: an EOI mode 0 guest has at most as many as priorities. */
#define ACTIVE_WALK_MAX VGIC_PRIORITIES

struct vgic_books *vgic_books_of(struct vgic_vm *vgic, const struct vgic_irq *irq)
{
    return vgic_is_private(irq) ? &vgic->vcpus[irq->target]->books : &vgic->books;
}

struct vgic_irq *vgic_find(struct vgic_vm *vgic, struct vgic_vcpu *v, uint64_t intid)
{
    if (intid < VGIC_PRIVATE)
        return &v->irqs[intid];
    if (intid - VGIC_PRIVATE < vgic->config.spi_count)
        return &vgic->config.spis[intid - VGIC_PRIVATE];
    if (intid - VGIC_LPI_FIRST < vgic->config.lpi_count)
        return &vgic->config.lpis[intid - VGIC_LPI_FIRST];
    return NULL;
}

/* --- Places ------------------------------------------------------------------------------------------------
 */

void vgic_set_place(struct vgic_vcpu *v, struct vgic_irq *irq, enum vgic_place place)
{
    uint32_t delta = (uint32_t)(place != VGIC_IDLE) - (uint32_t)(irq->place != VGIC_IDLE);

    irq->place = (uint8_t)place;
    if (!vgic_is_private(irq))
        atomic_fetch_add_explicit(&v->shared_count, delta, memory_order_relaxed);
}

static struct vgic_queue *queue_of(struct vgic_vcpu *v, const struct vgic_irq *irq)
{
    return &v->queues[irq->group1];
}

void vgic_enqueue(struct vgic_vcpu *v, struct vgic_irq *irq, bool first)
{
    struct vgic_queue *queue = queue_of(v, irq);
    uint32_t level = irq->priority / 8;
    struct list_node *head = &queue->heads[level];

    list_insert_before(first ? head->next : head, &irq->node);
    queue->mask |= UINT32_C(1) << level;
    vgic_set_place(v, irq, VGIC_QUEUED);
}

/* Ahead of those with the same priority: the newest is the first to be ended. */
static void enlist_active(struct vgic_vcpu *v, struct vgic_irq *irq)
{
    struct list_node *at = v->active.next;

    for (uint32_t i = 0; i < ACTIVE_WALK_MAX && at != &v->active; i++, at = at->next) {
        const struct vgic_irq *other = LIST_ENTRY(at, struct vgic_irq, node);

        if (!other->acked || (irq->acked && irq->ack_priority <= other->ack_priority))
            break;
    }
    list_insert_before(at, &irq->node);
    v->acked_count += irq->acked;
    vgic_set_place(v, irq, VGIC_ACTIVE);
}

void vgic_unlink(struct vgic_vcpu *v, struct vgic_irq *irq)
{
    list_remove(&irq->node);
    if (irq->place == VGIC_QUEUED) {
        struct vgic_queue *queue = queue_of(v, irq);
        uint32_t level = irq->priority / 8;

        if (list_is_empty(&queue->heads[level]))
            queue->mask &= ~(UINT32_C(1) << level);
    } else {
        v->acked_count -= irq->acked;
    }
    vgic_set_place(v, irq, VGIC_IDLE);
}

/* 1 of N: may it go to this vCPU? The group enable of one that is loaded is not asked for: it is assumed. */
static bool takes_any(const struct vgic_vcpu *v, const struct vgic_irq *irq)
{
    uint64_t refuses = irq->group1 ? GICR_CTLR_DPG1NS : GICR_CTLR_DPG0;
    uint64_t enable = irq->group1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0;

    if (!v->is_on || v->asleep || (v->redist_ctlr & refuses) != 0)
        return false;
    return !v->parked || (v->cpuif.vmcr & enable) != 0;
}

static struct vgic_vcpu *choose_any(struct vgic_vm *vgic, const struct vgic_irq *irq)
{
    uint32_t count = vgic->config.vcpu_count;

    for (uint32_t i = 0; i < count; i++) {
        struct vgic_vcpu *v = vgic->vcpus[(vgic->next_any + i) % count];

        if (takes_any(v, irq)) {
            vgic->next_any = (uint8_t)((v->id + 1u) % count);
            return v;
        }
    }
    return NULL;
}

/* Whose queue it belongs to, NULL: nobody's. `v`: where it is now. */
static struct vgic_vcpu *wanted_by(struct vgic_vm *vgic, struct vgic_vcpu *v, const struct vgic_irq *irq)
{
    if (!irq->enabled || !vgic_is_pending(irq))
        return NULL;
    if (irq->any_target)
        return takes_any(v, irq) ? v : choose_any(vgic, irq);
    if (irq->target == VGIC_NO_VCPU)
        return NULL;
    if (vgic_is_lpi(irq) && (vgic->vcpus[irq->target]->redist_ctlr & GICR_CTLR_ENABLE_LPIS) == 0)
        return NULL;
    return vgic->vcpus[irq->target];
}

void vgic_announce(struct vgic_vcpu *v)
{
    atomic_store_explicit(&v->dirty, true, memory_order_release);
    if (!v->parked || vgic_signals(v, &v->cpuif))
        v->vm->config.ops->kick(v);
}

bool vgic_settle(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq, bool first)
{
    struct vgic_vcpu *to = wanted_by(vgic, v, irq);

    /* An LPI is active only for want of something better: what is pending counts. */
    if (vgic_is_lpi(irq) && to != NULL)
        irq->active = false;
    if (irq->active) {
        enlist_active(v, irq);
        return true;
    }
    if (to == v)
        vgic_enqueue(v, irq, first);
    return to == NULL || to == v;
}

void vgic_send_off(struct vgic_vm *vgic, struct vgic_irq *irq)
{
    struct vgic_vcpu *to = wanted_by(vgic, vgic->vcpus[irq->home], irq);

    if (to == NULL)
        return;
    spin_lock(&to->lock);
    irq->home = to->id;
    vgic_enqueue(to, irq, false);
    vgic_announce(to);
    spin_unlock(&to->lock);
}

struct vgic_vcpu *vgic_hold(struct vgic_vm *vgic, struct vgic_irq *irq)
{
    struct vgic_vcpu *v = vgic->vcpus[irq->home];

    spin_lock(&v->lock);
    if (irq->place == VGIC_QUEUED || irq->place == VGIC_ACTIVE)
        vgic_unlink(v, irq);
    return v;
}

void vgic_release(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq)
{
    bool settled = irq->place == VGIC_IN_LR || vgic_settle(vgic, v, irq, false);

    if (irq->place != VGIC_IDLE)
        vgic_announce(v);
    spin_unlock(&v->lock);
    if (!settled)
        vgic_send_off(vgic, irq);
}

/* --- Changes of one interrupt ------------------------------------------------------------------------------
 */

void vgic_latch(struct vgic_vm *vgic, struct vgic_irq *irq)
{
    struct vgic_books *books = vgic_books_of(vgic, irq);
    bool was = irq->latch || (vgic_is_pending(irq) && !vgic_lr_holds_event(irq));

    books->posted_count++;
    books->collapsed_count += was;
    irq->latch = true;
}

void vgic_clear_latch(struct vgic_vm *vgic, struct vgic_irq *irq)
{
    bool in_lr = vgic_lr_holds_event(irq);
    bool was = irq->latch;

    irq->latch = false;
    irq->lr_latch = false;
    if (in_lr && irq->edge)
        irq->drop_pending = true;
    if (was && (in_lr || !vgic_is_pending(irq)))
        vgic_books_of(vgic, irq)->withdrawn_count++;
}

void vgic_set_level(struct vgic_vm *vgic, struct vgic_irq *irq, bool level)
{
    struct vgic_books *books = vgic_books_of(vgic, irq);
    bool elsewhere = irq->latch || vgic_lr_holds_event(irq); /* the line adds nothing */

    irq->line = level;
    if (irq->edge) {
        if (level)
            vgic_latch(vgic, irq);
    } else if (level) {
        books->posted_count++;
        books->collapsed_count += elsewhere;
    } else {
        books->withdrawn_count += !elsewhere;
    }
}

void vgic_set_edge(struct vgic_vm *vgic, struct vgic_irq *irq, bool edge)
{
    struct vgic_books *books = vgic_books_of(vgic, irq);
    bool counted = irq->line && !irq->latch && !vgic_lr_holds_event(irq);

    if (irq->edge == edge)
        return;
    irq->edge = edge;
    books->withdrawn_count += counted && edge;
    books->posted_count += counted && !edge;
}

static uint32_t ghost_bit(const struct vgic_irq *irq)
{
    return UINT32_C(1) << irq->ack_priority / 8;
}

/* Its EOI will find nothing and be counted (EOI mode 0): it must not be taken for that of another one. */
void vgic_leave_ghost(struct vgic_vcpu *v, struct vgic_irq *irq)
{
    if (!irq->acked || (v->vm->config.ops->vmcr(v) & ICH_VMCR_VEOIM) != 0)
        return;
    v->ghosts |= ghost_bit(irq);
    irq->ghost = true;
}

/* ... unless the guest sets it active again before that EOI. */
bool vgic_recall_ghost(struct vgic_vcpu *v, struct vgic_irq *irq)
{
    bool recalled = irq->ghost && (v->ghosts & ghost_bit(irq)) != 0;

    if (recalled)
        v->ghosts &= ~ghost_bit(irq);
    irq->ghost = false;
    return recalled;
}

void vgic_activate(struct vgic_vcpu *v, struct vgic_irq *irq)
{
    if (irq->place == VGIC_IN_LR) {
        irq->set_active = true;
        irq->drop_active = false;
    } else if (!irq->active) {
        irq->active = true;
        irq->acked = vgic_recall_ghost(v, irq);
    }
}

void vgic_clear_active(struct vgic_vm *vgic, struct vgic_vcpu *v, struct vgic_irq *irq)
{
    if (irq->place == VGIC_IN_LR) {
        irq->drop_active = true;
        irq->set_active = false;
    } else if (irq->active) {
        vgic_leave_ghost(v, irq);
        irq->active = false;
        irq->acked = false;
        if (irq->hw_intid != 0)
            vgic->config.ops->hw_deactivate(v, irq->hw_intid);
    }
}
