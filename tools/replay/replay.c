/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding log lines into the scheduler's inputs. RIPs are not in the log, only whether they equalled
 * step_rip: nothing else about them decides anything.
 */
#include "tools/replay/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/inject_internal.h"

void replay_start(struct replay *replay)
{
    memset(replay, 0, sizeof(*replay));
}

static enum replay_result bad(struct replay *replay, const char *why)
{
    snprintf(replay->message, sizeof(replay->message), "%s", why);
    return REPLAY_BAD;
}

/* Reads `digits` hexadecimal digits and moves past them. */
static bool get_hex(const char **at, unsigned digits, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = *(*at)++;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        *value = *value << 4 | (uint64_t)digit;
    }
    return true;
}

static bool get_text(const char **at, const char *text)
{
    size_t length = strlen(text);

    if (strncmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

static enum replay_result take_head(struct replay *replay, const char *at)
{
    uint8_t state[sizeof(struct inject_state)];
    uint64_t value;

    if (!get_hex(&at, 2, &value) || value != INJECT_LOG_VERSION)
        return bad(replay, "log of another version");
    if (!get_text(&at, " first ") || !get_hex(&at, 16, &replay->next) || !get_text(&at, " state "))
        return bad(replay, "malformed head line");
    for (size_t i = 0; i < sizeof(state); i++) {
        if (!get_hex(&at, 2, &value))
            return bad(replay, "state of another size: log of another build");
        state[i] = (uint8_t)value;
    }
    if (*at != '\0' && *at != '\r' && *at != '\n')
        return bad(replay, "state of another size: log of another build");
    if (state[offsetof(struct inject_state, way)] >= INJECT_WAY_COUNT)
        return bad(replay, "unknown NMI way");
    inject_init(&replay->inj, INJECT_WAY_IRET, 0);
    memcpy(&replay->inj.state, state, sizeof(state));
    replay->started = true;
    return REPLAY_SAME;
}

static uint64_t rip_of(const struct replay *replay, uint64_t input)
{
    uint64_t rip = replay->inj.state.step_rip;

    return (input & INJECT_LOG_SAME_RIP) != 0 ? rip : ~rip;
}

static void run_schedule(struct replay *replay, const struct inject_log_record *rec)
{
    struct inject_view view = {.flags = (uint32_t)field_get(rec->input, INJECT_LOG_FLAGS),
                               .irq_vector = (uint32_t)field_get(rec->input, INJECT_LOG_IRQ_VECTOR),
                               .rip = rip_of(replay, rec->input),
                               .now = rec->time};
    struct inject_actions actions;

    atomic_store(&replay->inj.posted.word, field_get(rec->input, INJECT_LOG_NMI_COUNT));
    inject_schedule(&replay->inj, &view, &actions);
}

static void run_exit(struct replay *replay, const struct inject_log_record *rec)
{
    struct inject_exit exit = {.flags = (uint32_t)field_get(rec->input, INJECT_LOG_FLAGS),
                               .dr6 = (uint16_t)field_get(rec->input, INJECT_LOG_DR6),
                               .kind = (uint8_t)field_get(rec->input, INJECT_LOG_KIND),
                               .rip = rip_of(replay, rec->input),
                               .guest_ns = rec->time};

    memcpy(&exit.cut, &rec->event[0], sizeof(uint64_t));
    if (exit.kind == INJECT_EXIT_FAULT)
        memcpy(&exit.fault, &rec->event[1], sizeof(uint64_t));
    (void)!inject_after_exit(&replay->inj, &exit);
}

static void run_halted(struct replay *replay, const struct inject_log_record *rec)
{
    struct inject_view view = {.flags = (uint32_t)field_get(rec->input, INJECT_LOG_FLAGS), .now = rec->time};

    atomic_store(&replay->inj.posted.word, field_get(rec->input, INJECT_LOG_NMI_COUNT));
    (void)inject_halted(&replay->inj, &view);
}

/* False: an operation that this version does not know. */
static bool run(struct replay *replay, const struct inject_log_record *rec)
{
    struct inject_event event = {0};

    switch (field_get(rec->input, INJECT_LOG_OP)) {
    case INJECT_LOG_SCHEDULE:
        run_schedule(replay, rec);
        return true;
    case INJECT_LOG_EXIT:
        run_exit(replay, rec);
        return true;
    case INJECT_LOG_RAISE:
        memcpy(&event, &rec->event[0], sizeof(uint64_t));
        inject_raise(&replay->inj, &event);
        return true;
    case INJECT_LOG_SKIPPED:
        inject_forget_instruction(&replay->inj);
        return true;
    case INJECT_LOG_IRET_EMULATED:
        inject_iret_emulated(&replay->inj);
        return true;
    case INJECT_LOG_RESET:
        inject_reset(&replay->inj);
        return true;
    case INJECT_LOG_HALTED:
        run_halted(replay, rec);
        return true;
    default:
        return false;
    }
}

static enum replay_result compare(struct replay *replay, const struct inject_log_record *then)
{
    const struct inject_log_record *now = &replay->inj.log.records[0];
    uint64_t op = field_get(then->input, INJECT_LOG_OP);
    bool acts = op == INJECT_LOG_SCHEDULE || op == INJECT_LOG_EXIT;
    bool same = now->state[0] == then->state[0] && now->state[1] == then->state[1];

    if (acts)
        same = same && now->actions == then->actions;
    if (op == INJECT_LOG_SCHEDULE)
        same = same && now->delivered == then->delivered;
    if (same)
        return REPLAY_SAME;
    snprintf(replay->message, sizeof(replay->message),
             "record %" PRIu64 ", operation %" PRIu64 "\n"
             "  then: actions %016" PRIx64 " event %016" PRIx64 " state %016" PRIx64 " %016" PRIx64 "\n"
             "  now:  actions %016" PRIx64 " event %016" PRIx64 " state %016" PRIx64 " %016" PRIx64,
             replay->next, op, then->actions, then->delivered, then->state[0], then->state[1], now->actions,
             now->delivered, now->state[0], now->state[1]);
    return REPLAY_DIVERGED;
}

static enum replay_result take_record(struct replay *replay, const char *at)
{
    struct inject_log_record rec;
    uint64_t words[INJECT_LOG_WORDS];
    uint64_t number;

    if (!get_hex(&at, 16, &number))
        return REPLAY_IGNORED; /* some other line that begins with that word */
    for (size_t i = 0; i < INJECT_LOG_WORDS; i++)
        if (!get_text(&at, " ") || !get_hex(&at, 16, &words[i]))
            return bad(replay, "malformed record");
    if (!replay->started)
        return bad(replay, "record before the head line");
    if (number != replay->next)
        return bad(replay, "records are missing");
    memcpy(&rec, words, sizeof(rec));
    inject_log_start(&replay->inj);
    if (!run(replay, &rec))
        return bad(replay, "unknown operation");
    if (compare(replay, &rec) != REPLAY_SAME)
        return REPLAY_DIVERGED;
    replay->next++;
    return REPLAY_SAME;
}

enum replay_result replay_line(struct replay *replay, const char *line)
{
    static const char head[] = "inject-log version ";
    static const char record[] = "inject ";
    const char *at = strstr(line, head);

    if (at != NULL)
        return take_head(replay, at + sizeof(head) - 1);
    at = strstr(line, record);
    return at != NULL ? take_record(replay, at + sizeof(record) - 1) : REPLAY_IGNORED;
}
