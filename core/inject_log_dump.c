/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The injection log as text: one head line with the state to start from, one line a record, all numbers in
 * hexadecimal. tools/replay reads it back.
 */
#include "core/inject_log.h"

static char *put_text(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *put_hex(char *at, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;)
        *at++ = "0123456789abcdef"[value >> (4 * i) & 0xf];
    *at = '\0';
    return at;
}

/* The half before the one being written is whole, unless there is none yet. */
uint64_t inject_log_first(const struct inject_log *log)
{
    return log->full_count == 0 ? 0 : log->full_count - INJECT_LOG_HALF;
}

void inject_log_format_head(const struct inject_log *log, char line[INJECT_LOG_LINE_SIZE])
{
    uint64_t first = inject_log_first(log);
    const uint8_t *state = (const uint8_t *)&log->checkpoint[first / INJECT_LOG_HALF % 2];
    char *at = put_text(line, "inject-log version ");

    at = put_hex(at, INJECT_LOG_VERSION, 2);
    at = put_text(at, " first ");
    at = put_hex(at, first, 16);
    at = put_text(at, " state ");
    for (size_t i = 0; i < sizeof(struct inject_state); i++)
        at = put_hex(at, state[i], 2);
}

void inject_log_format_record(const struct inject_log *log, uint64_t number, char line[INJECT_LOG_LINE_SIZE])
{
    const struct inject_log_record *rec = &log->records[number % INJECT_LOG_RECORDS];
    const uint64_t *words = (const uint64_t *)(const void *)rec;
    char *at = put_text(line, "inject ");

    at = put_hex(at, number, 16);
    for (size_t i = 0; i < INJECT_LOG_WORDS; i++) {
        *at++ = ' ';
        at = put_hex(at, words[i], 16);
    }
}
