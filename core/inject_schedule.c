/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the coming entry delivers, and which exits are armed for what has to wait. One event an entry, in this
 * order: a delivery that was cut short and new exceptions, NMI, interrupt. Nothing is dropped because the
 * entry slot is taken: it waits for the window that fits the reason why it waits.
 */
#include "core/inject_internal.h"

/* What a step covers in the guest's state. */
#define STEP_FLAGS (INJECT_VIEW_TF | INJECT_VIEW_RF | INJECT_VIEW_DR6_BS)

/* One scheduling round: the inputs, settled once, and the actions as they grow. */
struct round {
    struct inject *inj;
    struct inject_state *st;
    const struct inject_way *way;
    const struct inject_view *view;
    struct inject_actions *act;
    uint32_t flags; /* view->flags, with the hardware's pending NMI as it will be at the entry */
    bool masked;    /* NMIs are blocked at the entry */
    bool step_iret; /* the guest stands before an IRET that has to be stepped over */
};

static bool shown(const struct round *r, uint64_t flags)
{
    return (r->flags & flags) != 0;
}

/* Scheduled again without an entry in between: what a step has put into the flags is not the guest's. */
static void take_back_step(struct round *r)
{
    if (r->st->step == INJECT_STEP_NONE)
        return;
    r->flags = (r->flags & ~(uint32_t)STEP_FLAGS) | r->st->step_saved;
    r->act->flags |= inject_undo_unexecuted(r->st);
}

static void settle_hardware(struct round *r)
{
    struct inject_state *st = r->st;

    if (st->vnmi_purge) {
        r->act->flags |= INJECT_DO_CLEAR_VNMI;
        r->flags &= ~(uint32_t)INJECT_VIEW_VNMI_PENDING;
    }
    if (r->way->hw_mask && st->mask_set)
        r->act->flags |= INJECT_DO_MASK_SET;
    if (r->way->hw_mask && st->mask_clear && !st->mask_set)
        r->act->flags |= INJECT_DO_MASK_CLEAR;
    if (r->way->id == INJECT_WAY_SOFT && inject_takes_interrupts(r->flags))
        st->nmi_masked = false; /* as good as a window */
    r->masked = inject_masked_at_entry(st, r->flags);
    st->vnmi_purge = false;
    st->mask_set = false;
    st->mask_clear = false;
    if (st->shutdown)
        r->act->flags |= INJECT_DO_SHUTDOWN;
    if (st->soft_warn)
        r->act->flags |= INJECT_DO_WARN_SOFT;
    st->soft_warn = false;
}

/* The hardware slot takes one NMI and delivers it by itself, when the mask and the shadow allow. */
static void hand_to_hardware(struct round *r)
{
    if (!r->way->hw_slot || r->st->nmi_pending == 0)
        return;
    if (shown(r, INJECT_VIEW_VNMI_PENDING | INJECT_VIEW_VNMI_REFUSED))
        return;
    r->st->nmi_pending--;
    r->st->vnmi_handed = true;
    r->flags |= INJECT_VIEW_VNMI_PENDING;
    r->act->flags |= INJECT_DO_SET_VNMI;
}

static bool nmi_shadowed(const struct round *r)
{
    uint64_t blocking =
        (r->st->caps & INJECT_CAP_NMI_IN_STI) != 0 ? INJECT_VIEW_SHADOW_MOVSS : INJECT_VIEW_SHADOW;

    return shown(r, blocking);
}

static bool nmi_may_go(const struct round *r)
{
    return !r->masked && !nmi_shadowed(r) && !shown(r, INJECT_VIEW_GIF_CLEAR);
}

/* The hardware takes its pending NMI at the first instruction boundary of this entry. */
static bool hardware_delivers_nmi(const struct round *r)
{
    return shown(r, INJECT_VIEW_VNMI_PENDING) && nmi_may_go(r);
}

static bool irq_may_go(const struct round *r)
{
    return shown(r, INJECT_VIEW_IF) && !shown(r, INJECT_VIEW_SHADOW | INJECT_VIEW_GIF_CLEAR);
}

static void deliver(struct round *r, enum inject_slot slot, struct inject_event event)
{
    event.flags |= INJECT_EVENT_VALID;
    r->st->slot = (uint8_t)slot;
    r->act->event = event;
}

static void deliver_nmi(struct round *r)
{
    if (!r->st->nmi_injected)
        r->st->nmi_pending--;
    r->st->nmi_injected = true;
    if (shown(r, INJECT_VIEW_SHADOW_STI))
        r->act->flags |= INJECT_DO_CLEAR_STI;
    deliver(r, INJECT_SLOT_NMI, (struct inject_event){.vector = INJECT_VEC_NMI, .type = INJECT_TYPE_NMI});
}

static void deliver_irq(struct round *r)
{
    struct inject_state *st = r->st;

    if (!st->irq_held) {
        st->irq_held = true;
        st->irq_vector = (uint8_t)r->view->irq_vector;
        r->inj->books.posted[INJECT_KIND_IRQ]++;
        r->act->flags |= INJECT_DO_ACK_IRQ;
        r->flags &= ~(uint32_t)INJECT_VIEW_IRQ;
    }
    deliver(r, INJECT_SLOT_IRQ, (struct inject_event){.vector = st->irq_vector, .type = INJECT_TYPE_IRQ});
}

/* The order at entry. */
static void choose_event(struct round *r)
{
    struct inject_state *st = r->st;

    st->slot = INJECT_SLOT_NONE;
    if (st->shutdown || shown(r, INJECT_VIEW_SLOT_BUSY))
        return;
    if (inject_event_valid(&st->exception)) {
        deliver(r, INJECT_SLOT_EXCEPTION, st->exception);
        if (st->exception_cut)
            r->act->event.payload = 0;
    } else if (shown(r, INJECT_VIEW_STEP)) {
        return; /* the rest waits until the debugger's step is done */
    } else if (st->nmi_injected && !shown(r, INJECT_VIEW_GIF_CLEAR)) {
        deliver_nmi(r);
    } else if (st->irq_held && irq_may_go(r)) {
        deliver_irq(r);
    } else if (st->nmi_pending != 0 && nmi_may_go(r)) {
        deliver_nmi(r);
    } else if (shown(r, INJECT_VIEW_IRQ) && !st->irq_held && irq_may_go(r) && !hardware_delivers_nmi(r)) {
        deliver_irq(r);
    }
}

static uint32_t nmi_window(const struct round *r)
{
    bool waits = r->st->nmi_pending != 0 || (r->st->nmi_injected && r->st->slot != INJECT_SLOT_NMI);

    if (!waits)
        return 0;
    if (shown(r, INJECT_VIEW_GIF_CLEAR))
        return INJECT_WIN_GIF;
    if (r->masked || r->st->slot == INJECT_SLOT_NMI || shown(r, INJECT_VIEW_VNMI_PENDING))
        return r->way->masked_window;
    if (r->st->slot != INJECT_SLOT_NONE || shown(r, INJECT_VIEW_SLOT_BUSY))
        return r->way->busy_window;
    return r->way->shadow_window;
}

static uint32_t irq_window(const struct round *r)
{
    bool waits = shown(r, INJECT_VIEW_IRQ) || (r->st->irq_held && r->st->slot != INJECT_SLOT_IRQ);
    uint32_t windows = shown(r, INJECT_VIEW_IRQ_TPR) ? INJECT_WIN_TPR : 0;

    if (waits)
        windows |= shown(r, INJECT_VIEW_GIF_CLEAR) ? INJECT_WIN_GIF : INJECT_WIN_IRQ;
    return windows;
}

/* Single step over one instruction, our flags in place of the guest's. Needs an empty entry slot. */
static void begin_step(struct round *r, enum inject_step step)
{
    struct inject_state *st = r->st;

    st->step = (uint8_t)step;
    st->step_rip = r->view->rip;
    st->step_saved = r->flags & (uint32_t)STEP_FLAGS;
    if ((st->caps & INJECT_CAP_STEP_HIDDEN) != 0)
        return;
    r->act->flags &= ~(uint32_t)(INJECT_DO_TF_CLEAR | INJECT_DO_RF_CLEAR);
    r->act->flags |= INJECT_DO_TF_SET | INJECT_DO_RF_SET;
}

/* The interrupt window would open inside a shadow that the entry forgets. */
static bool window_ignores_shadow(const struct round *r, uint32_t windows)
{
    return (r->st->caps & INJECT_CAP_SHADOW_LOST) != 0 && (windows & INJECT_WIN_IRQ) != 0 &&
           r->st->slot == INJECT_SLOT_NONE && shown(r, INJECT_VIEW_SHADOW) &&
           !shown(r, INJECT_VIEW_SLOT_BUSY);
}

static bool debugger_steps(const struct round *r)
{
    return shown(r, INJECT_VIEW_STEP) && r->st->slot == INJECT_SLOT_NONE &&
           !shown(r, INJECT_VIEW_SLOT_BUSY | INJECT_VIEW_GIF_CLEAR);
}

/*
 * The step over an IRET excludes the IRET window: it would open before the IRET has executed, without end.
 * The step out of a shadow does not: the instruction there may be the very IRET. Other windows are not needed
 * meanwhile: the step's own exit comes one instruction later.
 */
static void choose_windows(struct round *r)
{
    struct inject_state *st = r->st;
    uint32_t nmi = nmi_window(r);
    uint32_t windows = irq_window(r) | nmi;

    /* Where the mask is ours, its end is watched also while no other NMI waits: it must not outlive its
     * handler. */
    if (!r->way->hw_mask && (r->masked || st->slot == INJECT_SLOT_NMI))
        windows |= r->way->masked_window;
    st->step = INJECT_STEP_NONE;
    if (r->step_iret && st->slot == INJECT_SLOT_NONE && (windows & INJECT_WIN_IRET) != 0)
        begin_step(r, INJECT_STEP_IRET);
    else if ((windows & INJECT_WIN_STEP) != 0 || window_ignores_shadow(r, windows) || debugger_steps(r))
        begin_step(r, INJECT_STEP_SHADOW);
    else if (shown(r, INJECT_VIEW_STEP) && st->slot != INJECT_SLOT_NONE)
        windows |= INJECT_WIN_NOW; /* ends before the handler's first instruction */
    if (st->step == INJECT_STEP_IRET)
        windows = (windows & INJECT_WIN_TPR) | INJECT_WIN_STEP;
    else if (st->step == INJECT_STEP_SHADOW)
        windows = (windows & (INJECT_WIN_TPR | INJECT_WIN_IRET)) | INJECT_WIN_STEP;
    if (st->step != INJECT_STEP_IRET)
        st->iret_at_exit = false;
    st->windows = windows;
    r->act->windows = windows;
}

static void note_work(struct round *r)
{
    struct inject_state *st = r->st;
    bool nmi = st->nmi_pending != 0 || (st->nmi_injected && st->slot != INJECT_SLOT_NMI);
    bool irq = shown(r, INJECT_VIEW_IRQ) || (st->irq_held && st->slot != INJECT_SLOT_IRQ);
    bool exception = inject_event_valid(&st->exception) && st->slot != INJECT_SLOT_EXCEPTION;
    unsigned exit_work = st->slot != INJECT_SLOT_NONE ? INJECT_WORK_INFLIGHT : 0;

    if (st->vnmi_handed)
        exit_work |= INJECT_WORK_VNMI;
    if (st->step != INJECT_STEP_NONE)
        exit_work |= INJECT_WORK_STEP;
    if (r->way->id == INJECT_WAY_SOFT && (st->nmi_masked || st->slot == INJECT_SLOT_NMI))
        exit_work |= INJECT_WORK_BLOCKED;
    st->exit_work = (uint16_t)exit_work;
    st->entry_work = nmi || irq || exception || st->shutdown ? INJECT_WORK_PENDING : 0;
    if (!irq)
        st->since[INJECT_KIND_IRQ] = 0;
    else if (st->since[INJECT_KIND_IRQ] == 0)
        st->since[INJECT_KIND_IRQ] = r->view->now;
}

void inject_schedule_fully(struct inject *inj, const struct inject_view *view, uint64_t posted,
                           struct inject_actions *actions)
{
    struct round r = {.inj = inj,
                      .st = &inj->state,
                      .way = inject_way_of(&inj->state),
                      .view = view,
                      .act = actions,
                      .flags = view->flags};
    bool same_rip = view->rip == inj->state.step_rip;

    *actions = (struct inject_actions){0};
    inj->state.halted_at = 0;
    take_back_step(&r);
    settle_hardware(&r);
    inject_accept(inj, posted, r.flags, r.masked, view->now);
    hand_to_hardware(&r);
    r.step_iret = r.st->iret_at_exit && same_rip && (r.way->tracks_iret ? r.masked : r.st->nmi_pending != 0);
    choose_event(&r);
    choose_windows(&r);
    note_work(&r);
    inject_log_schedule(inj, view, posted, same_rip, actions);
}
