/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's common round, in a few instructions: nothing is left over from before, nothing holds events
 * back, and there is one interrupt, one NMI or nothing. Everything else goes the full way,
 * inject_schedule_fully(). Where this way is taken it decides, remembers, books and logs bit for bit what the
 * full way does: the model and tests/unit/test_inject_plain.c run both.
 */
#include <stddef.h>

#include "core/inject_internal.h"

/* What the hardware shows and only a step asks for. */
#define VIEW_UNUSED (INJECT_VIEW_TF | INJECT_VIEW_RF | INJECT_VIEW_DR6_BS)

/* Where struct inject_state has what must be 0: the end of the first word, the second but for one byte, the
 * beginning of the third. */
#define SLOT_STEP_SHIFT  48
#define IRQ_VECTOR_BYTE  FIELD(15, 8)
#define LAST_BOOLS_SHIFT 24

_Static_assert(offsetof(struct inject_state, slot) == 6 && offsetof(struct inject_state, step) == 7,
               "word 0");
_Static_assert(offsetof(struct inject_state, nmi_pending) == 8, "word 1 begins");
_Static_assert(offsetof(struct inject_state, irq_vector) == 9, "word 1");
_Static_assert(offsetof(struct inject_state, iret_at_exit) == 15, "word 1 ends");
_Static_assert(offsetof(struct inject_state, mask_set) == 16, "word 2 begins");
_Static_assert(offsetof(struct inject_state, soft_warn) == 20, "word 2 ends");

static inline uint64_t word_of(const struct inject_state *st, uint32_t index)
{
    uint64_t word;

    __builtin_memcpy(&word, (const uint8_t *)st + index * sizeof(word), sizeof(word));
    return word;
}

/* Nothing in any slot, no step, no memory of an IRET, nothing to be told to the hardware, NMIs open. */
static inline bool is_idle(const struct inject_state *st)
{
    uint64_t left = word_of(st, 0) >> SLOT_STEP_SHIFT;

    left |= word_of(st, 1) & ~IRQ_VECTOR_BYTE;
    left |= word_of(st, 2) << LAST_BOOLS_SHIFT;
    left |= st->exception.flags;
    return left == 0;
}

/* All of it but the error code and the payload. */
static inline void set_event(struct inject_actions *act, uint8_t vector, enum inject_type type)
{
    act->event.vector = vector;
    act->event.type = (uint8_t)type;
    act->event.flags = INJECT_EVENT_VALID;
    act->event.insn_len = 0;
}

static inline void plain_irq(struct inject *inj, uint8_t vector, struct inject_actions *act)
{
    inj->state.slot = INJECT_SLOT_IRQ;
    inj->state.irq_held = true;
    inj->state.irq_vector = vector;
    inj->state.exit_work = INJECT_WORK_INFLIGHT;
    inj->books.posted[INJECT_KIND_IRQ]++;
    act->flags = INJECT_DO_ACK_IRQ;
    act->windows = 0;
    set_event(act, vector, INJECT_TYPE_IRQ);
}

/* Where the mask is ours its end is watched from the delivery on. */
static inline void plain_nmi(struct inject *inj, uint64_t now, struct inject_actions *act)
{
    const struct inject_way *way = inject_way_of(&inj->state);

    inj->state.slot = INJECT_SLOT_NMI;
    inj->state.nmi_injected = true;
    inj->state.since[INJECT_KIND_NMI] = now;
    inj->state.exit_work = INJECT_WORK_INFLIGHT;
    if (way->id == INJECT_WAY_SOFT)
        inj->state.exit_work = INJECT_WORK_INFLIGHT | INJECT_WORK_BLOCKED;
    inj->books.posted[INJECT_KIND_NMI]++;
    act->flags = 0;
    act->windows = way->hw_mask ? 0 : way->masked_window;
    set_event(act, INJECT_VEC_NMI, INJECT_TYPE_NMI);
}

static inline void nothing(struct inject *inj, struct inject_actions *act)
{
    inj->state.exit_work = 0;
    *act = (struct inject_actions){0};
}

/* False: not a common round, and nothing has been changed. */
static inline bool schedule_plainly(struct inject *inj, const struct inject_view *view, uint64_t posted,
                                    struct inject_actions *act)
{
    uint32_t nmis = (uint32_t)(posted & INJECT_POSTED_NMI_COUNT);
    uint32_t shown = view->flags & ~(uint32_t)VIEW_UNUSED;
    struct inject_state *st = &inj->state;

    if (UNLIKELY(!is_idle(st)))
        return false;
    if (shown == (INJECT_VIEW_IF | INJECT_VIEW_IRQ) && nmis == 0)
        plain_irq(inj, (uint8_t)view->irq_vector, act);
    else if ((shown & ~(uint32_t)INJECT_VIEW_IF) != 0 || nmis > 1 ||
             (nmis != 0 && st->way == INJECT_WAY_SLOT))
        return false;
    else if (nmis != 0)
        plain_nmi(inj, view->now, act);
    else
        nothing(inj, act);
    act->event.error = 0;
    act->event.payload = 0;
    st->entry_work = 0;
    st->windows = act->windows;
    st->halted_at = 0;
    st->since[INJECT_KIND_IRQ] = 0;
    return true;
}

void inject_schedule(struct inject *inj, const struct inject_view *view, struct inject_actions *actions)
{
    uint64_t posted = atomic_exchange_explicit(&inj->posted.word, 0, memory_order_acquire);

    if (LIKELY(schedule_plainly(inj, view, posted, actions)))
        inject_log_schedule(inj, view, posted, view->rip == inj->state.step_rip, actions);
    else
        inject_schedule_fully(inj, view, posted, actions);
}
