/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. vCPUs bound to another CPU are only named: their state belongs to that CPU. */
#include "core/report.h"

#include "core/arch.h"
#include "core/inject_log.h"
#include "core/inject_why.h"
#include "core/log.h"
#include "core/time.h"
#include "core/vm.h"

static const char *state_name(uint32_t state)
{
    switch ((enum vcpu_state)state) {
    case VCPU_OFF:
        return "off";
    case VCPU_RUNNABLE:
        return "runnable";
    case VCPU_BLOCKED:
        return "blocked";
    case VCPU_STOPPED:
        return "stopped";
    }
    return "?";
}

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

/* True if the vCPU's state may be read here. */
static bool is_ours(const struct vcpu *vcpu)
{
    if (vcpu->cpu == this_cpu()->id)
        return true;
    log_record("events vm %s vcpu %u: runs on CPU %u", vcpu->vm->config->name, vcpu->id, vcpu->cpu);
    return false;
}

void report_events(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        char where[80];

        if (!is_ours(vcpu))
            continue;
        arch_vcpu_describe(vcpu, where, sizeof(where));
        log_record("events vm %s %s: %s, NMIs by %s", vm->config->name, where,
                   state_name(atomic_load(&vcpu->state)), inject_ways[vcpu->inject.state.way].name);
        report_books(vcpu);
        report_reasons(vcpu);
    }
}

void report_injection_log(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        const struct inject_log *log = &vcpu->inject.log;
        char line[INJECT_LOG_LINE_SIZE];

        if (!is_ours(vcpu) || inject_log_count(log) == 0)
            continue;
        inject_log_format_head(log, line);
        log_record("log vm %s vcpu %u: %s", vm->config->name, i, line);
        for (uint64_t n = inject_log_first(log); n < inject_log_count(log); n++) {
            inject_log_format_record(log, n, line);
            log_record("log vm %s vcpu %u: %s", vm->config->name, i, line);
        }
    }
}

bool report_key(struct vm *vm, uint8_t key)
{
    switch (key) {
    case 'e':
        report_events(vm);
        return true;
    case 'l':
        report_injection_log(vm);
        return true;
    case 'n':
        log_record("NMI to vm %s", vm->config->name);
        arch_vm_nmi(vm);
        return true;
    default:
        return false;
    }
}
