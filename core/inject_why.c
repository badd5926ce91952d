/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names what holds back each pending event. Asks in the order in which the scheduler would find out.
 */
#include "core/inject_why.h"

#include "core/inject_internal.h"

static const char *const blocker_names[INJECT_BLOCK_COUNT] = {
    [INJECT_BLOCK_NONE] = "nothing: goes with the next entry",
    [INJECT_BLOCK_HARDWARE] = "nothing: in the hardware's NMI slot",
    [INJECT_BLOCK_IF] = "RFLAGS.IF is clear",
    [INJECT_BLOCK_SHADOW] = "interrupt shadow",
    [INJECT_BLOCK_NMI_MASK] = "NMIs are blocked until IRET",
    [INJECT_BLOCK_IRET_STEP] = "stepping over the handler's IRET",
    [INJECT_BLOCK_TPR] = "task priority",
    [INJECT_BLOCK_GIF] = "global interrupt flag is clear",
    [INJECT_BLOCK_SLOT] = "another event goes first",
    [INJECT_BLOCK_NO_WINDOW] = "no window is asked for yet",
    [INJECT_BLOCK_UNSEEN] = "posted, the vCPU has not run since",
};

static const char *const kind_names[INJECT_KIND_COUNT] = {
    [INJECT_KIND_NMI] = "NMI",
    [INJECT_KIND_IRQ] = "interrupt",
    [INJECT_KIND_EXCEPTION] = "exception",
};

const char *inject_blocker_name(enum inject_blocker blocker)
{
    return blocker < INJECT_BLOCK_COUNT ? blocker_names[blocker] : "?";
}

const char *inject_kind_name(enum inject_kind kind)
{
    return kind < INJECT_KIND_COUNT ? kind_names[kind] : "?";
}

struct list {
    struct inject_reason *at;
    unsigned count;
};

static void add(struct list *list, enum inject_kind kind, uint8_t vector, uint8_t count,
                enum inject_blocker blocker, uint64_t age_ns)
{
    list->at[list->count++] = (struct inject_reason){.kind = (uint8_t)kind,
                                                     .vector = vector,
                                                     .count = count,
                                                     .blocker = (uint8_t)blocker,
                                                     .age_ns = age_ns};
}

/* A blocked event must have asked for an exit, unless the state changed since and a schedule is due anyway.
 */
static enum inject_blocker waiting(const struct inject_state *st, enum inject_blocker blocker,
                                   uint32_t windows)
{
    return (st->windows & windows) == 0 && st->entry_work == 0 ? INJECT_BLOCK_NO_WINDOW : blocker;
}

static bool slot_taken(const struct inject_state *st, uint32_t flags, bool exception_too)
{
    return (flags & INJECT_VIEW_SLOT_BUSY) != 0 || (exception_too && inject_event_valid(&st->exception));
}

static enum inject_blocker nmi_blocker(const struct inject_state *st, uint32_t flags)
{
    const struct inject_way *way = inject_way_of(st);
    uint64_t shadow = (st->caps & INJECT_CAP_NMI_IN_STI) != 0 ? INJECT_VIEW_SHADOW_MOVSS : INJECT_VIEW_SHADOW;

    if ((flags & INJECT_VIEW_GIF_CLEAR) != 0)
        return waiting(st, INJECT_BLOCK_GIF, INJECT_WIN_GIF);
    if (inject_masked_at_entry(st, flags) && st->iret_at_exit)
        return INJECT_BLOCK_IRET_STEP;
    if (inject_masked_at_entry(st, flags))
        return waiting(st, INJECT_BLOCK_NMI_MASK, way->masked_window);
    if (slot_taken(st, flags, true) || (st->nmi_injected && st->nmi_pending != 0))
        return INJECT_BLOCK_SLOT;
    if ((flags & shadow) != 0)
        return waiting(st, INJECT_BLOCK_SHADOW, way->shadow_window);
    return INJECT_BLOCK_NONE;
}

static enum inject_blocker irq_blocker(const struct inject_state *st, uint32_t flags)
{
    if ((flags & INJECT_VIEW_GIF_CLEAR) != 0)
        return waiting(st, INJECT_BLOCK_GIF, INJECT_WIN_GIF);
    if ((flags & INJECT_VIEW_IF) == 0)
        return waiting(st, INJECT_BLOCK_IF, INJECT_WIN_IRQ);
    if ((flags & INJECT_VIEW_SHADOW) != 0)
        return waiting(st, INJECT_BLOCK_SHADOW, INJECT_WIN_IRQ);
    if (slot_taken(st, flags, true) || st->nmi_injected || st->nmi_pending != 0)
        return INJECT_BLOCK_SLOT;
    return INJECT_BLOCK_NONE;
}

static uint64_t age(const struct inject_state *st, enum inject_kind kind, uint64_t now)
{
    return st->since[kind] != 0 && now > st->since[kind] ? now - st->since[kind] : 0;
}

static void why_nmi(const struct inject *inj, const struct inject_view *view, struct list *list)
{
    const struct inject_state *st = &inj->state;
    uint64_t posted = atomic_load_explicit(&inj->posted.word, memory_order_relaxed) & INJECT_POSTED_NMI_COUNT;
    uint8_t own = (uint8_t)(st->nmi_pending + st->nmi_injected);

    if (own != 0)
        add(list, INJECT_KIND_NMI, INJECT_VEC_NMI, own, nmi_blocker(st, view->flags),
            age(st, INJECT_KIND_NMI, view->now));
    if (st->vnmi_handed) {
        bool masked = inject_masked_at_entry(st, view->flags);

        add(list, INJECT_KIND_NMI, INJECT_VEC_NMI, 1, masked ? INJECT_BLOCK_NMI_MASK : INJECT_BLOCK_HARDWARE,
            age(st, INJECT_KIND_NMI, view->now));
    }
    if (posted != 0)
        add(list, INJECT_KIND_NMI, INJECT_VEC_NMI, (uint8_t)(posted > 255 ? 255 : posted),
            INJECT_BLOCK_UNSEEN, 0);
}

unsigned inject_why(const struct inject *inj, const struct inject_view *view,
                    struct inject_reason reasons[INJECT_WHY_MAX])
{
    const struct inject_state *st = &inj->state;
    struct list list = {.at = reasons};
    uint64_t irq_age = age(st, INJECT_KIND_IRQ, view->now);

    if (inject_event_valid(&st->exception)) {
        bool busy = slot_taken(st, view->flags, false);

        add(&list, INJECT_KIND_EXCEPTION, st->exception.vector, 1,
            busy ? INJECT_BLOCK_SLOT : INJECT_BLOCK_NONE, age(st, INJECT_KIND_EXCEPTION, view->now));
    }
    why_nmi(inj, view, &list);
    if (st->irq_held)
        add(&list, INJECT_KIND_IRQ, st->irq_vector, 1, irq_blocker(st, view->flags), irq_age);
    if ((view->flags & INJECT_VIEW_IRQ) != 0)
        add(&list, INJECT_KIND_IRQ, (uint8_t)view->irq_vector, 1,
            st->irq_held ? INJECT_BLOCK_SLOT : irq_blocker(st, view->flags), irq_age);
    else if ((view->flags & INJECT_VIEW_IRQ_TPR) != 0)
        add(&list, INJECT_KIND_IRQ, (uint8_t)view->irq_vector, 1,
            waiting(st, INJECT_BLOCK_TPR, INJECT_WIN_TPR), 0);
    return list.count;
}
