/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a vCPU's event state: the ways to track NMIs, set-up, reset, and the questions about it that
 * change nothing. Owner only; the rules of the scheduler are in inject_schedule.c and inject_exit.c.
 */
#include "core/inject.h"

#include <stddef.h>

#include "core/inject_internal.h"

/*
 * An NMI must never wait for RFLAGS.IF unless it waits for the mask of a CPU that cannot tell when that mask
 * ends: INJECT_WIN_IRQ therefore stands in one place only.
 */
const struct inject_way inject_ways[INJECT_WAY_COUNT] = {
    [INJECT_WAY_SLOT] = {.name = "vnmi",
                         .id = INJECT_WAY_SLOT,
                         .hw_slot = true,
                         .hw_mask = true,
                         .masked_window = INJECT_WIN_IRET,
                         .shadow_window = INJECT_WIN_STEP,
                         .busy_window = INJECT_WIN_NOW},
    [INJECT_WAY_IRET] = {.name = "iret",
                         .id = INJECT_WAY_IRET,
                         .tracks_iret = true,
                         .masked_window = INJECT_WIN_IRET,
                         .shadow_window = INJECT_WIN_STEP,
                         .busy_window = INJECT_WIN_NOW},
    [INJECT_WAY_WINDOW] = {.name = "window",
                           .id = INJECT_WAY_WINDOW,
                           .hw_mask = true,
                           .masked_window = INJECT_WIN_NMI,
                           .shadow_window = INJECT_WIN_NMI,
                           .busy_window = INJECT_WIN_NMI},
    [INJECT_WAY_SOFT] = {.name = "soft",
                         .id = INJECT_WAY_SOFT,
                         .masked_window = INJECT_WIN_IRQ,
                         .shadow_window = INJECT_WIN_STEP,
                         .busy_window = INJECT_WIN_NOW},
};

void inject_init(struct inject *inj, enum inject_way_id way, uint32_t caps)
{
    *inj = (struct inject){.state = {.way = (uint8_t)way, .caps = (uint8_t)caps}};
    inject_log_start(inj);
}

static void reset_nmi(struct inject *inj)
{
    struct inject_state *st = &inj->state;
    uint64_t waiting = atomic_exchange_explicit(&inj->posted.init_nmis, 0, memory_order_relaxed);

    inj->books.posted[INJECT_KIND_NMI] += waiting;
    inj->books.dropped[INJECT_KIND_NMI][INJECT_DROP_RESET] +=
        waiting + st->nmi_pending + st->nmi_injected + st->vnmi_handed;
}

void inject_reset(struct inject *inj)
{
    inject_post_init(&inj->posted);
    inject_init_taken(inj);
}

void inject_init_taken(struct inject *inj)
{
    struct inject_state *st = &inj->state;
    const struct inject_way *way = inject_way_of(st);

    reset_nmi(inj);
    if (st->irq_held)
        inject_count_drop(inj, INJECT_KIND_IRQ, INJECT_DROP_RESET);
    if (inject_event_valid(&st->exception))
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_RESET);
    *st = (struct inject_state){.way = st->way,
                                .caps = st->caps,
                                .entry_work = INJECT_WORK_RECHECK,
                                .mask_clear = way->hw_mask,
                                .vnmi_purge = way->hw_slot};
    inject_log_event(inj, INJECT_LOG_RESET, NULL);
}

void inject_forget_instruction(struct inject *inj)
{
    inj->state.iret_at_exit = false;
    inj->state.mask_set = false;
    inject_log_event(inj, INJECT_LOG_SKIPPED, NULL);
}

void inject_iret_emulated(struct inject *inj)
{
    struct inject_state *st = &inj->state;

    st->iret_at_exit = false;
    st->mask_set = false;
    st->nmi_masked = false;
    st->exit_work = (uint16_t)(st->exit_work & ~INJECT_WORK_BLOCKED);
    st->mask_clear = inject_way_of(st)->hw_mask;
    st->entry_work |= INJECT_WORK_RECHECK;
    inject_log_event(inj, INJECT_LOG_IRET_EMULATED, NULL);
}

bool inject_wakes(const struct inject *inj, const struct inject_view *view)
{
    const struct inject_state *st = &inj->state;
    uint64_t posted = atomic_load_explicit(&inj->posted.word, memory_order_relaxed);
    bool nmi = st->nmi_pending != 0 || st->nmi_injected || (posted & INJECT_POSTED_NMI_COUNT) != 0 ||
               ((view->flags & INJECT_VIEW_VNMI_PENDING) != 0 && !st->vnmi_purge);
    bool irq = st->irq_held || (view->flags & INJECT_VIEW_IRQ) != 0;

    if (inject_event_valid(&st->exception) || st->shutdown)
        return true;
    if ((view->flags & INJECT_VIEW_GIF_CLEAR) != 0)
        return false;
    if (nmi && !inject_masked_at_entry(st, view->flags))
        return true;
    return irq && (view->flags & INJECT_VIEW_IF) != 0;
}

bool inject_nmi_masked(const struct inject_state *state, bool hw_mask)
{
    return inject_masked_at_entry(state, hw_mask ? INJECT_VIEW_NMI_MASK : 0);
}

static uint64_t pending_count(const struct inject_state *st, enum inject_kind kind)
{
    switch (kind) {
    case INJECT_KIND_NMI:
        return (uint64_t)st->nmi_pending + st->nmi_injected + st->vnmi_handed;
    case INJECT_KIND_IRQ:
        return st->irq_held;
    default:
        return inject_event_valid(&st->exception);
    }
}

bool inject_books_balance(const struct inject *inj)
{
    for (unsigned kind = 0; kind < INJECT_KIND_COUNT; kind++) {
        uint64_t sum = inj->books.delivered[kind] + pending_count(&inj->state, (enum inject_kind)kind);

        for (unsigned why = 0; why < INJECT_DROP_COUNT; why++)
            sum += inj->books.dropped[kind][why];
        if (sum != inj->books.posted[kind])
            return false;
    }
    return true;
}
