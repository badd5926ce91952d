/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing the injection log. It is on in every build, so a record is some twenty plain instructions: whole
 * words are copied from where the inputs and the state have them.
 */
#include "core/inject_log.h"

#include "core/inject_internal.h"

#define OP_SHIFT  28
#define RIP_SHIFT 27
#define NMI_SHIFT 40

_Static_assert(offsetof(struct inject_view, flags) == 0, "copied as one word");
_Static_assert(offsetof(struct inject_view, irq_vector) == 4, "copied as one word");
_Static_assert(offsetof(struct inject_exit, flags) == 0, "copied as one word");
_Static_assert(offsetof(struct inject_exit, dr6) == 4, "copied as one word");
_Static_assert(offsetof(struct inject_exit, kind) == 6, "copied as one word");
_Static_assert(offsetof(struct inject_actions, flags) == 0, "copied as one word");
_Static_assert(offsetof(struct inject_actions, windows) == 4, "copied as one word");
_Static_assert(offsetof(struct inject_state, mask_set) == 16, "a record holds the state up to `mask_set`");
_Static_assert(sizeof(struct inject_log_record) == 64, "one cache line");

static inline uint64_t word_at(const void *from)
{
    uint64_t word;

    __builtin_memcpy(&word, from, sizeof(word));
    return word;
}

/* Half full: the other half is written next, from the state as it is now. */
static __attribute__((noinline)) void next_half(struct inject *inj)
{
    struct inject_log *log = &inj->log;
    bool wraps = log->half_end == &log->records[INJECT_LOG_RECORDS];

    log->next = wraps ? &log->records[0] : log->half_end;
    log->half_end = log->next + INJECT_LOG_HALF;
    log->full_count += INJECT_LOG_HALF;
    log->checkpoint[wraps ? 0 : 1] = inj->state;
}

static inline void finish(struct inject *inj, struct inject_log_record *rec)
{
    rec->state[0] = word_at(&inj->state);
    rec->state[1] = word_at((const uint8_t *)&inj->state + sizeof(uint64_t));
    inj->log.next = rec + 1;
    if (UNLIKELY(rec + 1 == inj->log.half_end))
        next_half(inj);
}

void inject_log_start(struct inject *inj)
{
    struct inject_log *log = &inj->log;

    log->next = &log->records[0];
    log->half_end = &log->records[INJECT_LOG_HALF];
    log->full_count = 0;
    log->checkpoint[0] = inj->state;
}

void inject_log_schedule(struct inject *inj, const struct inject_view *view, uint64_t posted, bool same_rip,
                         const struct inject_actions *actions)
{
    struct inject_log_record *rec = inj->log.next;

    rec->input = word_at(view) | posted << NMI_SHIFT | (uint64_t)same_rip << RIP_SHIFT |
                 (uint64_t)INJECT_LOG_SCHEDULE << OP_SHIFT;
    rec->time = view->now;
    rec->actions = word_at(actions);
    rec->delivered = word_at(&actions->event);
    finish(inj, rec);
}

void inject_log_exit(struct inject *inj, const struct inject_exit *exit, bool same_rip, uint32_t undo)
{
    struct inject_log_record *rec = inj->log.next;

    rec->input = word_at(exit) | (uint64_t)same_rip << RIP_SHIFT | (uint64_t)INJECT_LOG_EXIT << OP_SHIFT;
    rec->event[0] = word_at(&exit->cut);
    if (exit->kind == INJECT_EXIT_FAULT)
        rec->event[1] = word_at(&exit->fault);
    rec->time = exit->guest_ns;
    rec->actions = undo;
    finish(inj, rec);
}

void inject_log_halted(struct inject *inj, const struct inject_view *view, uint64_t posted)
{
    struct inject_log_record *rec = inj->log.next;

    rec->input = word_at(view) | posted << NMI_SHIFT | (uint64_t)INJECT_LOG_HALTED << OP_SHIFT;
    rec->time = view->now;
    finish(inj, rec);
}

void inject_log_event(struct inject *inj, enum inject_log_op op, const struct inject_event *event)
{
    struct inject_log_record *rec = inj->log.next;

    rec->input = (uint64_t)op << OP_SHIFT;
    if (event != NULL)
        rec->event[0] = word_at(event);
    finish(inj, rec);
}
