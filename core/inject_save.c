/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting, checking and setting a vCPU's event state. Everything is checked before anything is changed. The
 * order on the way in is the heart: slot purged, mask written, pending NMIs last.
 */
#include "core/inject_save.h"

#include "core/inject_internal.h"
#include "lib/error.h"

void inject_events_get(struct inject *inj, const struct inject_view *view, struct inject_events *events)
{
    const struct inject_state *st = &inj->state;
    uint32_t flags = st->vnmi_purge ? view->flags & ~(uint32_t)INJECT_VIEW_VNMI_PENDING : view->flags;
    bool masked = inject_masked_at_entry(st, flags);
    uint64_t posted = atomic_exchange_explicit(&inj->posted.word, 0, memory_order_acquire);

    inject_accept(inj, posted, flags, masked, view->now);
    inj->state.entry_work |= INJECT_WORK_RECHECK;
    *events = (struct inject_events){
        .exception = st->exception,
        .exception_cut = inject_event_valid(&st->exception) && st->exception_cut,
        .shutdown = st->shutdown,
        .irq_injected = st->irq_held,
        .irq_vector = st->irq_held ? st->irq_vector : 0,
        .nmi_injected = st->nmi_injected,
        .nmi_masked = masked,
        .nmi_pending = (uint8_t)(st->nmi_pending + ((flags & INJECT_VIEW_VNMI_PENDING) != 0)),
        .shadow = view->flags & (uint32_t)INJECT_VIEW_SHADOW,
        .windows = st->windows,
        .blocked_ns = st->way == INJECT_WAY_SOFT && masked ? st->blocked_ns : 0,
    };
}

static int check_exception(const struct inject_event *event, bool cut)
{
    static const uint32_t with_error = 1u << INJECT_VEC_DF | 1u << INJECT_VEC_TS | 1u << INJECT_VEC_NP |
                                       1u << INJECT_VEC_SS | 1u << INJECT_VEC_GP | 1u << INJECT_VEC_PF |
                                       1u << INJECT_VEC_AC | 1u << INJECT_VEC_CP | 1u << 29 | 1u << 30;
    bool has_error = (event->flags & INJECT_EVENT_HAS_ERROR) != 0;

    if ((event->flags & ~(INJECT_EVENT_VALID | INJECT_EVENT_HAS_ERROR)) != 0)
        return E_INVAL;
    if (!inject_event_valid(event))
        return cut || has_error ? E_INVAL : 0;
    if (inject_event_is_soft(event)) {
        if (event->type > INJECT_TYPE_SOFT_EXC || has_error || event->insn_len == 0 || event->insn_len > 15)
            return E_INVAL;
        return 0;
    }
    if (event->type != INJECT_TYPE_EXCEPTION || event->vector > 31 || event->vector == INJECT_VEC_NMI)
        return E_INVAL;
    if (event->insn_len != 0 || (has_error && (with_error >> event->vector & 1) == 0))
        return E_INVAL;
    return 0;
}

int inject_events_check(const struct inject_events *events)
{
    int error = check_exception(&events->exception, events->exception_cut);

    if (error != 0)
        return error;
    if (events->nmi_pending > 2)
        return E_RANGE;
    if ((events->nmi_injected || events->nmi_masked) && events->nmi_pending > 1)
        return E_RANGE;
    if (events->nmi_injected && events->nmi_masked)
        return E_INVAL;
    if (events->shadow != 0 && events->shadow != INJECT_VIEW_SHADOW_STI &&
        events->shadow != INJECT_VIEW_SHADOW_MOVSS)
        return E_INVAL;
    if (!events->irq_injected && events->irq_vector != 0)
        return E_INVAL;
    return 0;
}

int inject_events_set(struct inject *inj, const struct inject_events *events)
{
    struct inject_state *st = &inj->state;
    const struct inject_way *way = inject_way_of(st);
    int error = inject_events_check(events);

    if (error != 0)
        return error;
    inject_reset(inj);
    st->mask_set = way->hw_mask && events->nmi_masked;
    st->mask_clear = way->hw_mask && !events->nmi_masked;
    st->nmi_masked = !way->hw_mask && events->nmi_masked;
    st->nmi_injected = events->nmi_injected;
    st->irq_held = events->irq_injected;
    st->irq_vector = events->irq_vector;
    st->exception = events->exception;
    st->exception_cut = events->exception_cut;
    st->shutdown = events->shutdown;
    st->blocked_ns = events->blocked_ns;
    inj->books.posted[INJECT_KIND_NMI] += events->nmi_injected;
    inj->books.posted[INJECT_KIND_IRQ] += events->irq_injected;
    inj->books.posted[INJECT_KIND_EXCEPTION] += inject_event_valid(&events->exception);
    inject_log_start(inj);
    for (unsigned i = 0; i < events->nmi_pending; i++)
        (void)inject_post_nmi(&inj->posted);
    return 0;
}
