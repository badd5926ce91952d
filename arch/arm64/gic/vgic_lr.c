/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * List registers. Everything in them is folded back into struct vgic_irq and chosen again; a vCPU without
 * news is not looked at.
 *
 * Choice: what is pending goes first, by priority; active interrupts get what room is left. An active one can
 * do without: its priority is in the active priorities registers, and its EOI is counted (EOIcount) or its
 * DIR trapped. A pending one cannot. So while something pending waits, all list registers are pending, and
 * "no list register is pending" is exactly the moment when what waits can be due: it never holds at entry, so
 * the maintenance interrupt cannot come without progress, whatever number of registers there is.
 */
#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "lib/assert.h"

/* The vCPU's lock, and the VM's first if SPIs or LPIs are with the vCPU. True: the latter too. */
static bool lock_run(struct vgic_vcpu *v)
{
    bool shared = false;

    for (;;) {
        shared = shared || atomic_load_explicit(&v->shared_count, memory_order_relaxed) != 0;
        if (shared)
            spin_lock(&v->vm->lock);
        spin_lock(&v->lock);
        if (shared || atomic_load_explicit(&v->shared_count, memory_order_relaxed) == 0)
            return shared;
        spin_unlock(&v->lock);
        shared = true;
    }
}

static void unlock_run(struct vgic_vcpu *v, bool shared)
{
    spin_unlock(&v->lock);
    if (shared)
        spin_unlock(&v->vm->lock);
}

/* --- Fold --------------------------------------------------------------------------------------------------
 */

/* The event that was put into the list register has been acknowledged. */
static void event_delivered(struct vgic_irq *irq, struct vgic_books *books)
{
    books->delivered_count++;
    if (irq->hw_intid != 0)
        irq->line = irq->hw_again;
    if (irq->edge || !irq->line)
        return;
    /* A level that still stands is pending again at once. */
    books->posted_count++;
    books->collapsed_count += irq->latch;
}

/* ... has not, and comes back. */
static void event_returns(struct vgic_irq *irq, struct vgic_books *books)
{
    bool again = irq->latch;
    bool latched = irq->edge ? !irq->drop_pending : irq->lr_latch;
    bool stands = latched || (!irq->edge && irq->line);

    irq->latch = again || latched;
    books->collapsed_count += again && stands;
    books->withdrawn_count += !stands;
}

static void fold_one(struct vgic_vcpu *v, struct vgic_irq *irq, uint64_t lr)
{
    struct vgic_vm *vgic = v->vm;
    struct vgic_books *books = vgic_books_of(vgic, irq);
    bool pending = (lr & ICH_LR_PENDING) != 0;
    bool active = (lr & ICH_LR_ACTIVE) != 0;
    bool acknowledged = irq->lr_pending && !pending;
    bool ended = (irq->lr_active || acknowledged) && !active;

    if (acknowledged)
        event_delivered(irq, books);
    else if (irq->lr_pending)
        event_returns(irq, books);
    if (acknowledged) {
        irq->ghost = false;
        irq->acked = true;
        irq->ack_priority = (uint8_t)field_get(lr, ICH_LR_PRIORITY);
    }
    if (irq->hw_intid != 0 && ((ended && (lr & ICH_LR_HW) == 0) || (active && irq->drop_active)))
        vgic->config.ops->hw_deactivate(v, irq->hw_intid);
    if (active && irq->drop_active)
        vgic_leave_ghost(v, irq);
    irq->active = (active && !irq->drop_active) || irq->set_active;
    irq->acked = irq->acked && active && !irq->drop_active;
    if (vgic_is_lpi(irq))
        irq->acked = false; /* its EOI is not counted */
    if (irq->set_active && !irq->acked)
        irq->acked = vgic_recall_ghost(v, irq);
    irq->lr_pending = false;
    irq->lr_active = false;
    irq->lr_latch = false;
    irq->hw_again = false;
    irq->drop_pending = false;
    irq->drop_active = false;
    irq->set_active = false;
    vgic_set_place(v, irq, VGIC_IDLE);
}

/*
 * The common case in few steps: acknowledged and ended, with no notes, and nothing is left to do. True: done.
 */
static bool fold_ended(struct vgic_vcpu *v, struct vgic_irq *irq, uint64_t lr)
{
    bool backed = irq->hw_intid != 0;

    if ((lr & ICH_LR_STATE) != 0 || irq->latch || irq->drop_pending || irq->drop_active || irq->set_active ||
        irq->hw_again || (irq->line && !irq->edge && !backed) || (backed && (lr & ICH_LR_HW) == 0))
        return false;
    if (irq->lr_pending) {
        vgic_books_of(v->vm, irq)->delivered_count++;
        irq->line = irq->line && !backed;
        irq->ghost = false;
    } else if (backed && irq->line) {
        return false;
    }
    irq->active = false;
    irq->acked = false;
    irq->lr_pending = false;
    irq->lr_active = false;
    irq->lr_latch = false;
    vgic_set_place(v, irq, VGIC_IDLE);
    return true;
}

/* EOI mode 0: interrupts are ended in the order of their priorities, so the count says which ones. */
static void count_eois(struct vgic_vcpu *v, uint64_t count, struct list_node *strays)
{
    if (LIKELY(count == 0) || (v->vm->config.ops->vmcr(v) & ICH_VMCR_VEOIM) != 0)
        return;
    for (; count != 0 && (v->acked_count != 0 || v->ghosts != 0); count--) {
        struct vgic_irq *irq = LIST_ENTRY(v->active.next, struct vgic_irq, node);

        if (v->acked_count == 0 || (v->ghosts & (BIT(irq->ack_priority / 8) - 1)) != 0) {
            v->ghosts &= v->ghosts - 1;
            continue;
        }
        ASSERT(irq->acked);
        vgic_unlink(v, irq);
        irq->acked = false; /* no ghost: this is its EOI */
        vgic_clear_active(v->vm, v, irq);
        if (!vgic_settle(v->vm, v, irq, false))
            list_append(strays, &irq->node);
    }
}

/* With the locks of lock_run(). Those that belong to another vCPU now are left in `strays`, which is begun
 * here. */
static void fold_held(struct vgic_vcpu *v, const struct vgic_lrs *lrs, struct list_node *strays)
{
    list_init(strays);
    /* Those that were not in a list register ended before those that still are in one can change places. */
    count_eois(v, field_get(lrs->hcr, ICH_HCR_EOICOUNT), strays);
    for (uint32_t i = v->lr_count; i-- != 0;) {
        struct vgic_irq *irq = v->lrs[i];
        bool returned = irq->lr_pending && (lrs->lr[i] & ICH_LR_PENDING) != 0;

        if (LIKELY(fold_ended(v, irq, lrs->lr[i])))
            continue;
        fold_one(v, irq, lrs->lr[i]);
        if (!vgic_settle(v->vm, v, irq, returned))
            list_append(strays, &irq->node);
    }
    v->lr_count = 0;
}

/* The VM's lock is held, no vCPU's: it keeps everybody else from these, which are idle. */
static void send_off(struct vgic_vm *vgic, struct list_node *strays)
{
    while (!list_is_empty(strays)) {
        struct vgic_irq *irq = LIST_ENTRY(strays->next, struct vgic_irq, node);

        list_remove(&irq->node);
        vgic_send_off(vgic, irq);
    }
}

void vgic_fold(struct vgic_vcpu *v, const struct vgic_lrs *lrs)
{
    struct list_node strays;
    bool shared;

    if (v->lr_count == 0 && (lrs->hcr & ICH_HCR_EOICOUNT) == 0)
        return;
    shared = lock_run(v);
    fold_held(v, lrs, &strays);
    atomic_store_explicit(&v->dirty, true, memory_order_relaxed);
    spin_unlock(&v->lock);
    send_off(v->vm, &strays);
    if (shared)
        spin_unlock(&v->vm->lock);
}

/* --- Fill --------------------------------------------------------------------------------------------------
 */

static uint64_t lr_value(const struct vgic_irq *irq, uint8_t priority)
{
    uint64_t lr = field_make(irq->intid, ICH_LR_VINTID) | field_make(priority, ICH_LR_PRIORITY);

    lr |= irq->group1 ? ICH_LR_GROUP1 : 0;
    lr |= irq->lr_pending ? ICH_LR_PENDING : 0;
    lr |= irq->lr_active ? ICH_LR_ACTIVE : 0;
    /* One that the guest also set pending: no list register with HW says so when it is through. */
    if (irq->hw_intid != 0 && !(irq->active && irq->latch))
        return lr | ICH_LR_HW | field_make(irq->hw_intid, ICH_LR_PINTID);
    /* Something will be left to do when the guest is through: a level that stands, an event that waits. */
    if (irq->hw_intid != 0 || (irq->enabled && vgic_is_pending(irq)))
        lr |= ICH_LR_EOI;
    return lr;
}

/* EOI looks for the priority that the acknowledge has made active. */
static uint8_t lr_priority(const struct vgic_irq *irq)
{
    return irq->active && (irq->acked || vgic_is_lpi(irq)) ? irq->ack_priority : irq->priority;
}

/* An active one, out of its list; `pending`: with the event beside it. */
static void put(struct vgic_vcpu *v, struct vgic_lrs *lrs, struct vgic_irq *irq, bool pending)
{
    uint32_t at = lrs->count++;

    irq->lr_active = irq->active;
    irq->lr_pending = pending;
    irq->lr_latch = pending && irq->latch;
    irq->latch = irq->latch && !pending;
    irq->lr = (uint8_t)at;
    irq->place = VGIC_IN_LR; /* from one place to another: shared_count stays */
    v->lrs[at] = irq;
    lrs->lr[at] = lr_value(irq, lr_priority(irq));
}

/* From a queue, so enabled and not active. */
static void put_event(struct vgic_vcpu *v, struct vgic_lrs *lrs, struct vgic_irq *irq)
{
    uint32_t at = lrs->count++;
    uint64_t lr = ICH_LR_PENDING | irq->intid | field_make(irq->priority, ICH_LR_PRIORITY) |
                  field_make(irq->group1, ICH_LR_GROUP1);

    if (irq->hw_intid != 0)
        lr |= ICH_LR_HW | field_make(irq->hw_intid, ICH_LR_PINTID);
    else if (!irq->edge && irq->line)
        lr |= ICH_LR_EOI;
    irq->lr_latch = irq->latch;
    irq->latch = false;
    irq->lr_pending = true;
    irq->lr = (uint8_t)at;
    irq->place = VGIC_IN_LR;
    v->lrs[at] = irq;
    lrs->lr[at] = lr;
}

/* Of these groups, as long as there is room. True: something is left. */
static inline bool put_pending(struct vgic_vcpu *v, struct vgic_lrs *lrs, uint8_t groups)
{
    uint32_t limit = v->vm->config.lr_count;
    uint32_t left0 = (groups & 1) != 0 ? v->queues[0].mask : 0;
    uint32_t left1 = (groups & 2) != 0 ? v->queues[1].mask : 0;

    while ((left0 | left1) != 0 && lrs->count < limit) {
        uint32_t level = (uint32_t)__builtin_ctz(left0 | left1);
        uint32_t bit = UINT32_C(1) << level;
        struct vgic_queue *queue = &v->queues[(left0 & bit) == 0];
        struct list_node *head = &queue->heads[level];
        struct vgic_irq *irq = LIST_ENTRY(head->next, struct vgic_irq, node);

        list_remove(&irq->node);
        if (list_is_empty(head)) {
            queue->mask &= ~bit;
            left1 &= (left0 & bit) == 0 ? ~bit : ~UINT32_C(0);
            left0 &= ~bit;
        }
        put_event(v, lrs, irq);
    }
    return (left0 | left1) != 0;
}

/* An active interrupt with an event beside it becomes pending in the list register, where the event may stay.
 */
static bool event_fits(const struct vgic_vcpu *v, const struct vgic_irq *irq)
{
    return irq->latch && irq->edge && lr_priority(irq) == irq->priority && irq->enabled &&
           vgic_group_is_enabled(v->vm, irq) && (irq->target == v->id || irq->any_target);
}

static void put_active(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    while (lrs->count < v->vm->config.lr_count && !list_is_empty(&v->active)) {
        struct vgic_irq *irq = LIST_ENTRY(v->active.next, struct vgic_irq, node);

        list_remove(&irq->node);
        v->acked_count -= irq->acked;
        put(v, lrs, irq, event_fits(v, irq));
    }
}

/* The list register of an active LPI only serves its EOI: without one, it is not active any more. None is
 * pending: vgic_settle(). */
static void drop_active_lpis(struct vgic_vcpu *v)
{
    for (struct list_node *at = v->active.next, *next; at != &v->active; at = next) {
        struct vgic_irq *irq = LIST_ENTRY(at, struct vgic_irq, node);

        next = at->next;
        if (!vgic_is_lpi(irq))
            continue;
        vgic_unlink(v, irq);
        irq->active = false;
    }
}

/* More than `count` wait, in these groups. */
static bool more_than(const struct vgic_vcpu *v, uint32_t count)
{
    for (uint32_t group = 0; group < 2; group++)
        for (uint32_t mask = v->queues[group].mask; mask != 0; mask &= mask - 1)
            LIST_FOR_EACH(node, &v->queues[group].heads[__builtin_ctz(mask)])
            {
                if (count-- == 0)
                    return true;
            }
    return false;
}

/*
 * Both groups, and not room for all: one that the guest has turned off at its CPU interface must not keep the
 * other out. Rare enough for a look at VMCR; the guest's changing its mind is told by maintenance interrupts.
 */
static uint64_t put_by_group(struct vgic_vcpu *v, struct vgic_lrs *lrs, uint8_t groups)
{
    uint64_t vmcr = v->vm->config.ops->vmcr(v);
    uint8_t on = (uint8_t)(((vmcr & ICH_VMCR_VENG0) != 0 ? 1 : 0) | ((vmcr & ICH_VMCR_VENG1) != 0 ? 2 : 0));

    if (put_pending(v, lrs, groups & on) || put_pending(v, lrs, groups & (uint8_t)~on))
        lrs->hcr |= ICH_HCR_NPIE;
    return ((on & 1) != 0 ? ICH_HCR_VGRP0DIE : ICH_HCR_VGRP0EIE) |
           ((on & 2) != 0 ? ICH_HCR_VGRP1DIE : ICH_HCR_VGRP1EIE);
}

/* With the locks of lock_run(). */
static void fill_held(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    uint8_t groups = atomic_load_explicit(&v->vm->groups, memory_order_relaxed);

    ASSERT(v->lr_count == 0);
    atomic_store_explicit(&v->dirty, false, memory_order_relaxed);
    lrs->hcr = ICH_HCR_EN | ICH_HCR_TDIR;
    lrs->count = 0;
    if (UNLIKELY(groups == 3 && v->queues[0].mask != 0 && v->queues[1].mask != 0 &&
                 more_than(v, v->vm->config.lr_count)))
        lrs->hcr |= put_by_group(v, lrs, groups);
    else if (put_pending(v, lrs, groups))
        lrs->hcr |= ICH_HCR_NPIE;
    if (UNLIKELY(!list_is_empty(&v->active))) {
        put_active(v, lrs);
        drop_active_lpis(v);
    }
    if (UNLIKELY(v->acked_count != 0))
        lrs->hcr |= ICH_HCR_LRENPIE;
    v->lr_count = (uint8_t)lrs->count;
}

void vgic_fill(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    bool shared = lock_run(v);

    fill_held(v, lrs);
    unlock_run(v, shared);
}

/* --- Both --------------------------------------------------------------------------------------------------
 */

/* It is pending again, with nothing to be said about it but that, and belongs to this vCPU. */
static inline bool is_plain_again(const struct vgic_vcpu *v, const struct vgic_irq *irq, uint64_t lr)
{
    if (!irq->enabled || irq->any_target || irq->active || !irq->lr_pending || irq->lr_active ||
        irq->drop_pending || irq->drop_active || irq->set_active)
        return false;
    if (irq->hw_intid != 0 ? !irq->hw_again || irq->latch || (lr & ICH_LR_HW) == 0
                           : !irq->edge || !irq->latch)
        return false;
    return irq->target == v->id && vgic_group_is_enabled(v->vm, irq) &&
           (!vgic_is_lpi(irq) || (v->redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0);
}

/*
 * The commonest news in few steps: the only interrupt in list registers has been acknowledged and ended and
 * has come again, and nothing else waits or is active. Back into its list register without a queue in
 * between. False: nothing has been changed.
 */
static inline bool put_again(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    struct vgic_irq *irq = v->lrs[0];
    struct vgic_books *books;

    if (v->lr_count != 1 || (lrs->lr[0] & ICH_LR_STATE) != 0 || (lrs->hcr & ICH_HCR_EOICOUNT) != 0 ||
        (v->queues[0].mask | v->queues[1].mask) != 0 || !list_is_empty(&v->active) ||
        !is_plain_again(v, irq, lrs->lr[0]))
        return false;
    books = vgic_books_of(v->vm, irq);
    books->delivered_count++;
    books->posted_count += irq->hw_again; /* an edge was booked when it came */
    irq->ghost = false;
    irq->hw_again = false;
    atomic_store_explicit(&v->dirty, false, memory_order_relaxed);
    lrs->hcr = ICH_HCR_EN | ICH_HCR_TDIR;
    lrs->count = 0;
    put_event(v, lrs, irq);
    return true;
}

/* With the locks of lock_run(), and so again afterwards. */
static __attribute__((noinline)) void fold_and_fill(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    struct list_node strays;

    fold_held(v, lrs, &strays);
    if (UNLIKELY(!list_is_empty(&strays))) {
        spin_unlock(&v->lock);
        send_off(v->vm, &strays);
        spin_lock(&v->lock);
    }
    fill_held(v, lrs);
}

void vgic_refill(struct vgic_vcpu *v, struct vgic_lrs *lrs)
{
    bool shared = lock_run(v);

    if (v->lr_count == 0 && (lrs->hcr & ICH_HCR_EOICOUNT) == 0)
        fill_held(v, lrs);
    else if (UNLIKELY(!put_again(v, lrs)))
        fold_and_fill(v, lrs);
    unlock_run(v, shared);
}
