/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing the injection log. Kept to a few dozen plain stores: it is on in every build.
 */
#include "core/inject_log.h"

#include "core/inject_internal.h"

_Static_assert(offsetof(struct inject_state, mask_set) == 16, "a record holds the state up to `mask_set`");
_Static_assert(sizeof(struct inject_log_record) == 64, "one cache line");

static uint64_t event_word(const struct inject_event *event)
{
    uint64_t word;

    __builtin_memcpy(&word, event, sizeof(word));
    return word;
}

static struct inject_log_record *begin(struct inject *inj)
{
    struct inject_log *log = &inj->log;

    if (log->count % INJECT_LOG_HALF == 0)
        log->checkpoint[log->count / INJECT_LOG_HALF % 2] = inj->state;
    return &log->records[log->count % INJECT_LOG_RECORDS];
}

void inject_log_schedule(struct inject *inj, const struct inject_view *view, uint64_t posted)
{
    struct inject_log_record *rec = begin(inj);

    rec->input = INJECT_LOG_SCHEDULE | (uint64_t)view->irq_vector << 8 | (uint64_t)view->flags << 16 |
                 field_make(posted, INJECT_LOG_NMI_COUNT) |
                 (view->rip == inj->state.step_rip ? INJECT_LOG_SAME_RIP : 0);
    rec->event[0] = 0;
    rec->event[1] = 0;
    rec->time = view->now;
}

void inject_log_exit(struct inject *inj, const struct inject_exit *exit)
{
    struct inject_log_record *rec = begin(inj);

    rec->input = INJECT_LOG_EXIT | (uint64_t)exit->kind << 8 | (uint64_t)exit->flags << 16 |
                 field_make(exit->dr6, INJECT_LOG_DR6) |
                 (exit->rip == inj->state.step_rip ? INJECT_LOG_SAME_RIP : 0);
    rec->event[0] = event_word(&exit->cut);
    rec->event[1] = event_word(&exit->fault);
    rec->time = exit->guest_ns;
}

void inject_log_event(struct inject *inj, enum inject_log_op op, const struct inject_event *event)
{
    struct inject_log_record *rec = begin(inj);

    rec->input = op;
    rec->event[0] = event != NULL ? event_word(event) : 0;
    rec->event[1] = 0;
    rec->time = 0;
}

void inject_log_decision(struct inject *inj, const struct inject_actions *actions, uint32_t undo)
{
    struct inject_log *log = &inj->log;
    struct inject_log_record *rec = &log->records[log->count % INJECT_LOG_RECORDS];

    rec->actions = actions != NULL ? actions->flags | (uint64_t)actions->windows << 32 : undo;
    rec->delivered = actions != NULL ? event_word(&actions->event) : 0;
    __builtin_memcpy(rec->state, &inj->state, sizeof(rec->state));
    log->count++;
}
