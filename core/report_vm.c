/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Sections follow one another; each gives lines until it has no more. */
#include "core/report_vm.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/log.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/version.h"
#include "lib/printf.h"
#include "lib/string.h"

#define CALLS       24  /* lines of the backtrace */
#define TRACES      16  /* last records of the vCPU */
#define TRACE_LOOK  512 /* newest records of each CPU that are looked at */
#define OTHER_VCPUS 16
#define CODE_BEFORE 16 /* bytes */
#define CODE_BEHIND 24
#define LINE_ROOM   (REPORT_LINE_SIZE + 64)

static bool head_line(struct report_vm *report, char *text, size_t size)
{
    const struct vm *vm = report->vm;
    int length;

    switch (report->line) {
    case 0:
        length = fmt_snprintf(text, size, "Latch %s, build ", LATCH_VERSION);
        for (uint32_t i = 0; i < 8; i++)
            length += fmt_snprintf(text + length, size - (size_t)length, "%02x", build_id[i]);
        fmt_snprintf(text + length, size - (size_t)length, ", up %lu.%03lu s", time_now_ns() / NS_PER_SEC,
                     time_now_ns() / NS_PER_MS % 1000);
        return true;
    case 1:
        fmt_snprintf(text, size, "vm %u, %u vCPUs, %lu MiB, %s%s", vm->id, vm->vcpu_count,
                     vm->config->mem / MIB, atomic_load(&vm->state) == VM_ENDED ? "ended: " : "running",
                     atomic_load(&vm->state) == VM_ENDED ? vm->end_text : "");
        return true;
    case 2:
        length =
            fmt_snprintf(text, size, "vcpu %u after %lu exits: ", report->vcpu->id, report->vcpu->exit_count);
        arch_vcpu_where(report->vcpu, text + length, size - (size_t)length);
        return true;
    default:
        return false;
    }
}

static bool general_line(struct report_vm *report, char *text, size_t size)
{
    return inspect_regs_line(report->vcpu, ARCH_REG_GENERAL, &report->next, text, size);
}

static bool system_line(struct report_vm *report, char *text, size_t size)
{
    return inspect_regs_line(report->vcpu, ARCH_REG_SYSTEM, &report->next, text, size);
}

static bool view_line(struct report_vm *report, enum inspect_view view, uint64_t argument, char *text,
                      size_t size)
{
    return arch_inspect_line(report->vcpu, view, argument, report->line, text, size);
}

static bool segments_line(struct report_vm *report, char *text, size_t size)
{
    return view_line(report, INSPECT_SYSTEM, 0, text, size);
}

static bool exit_line(struct report_vm *report, char *text, size_t size)
{
    return view_line(report, INSPECT_EXIT, 0, text, size);
}

static bool refused_line(struct report_vm *report, char *text, size_t size)
{
    size_t length = (size_t)fmt_snprintf(text, size, "hardware refuses: ");

    return view_line(report, INSPECT_REFUSED, 0, text + length, size - length);
}

static bool events_line(struct report_vm *report, char *text, size_t size)
{
    return view_line(report, INSPECT_EVENTS, 0, text, size);
}

/* Bytes around the next instruction, which stands in brackets. What cannot be read before it is left out. */
static bool code_line(struct report_vm *report, char *text, size_t size)
{
    uint64_t pc = arch_vcpu_code(report->vcpu).v;
    uint8_t bytes[CODE_BEFORE + CODE_BEHIND];
    uint32_t before = CODE_BEFORE;
    size_t done = 0;
    int length;

    if (report->line != 0)
        return false;
    if (inspect_read(report->vcpu, gva(pc - before), bytes, sizeof(bytes), &done) != 0 && done <= before) {
        before = 0;
        if (inspect_read(report->vcpu, gva(pc), bytes, CODE_BEHIND, &done) != 0 && done == 0) {
            fmt_snprintf(text, size, "code at 0x%lx is not in memory", pc);
            return true;
        }
    }
    length = fmt_snprintf(text, size, "code at 0x%lx:", pc - before);
    for (uint32_t i = 0; i < done && (size_t)length < size; i++)
        length +=
            fmt_snprintf(text + length, size - (size_t)length, i == before ? " <%02x>" : " %02x", bytes[i]);
    return true;
}

/* Only where the code cannot be read: its page tables may be why. */
static bool walk_line(struct report_vm *report, char *text, size_t size)
{
    gva_t pc = arch_vcpu_code(report->vcpu);
    uint8_t byte;

    if (report->line == 0 && inspect_read(report->vcpu, pc, &byte, 1, NULL) == 0)
        return false;
    return view_line(report, INSPECT_WALK, pc.v, text, size);
}

static bool call_line(struct report_vm *report, char *text, size_t size)
{
    return report->line < CALLS && inspect_stack_line(report->vcpu, &report->stack, text, size);
}

/* The oldest record of this vCPU after `bound`, or with `newest` the newest before it. False: none. */
static bool find_trace(const struct vcpu *vcpu, uint64_t bound, bool newest, uint32_t *found_cpu,
                       uint64_t *found, uint64_t *time)
{
    bool any = false;

    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        uint64_t end = trace_end(cpu);
        uint64_t first = end - trace_first(cpu) > TRACE_LOOK ? end - TRACE_LOOK : trace_first(cpu);

        for (uint64_t n = first; n < end; n++) {
            struct trace_record record;

            if (!trace_get(cpu, n, &record) || record.vm != vcpu->vm->id || record.vcpu != vcpu->id ||
                (newest ? record.time_ns >= bound : record.time_ns <= bound))
                continue;
            if (any && (newest ? record.time_ns <= *time : record.time_ns >= *time))
                continue;
            any = true;
            *time = record.time_ns;
            *found_cpu = cpu;
            *found = n;
        }
    }
    return any;
}

/* In the order of time, whichever CPU it was: exits, injections, loads. */
static bool trace_text(struct report_vm *report, char *text, size_t size)
{
    uint64_t n, time;
    uint32_t cpu;

    if (report->line == 0) {
        uint64_t bound = UINT64_MAX;

        for (uint32_t i = 0; i < TRACES && find_trace(report->vcpu, bound, true, &cpu, &n, &time); i++)
            bound = time;
        if (bound == UINT64_MAX) {
            fmt_snprintf(text, size, "last exits: not traced (trace=on, or the shell's trace on)");
            report->after = UINT64_MAX;
            return true;
        }
        report->after = bound == 0 ? 0 : bound - 1;
    }
    if (!find_trace(report->vcpu, report->after, false, &cpu, &n, &time))
        return false;
    report->after = time;
    return trace_line(cpu, n, text, size);
}

static bool others_line(struct report_vm *report, char *text, size_t size)
{
    struct vcpu *vcpu;
    int length;

    if (report->line == report->vcpu->id)
        report->line++;
    if (report->line >= report->vm->vcpu_count)
        return false;
    if (report->line > OTHER_VCPUS)
        return false;
    if (report->line == OTHER_VCPUS) {
        fmt_snprintf(text, size, "and %u more vCPUs", report->vm->vcpu_count - report->line);
        return true;
    }
    vcpu = report->vm->vcpus[report->line];
    length = fmt_snprintf(text, size, "vcpu %u after %lu exits: ", vcpu->id, vcpu->exit_count);
    arch_vcpu_where(vcpu, text + length, size - (size_t)length);
    return true;
}

static bool (*const sections[])(struct report_vm *report, char *text, size_t size) = {
    head_line, refused_line, exit_line, general_line, system_line, segments_line,
    code_line, walk_line,    call_line, events_line,  trace_text,  others_line,
};

void report_vm_begin(struct report_vm *report, struct vcpu *vcpu)
{
    *report = (struct report_vm){.vm = vcpu->vm, .vcpu = vcpu};
}

bool report_vm_line(struct report_vm *report, char *text, size_t size)
{
    for (; report->section < ARRAY_COUNT(sections); report->section++) {
        text[0] = '\0';
        if (sections[report->section](report, text, size)) {
            report->line++;
            return true;
        }
        report->line = 0;
        report->next = 0;
    }
    return false;
}

/* --- The end of a VM -------------------------------------------------------------------------------------
 */

static struct report_vm ended; /* one after the other; boot CPU */

bool report_vm_ended(struct vm *vm)
{
    char text[REPORT_LINE_SIZE];

    if ((vm->end != VM_END_TRIPLE_FAULT && vm->end != VM_END_UNHANDLED_EXIT) || vm->restart.short_count != 0)
        return true;
    if (ended.vm == NULL)
        report_vm_begin(&ended, vm->vcpus[vm->end_vcpu]);
    if (ended.vm != vm)
        return false;
    while (console_free() >= LINE_ROOM) {
        if (!report_vm_line(&ended, text, sizeof(text))) {
            log_record("report vm %s: end", vm->config->name);
            ended.vm = NULL;
            return true;
        }
        log_record("report vm %s: %s", vm->config->name, text);
    }
    return false;
}
