/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exit teaches: whether the last event arrived, whether an IRET is about to execute, has completed or
 * has faulted, and, where the CPU tracks nothing, whether the software's NMI block may end.
 */
#include "core/inject_internal.h"

/* Guest time after which the soft way opens NMIs for one that waits. */
#define SOFT_BLOCK_LIMIT_NS UINT64_C(1000000000)

/*
 * What to undo of a step whose instruction has executed. RF was consumed by the instruction. TF is still
 * ours, unless the instruction loaded RFLAGS. DR6.BS is ours unless the guest was stepping itself or had it
 * set.
 */
static uint32_t undo_executed(const struct inject_state *st, enum inject_step step,
                              const struct inject_exit *exit)
{
    bool loaded = step == INJECT_STEP_IRET || (exit->flags & INJECT_EXIT_FLAGS_LOADED) != 0;
    uint64_t undo = 0;

    if ((st->caps & INJECT_CAP_STEP_HIDDEN) != 0)
        return 0;
    if (!loaded && (st->step_saved & INJECT_VIEW_TF) == 0)
        undo |= INJECT_DO_TF_CLEAR;
    if ((st->step_saved & (INJECT_VIEW_TF | INJECT_VIEW_DR6_BS)) == 0)
        undo |= INJECT_DO_BS_CLEAR;
    return (uint32_t)undo;
}

/* The #DB that ended a step may be the guest's as well: its own breakpoints, its own single step. */
static void raise_guest_debug(struct inject *inj, const struct inject_exit *exit)
{
    uint64_t bits = exit->dr6 & (INJECT_DR6_TRAPS | INJECT_DR6_BD | INJECT_DR6_BT);
    struct inject_event debug = inject_event_exception(INJECT_VEC_DB);

    if ((inj->state.step_saved & INJECT_VIEW_TF) != 0)
        bits |= exit->dr6 & INJECT_DR6_BS;
    if (bits == 0)
        return;
    debug.payload = bits;
    inject_combine(inj, &debug);
}

/*
 * The end of a stepped instruction. While a step is armed every way for the guest to reach a handler is
 * intercepted, and nothing is injected. Hence a RIP that moved means that the instruction has completed, and
 * a RIP that stayed means that it has not, unless the step's own exit says so (an IRET or jump to itself).
 */
static uint32_t settle_step(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_state *st = &inj->state;
    enum inject_step step = (enum inject_step)st->step;
    bool executed = exit->kind == INJECT_EXIT_STEP || exit->rip != st->step_rip;
    uint32_t undo;

    st->step = INJECT_STEP_NONE;
    st->entry_work |= INJECT_WORK_RECHECK;
    undo = executed ? undo_executed(st, step, exit) : inject_undo_unexecuted(st);
    if (executed && step == INJECT_STEP_IRET) {
        st->iret_at_exit = false;
        st->nmi_masked = false;
    }
    if (exit->kind == INJECT_EXIT_STEP) {
        inj->books.steps++;
        raise_guest_debug(inj, exit);
    }
    return undo;
}

/* NMIs have been taken for blocked too long. */
static void soft_force(struct inject *inj)
{
    struct inject_state *st = &inj->state;

    if (st->blocked_ns <= SOFT_BLOCK_LIMIT_NS)
        return;
    st->nmi_masked = false;
    st->soft_warn = true;
    inj->books.soft_forced++;
}

static void soft_unblock(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_state *st = &inj->state;

    st->blocked_ns += exit->guest_ns;
    if (inject_takes_interrupts(exit->flags))
        st->nmi_masked = false;
    else if (st->nmi_pending != 0)
        soft_force(inj);
    if (!st->nmi_masked)
        st->entry_work |= INJECT_WORK_RECHECK;
}

uint64_t inject_halted(struct inject *inj, const struct inject_view *view)
{
    struct inject_state *st = &inj->state;
    uint64_t posted = atomic_load_explicit(&inj->posted.word, memory_order_relaxed);
    uint64_t waiting = st->nmi_pending + field_get(posted, INJECT_POSTED_NMI_COUNT);

    if (st->way != INJECT_WAY_SOFT || !st->nmi_masked)
        return INJECT_NEVER;
    if (st->halted_at != 0)
        st->blocked_ns += view->now - st->halted_at;
    st->halted_at = view->now;
    if (inject_takes_interrupts(view->flags))
        st->nmi_masked = false;
    else if (waiting != 0)
        soft_force(inj);
    inject_log_halted(inj, view, posted);
    if (waiting == 0 || !st->nmi_masked)
        return INJECT_NEVER;
    return view->now + SOFT_BLOCK_LIMIT_NS - st->blocked_ns + 1;
}

static void note_kind(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_state *st = &inj->state;

    switch (exit->kind) {
    case INJECT_EXIT_IRET:
        inj->books.iret_intercepts++;
        st->iret_at_exit = true;
        st->step_rip = exit->rip;
        break;
    case INJECT_EXIT_IRQ_WINDOW:
        inj->books.irq_windows++;
        break;
    case INJECT_EXIT_NMI_WINDOW:
        inj->books.nmi_windows++;
        break;
    case INJECT_EXIT_FAULT:
        inject_combine(inj, &exit->fault);
        break;
    default:
        return;
    }
    st->entry_work |= INJECT_WORK_RECHECK;
}

/* The processor has already opened NMIs for an IRET that caused the exit and will execute again. */
static void note_unblocked(struct inject_state *st, const struct inject_exit *exit)
{
    if ((exit->flags & INJECT_EXIT_NMI_UNBLOCKED) == 0 || st->way != INJECT_WAY_WINDOW)
        return;
    st->mask_set = true;
    st->entry_work |= INJECT_WORK_RECHECK;
}

uint32_t inject_after_exit(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_state *st = &inj->state;
    bool same_rip = exit->rip == st->step_rip;
    uint32_t undo = 0;

    inject_settle_delivery(inj, exit);
    if (st->step != INJECT_STEP_NONE)
        undo = settle_step(inj, exit);
    else
        st->iret_at_exit = false;
    note_unblocked(st, exit);
    note_kind(inj, exit);
    if (st->way == INJECT_WAY_SOFT && st->nmi_masked)
        soft_unblock(inj, exit);
    if (st->nmi_pending != 0 || st->nmi_injected || st->irq_held || inject_event_valid(&st->exception))
        st->entry_work |= INJECT_WORK_PENDING;
    st->exit_work = st->vnmi_handed ? INJECT_WORK_VNMI : 0;
    if (st->way == INJECT_WAY_SOFT && st->nmi_masked)
        st->exit_work |= INJECT_WORK_BLOCKED;
    inject_log_exit(inj, exit, same_rip, undo);
    return undo;
}
