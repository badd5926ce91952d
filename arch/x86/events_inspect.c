/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's events as lines, from its scheduler's books and log: for records and for the shell. */
#include "core/arch.h"
#include "arch/x86/x86_inspect.h"
#include "core/inject_log.h"
#include "core/inject_why.h"
#include "core/shell_emergency.h"
#include "core/time.h"
#include "lib/printf.h"

#define LAST_RECORDS 12

static uint64_t dropped_count(const struct inject_books *books, enum inject_kind kind)
{
    uint64_t sum = 0;

    for (unsigned int reason = 0; reason < INJECT_DROP_COUNT; reason++)
        sum += books->dropped[kind][reason];
    return sum;
}

static bool reason_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    struct inject_reason reasons[INJECT_WHY_MAX];
    struct inject_view view = {0};

    /* In the emergency shell the hardware's part is another CPU's. */
    if (!shell_emergency_is_open())
        arch_vcpu_view(vcpu, &view);
    if (line >= inject_why(&vcpu->inject, &view, reasons))
        return false;
    fmt_snprintf(text, size, "pending: %s vector %u count %u: %s, for %lu us",
                 inject_kind_name((enum inject_kind)reasons[line].kind), reasons[line].vector,
                 reasons[line].count, inject_blocker_name((enum inject_blocker)reasons[line].blocker),
                 reasons[line].age_ns / NS_PER_US);
    return true;
}

/* How NMIs are tracked, a line a kind of event, exits, balance, then what is pending. */
bool x86_events_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const struct inject_books *books = &vcpu->inject.books;

    if (line-- == 0) {
        fmt_snprintf(text, size, "NMIs: by %s", inject_ways[vcpu->inject.state.way].name);
        return true;
    }
    if (line < INJECT_KIND_COUNT) {
        fmt_snprintf(text, size, "%s: posted=%lu delivered=%lu collapsed=%lu redone=%lu",
                     inject_kind_name((enum inject_kind)line), books->posted[line], books->delivered[line],
                     dropped_count(books, (enum inject_kind)line), books->redone[line]);
        return true;
    }
    line -= INJECT_KIND_COUNT;
    if (line == 0)
        fmt_snprintf(
            text, size, "exits: irq-windows=%lu nmi-windows=%lu iret-intercepts=%lu steps=%lu all=%lu",
            books->irq_windows, books->nmi_windows, books->iret_intercepts, books->steps, vcpu->exit_count);
    else if (line == 1)
        fmt_snprintf(text, size, "books: %s",
                     inject_books_balance(&vcpu->inject) ? "balanced" : "NOT BALANCED");
    else
        return reason_line(vcpu, line - 2, text, size);
    return true;
}

bool x86_log_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const struct inject_log *log = &vcpu->inject.log;
    uint64_t first = inject_log_first(log);

    if (size < INJECT_LOG_LINE_SIZE || inject_log_count(log) == 0)
        return false;
    if (line == 0)
        inject_log_format_head(log, text);
    else if (first + line - 1 < inject_log_count(log))
        inject_log_format_record(log, first + line - 1, text);
    else
        return false;
    return true;
}

/* What the guest was given or is owed, as text; "" for no event. */
static void format_event(char *text, size_t size, uint64_t first_bytes)
{
    static const char types[][12] = {[INJECT_TYPE_IRQ] = "interrupt",       [INJECT_TYPE_NMI] = "NMI",
                                     [INJECT_TYPE_EXCEPTION] = "exception", [INJECT_TYPE_SOFT_INT] = "INT n",
                                     [INJECT_TYPE_PRIV_SOFT_EXC] = "INT1",  [INJECT_TYPE_SOFT_EXC] = "INT3"};
    struct inject_event event = {.flags = (uint8_t)(first_bytes >> 16), .type = (uint8_t)(first_bytes >> 8)};

    text[0] = '\0';
    if (inject_event_valid(&event) && event.type < ARRAY_COUNT(types))
        fmt_snprintf(text, size, ": %s %u", types[event.type], (uint32_t)(first_bytes & 0xff));
}

/* Only what the call before an entry or after an exit was about, not each of its inputs. */
bool x86_last_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    static const char ops[][14] = {[INJECT_LOG_SCHEDULE] = "entry",
                                   [INJECT_LOG_EXIT] = "exit",
                                   [INJECT_LOG_RAISE] = "raised",
                                   [INJECT_LOG_SKIPPED] = "skipped",
                                   [INJECT_LOG_IRET_EMULATED] = "IRET emulated",
                                   [INJECT_LOG_RESET] = "reset",
                                   [INJECT_LOG_HALTED] = "halted"};
    const struct inject_log *log = &vcpu->inject.log;
    uint64_t end = inject_log_count(log);
    uint64_t number = (end > LAST_RECORDS ? end - LAST_RECORDS : 0) + line;
    const struct inject_log_record *record = &log->records[number % INJECT_LOG_RECORDS];
    uint64_t op = field_get(record->input, INJECT_LOG_OP);
    bool is_entry = op == INJECT_LOG_SCHEDULE;
    bool has_event = is_entry || op == INJECT_LOG_EXIT || op == INJECT_LOG_RAISE;
    char event[32];

    if (number >= end || op >= ARRAY_COUNT(ops))
        return false;
    format_event(event, sizeof(event), !has_event ? 0 : is_entry ? record->delivered : record->event[0]);
    fmt_snprintf(text, size, "injection %lu %s%s%s", number, ops[op],
                 op == INJECT_LOG_EXIT && event[0] != '\0' ? " cut" : "", event);
    return true;
}
