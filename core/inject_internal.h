/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scheduler's own files share. Nobody else includes this: everything in it may break an invariant of
 * struct inject_state.
 */
#pragma once

#include <stddef.h>

#include "core/inject.h"

_Static_assert(offsetof(struct inject_state, entry_work) == 0 &&
                   offsetof(struct inject_state, exit_work) == 2,
               "inject_all_work()");
_Static_assert(offsetof(struct inject_state, mask_set) == offsetof(struct inject_state, iret_at_exit) + 1,
               "inject_remembers_instruction()");

static inline const struct inject_way *inject_way_of(const struct inject_state *state)
{
    return &inject_ways[state->way];
}

static inline void inject_count_drop(struct inject *inj, enum inject_kind kind, enum inject_drop why)
{
    inj->books.dropped[kind][why]++;
}

/* The mask that governs the coming entry: what the hardware shows and what we are about to write to it. */
static inline bool inject_masked_at_entry(const struct inject_state *state, uint32_t view_flags)
{
    bool shown = (view_flags & INJECT_VIEW_NMI_MASK) != 0 && !state->mask_clear;

    return inject_way_of(state)->hw_mask ? shown || state->mask_set : state->nmi_masked;
}

/* The guest could take interrupts: where nothing better is known, the end of an NMI's handler. */
static inline bool inject_takes_interrupts(uint32_t view_flags)
{
    return (view_flags & (INJECT_VIEW_IF | INJECT_VIEW_SHADOW)) == INJECT_VIEW_IF;
}

/* What to undo of a step whose instruction has not executed: the guest's own flags return. */
static inline uint32_t inject_undo_unexecuted(const struct inject_state *state)
{
    uint64_t undo = (state->step_saved & INJECT_VIEW_TF) != 0 ? INJECT_DO_TF_SET : INJECT_DO_TF_CLEAR;

    undo |= (state->step_saved & INJECT_VIEW_RF) != 0 ? INJECT_DO_RF_SET : INJECT_DO_RF_CLEAR;
    return (state->caps & INJECT_CAP_STEP_HIDDEN) != 0 ? 0 : (uint32_t)undo;
}

/*
 * Takes over a posted word: NMIs into nmi_pending up to its limit, the surplus into the books. `view_flags`
 * and `masked`: the hardware slot and the mask as they will be at the entry.
 */
void inject_accept(struct inject *inj, uint64_t posted, uint32_t view_flags, bool masked, uint64_t now);

/* inject_schedule() for every state and view; `posted`: the posted word, which the caller has taken. */
void inject_schedule_fully(struct inject *inj, const struct inject_view *view, uint64_t posted,
                           struct inject_actions *actions);

/*
 * The entry slot's event, and the hardware's pending NMI, after an exit: delivered, or cut short and back
 * into its slot. Also takes up deliveries that the guest began by itself and that the exit cut short.
 */
void inject_settle_delivery(struct inject *inj, const struct inject_exit *exit);

/* inject_raise() without its log record. */
void inject_combine(struct inject *inj, const struct inject_event *event);

/* Starts the log afresh: the state is not what the last record left. */
void inject_log_start(struct inject *inj);

/* One record each, after the operation; `same_rip`: see INJECT_LOG_SAME_RIP. */
void inject_log_schedule(struct inject *inj, const struct inject_view *view, uint64_t posted, bool same_rip,
                         const struct inject_actions *actions);
void inject_log_exit(struct inject *inj, const struct inject_exit *exit, bool same_rip, uint32_t undo);
void inject_log_halted(struct inject *inj, const struct inject_view *view, uint64_t posted);
void inject_log_event(struct inject *inj, enum inject_log_op op, const struct inject_event *event);
