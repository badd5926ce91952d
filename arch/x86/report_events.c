/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's events in words, from its scheduler's books and log. Called by the vCPU's owner, between two
 * entries. */
#include "core/arch.h"
#include "core/inject_log.h"
#include "core/inject_why.h"
#include "core/log.h"
#include "core/time.h"

static uint64_t dropped_count(const struct inject_books *books, enum inject_kind kind)
{
    uint64_t sum = 0;

    for (unsigned int reason = 0; reason < INJECT_DROP_COUNT; reason++)
        sum += books->dropped[kind][reason];
    return sum;
}

static void report_books(const struct vcpu *vcpu)
{
    const struct inject_books *books = &vcpu->inject.books;

    for (unsigned int kind = 0; kind < INJECT_KIND_COUNT; kind++)
        log_record("events vm %s vcpu %u %s: posted=%lu delivered=%lu collapsed=%lu redone=%lu",
                   vcpu->vm->config->name, vcpu->id, inject_kind_name((enum inject_kind)kind),
                   books->posted[kind], books->delivered[kind], dropped_count(books, (enum inject_kind)kind),
                   books->redone[kind]);
    log_record(
        "events vm %s vcpu %u exits: irq-windows=%lu nmi-windows=%lu iret-intercepts=%lu steps=%lu all=%lu",
        vcpu->vm->config->name, vcpu->id, books->irq_windows, books->nmi_windows, books->iret_intercepts,
        books->steps, vcpu->exit_count);
    log_record("events vm %s vcpu %u books: %s", vcpu->vm->config->name, vcpu->id,
               inject_books_balance(&vcpu->inject) ? "balanced" : "NOT BALANCED");
}

static void report_reasons(struct vcpu *vcpu)
{
    struct inject_reason reasons[INJECT_WHY_MAX];
    struct inject_view view = {0};
    unsigned int count;

    arch_vcpu_view(vcpu, &view);
    count = inject_why(&vcpu->inject, &view, reasons);
    for (unsigned int i = 0; i < count; i++)
        log_record("events vm %s vcpu %u pending: %s vector %u count %u: %s, for %lu us",
                   vcpu->vm->config->name, vcpu->id, inject_kind_name((enum inject_kind)reasons[i].kind),
                   reasons[i].vector, reasons[i].count,
                   inject_blocker_name((enum inject_blocker)reasons[i].blocker),
                   reasons[i].age_ns / NS_PER_US);
}

void arch_vcpu_report_events(struct vcpu *vcpu)
{
    log_record("events vm %s vcpu %u NMIs: by %s", vcpu->vm->config->name, vcpu->id,
               inject_ways[vcpu->inject.state.way].name);
    report_books(vcpu);
    report_reasons(vcpu);
}

void arch_vcpu_report_log(struct vcpu *vcpu)
{
    const struct inject_log *log = &vcpu->inject.log;
    const char *name = vcpu->vm->config->name;
    char line[INJECT_LOG_LINE_SIZE];

    if (inject_log_count(log) == 0)
        return;
    inject_log_format_head(log, line);
    log_record("log vm %s vcpu %u: %s", name, vcpu->id, line);
    for (uint64_t n = inject_log_first(log); n < inject_log_count(log); n++) {
        inject_log_format_record(log, n, line);
        log_record("log vm %s vcpu %u: %s", name, vcpu->id, line);
    }
}
