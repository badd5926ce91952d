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

/*
 * The last records of the vCPU that ended its VM, taken when it has stopped, before others push them out.
 * Written by its CPU, read when the VM has ended.
 */
static struct last_traces {
    uint32_t count;
    struct last_trace {
        struct trace_record record;
        uint32_t cpu;
    } list[TRACES]; /* newest first */
} last_traces[MAX_VMS];

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

static bool last_line(struct report_vm *report, char *text, size_t size)
{
    return view_line(report, INSPECT_LAST, 0, text, size);
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

/* The newest record of this vCPU before `bound` of those that the rings' ends have. False: none. */
static bool find_trace(const struct vcpu *vcpu, uint64_t bound, struct last_trace *found)
{
    bool any = false;

    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        uint64_t end = trace_end(cpu);

        for (uint64_t n = end > TRACE_LOOK ? end - TRACE_LOOK : 0; n < end; n++) {
            struct trace_record record;

            if (!trace_get(cpu, n, &record) || record.vm != vcpu->vm->id || record.vcpu != vcpu->id ||
                record.time_ns >= bound || (any && record.time_ns <= found->record.time_ns))
                continue;
            any = true;
            *found = (struct last_trace){.record = record, .cpu = cpu};
        }
    }
    return any;
}

/* From the newest back. */
static void gather_traces(const struct vcpu *vcpu)
{
    struct last_traces *to = &last_traces[vcpu->vm->id];
    uint64_t bound = UINT64_MAX;

    for (to->count = 0; to->count < TRACES && find_trace(vcpu, bound, &to->list[to->count]); to->count++)
        bound = to->list[to->count].record.time_ns;
}

void report_vm_vcpu_stopped(const struct vcpu *vcpu)
{
    if (vcpu->id == vcpu->vm->end_vcpu)
        gather_traces(vcpu);
}

/* In the order of time, whichever CPU it was: exits, injections, loads. */
static bool traces_line(struct report_vm *report, char *text, size_t size)
{
    const struct last_traces *from = &last_traces[report->vm->id];
    const struct last_trace *last;

    if (from->count == 0 && report->line == 0) {
        fmt_snprintf(text, size, "last exits: not traced (trace=on, or the shell's trace on)");
        return true;
    }
    if (report->line >= from->count)
        return false;
    last = &from->list[from->count - 1 - report->line];
    trace_text(last->cpu, &last->record, text, size);
    return true;
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
    head_line, refused_line, exit_line,   general_line, system_line, segments_line, code_line,
    walk_line, call_line,    events_line, last_line,    traces_line, others_line,
};

void report_vm_begin(struct report_vm *report, struct vcpu *vcpu)
{
    *report = (struct report_vm){.vm = vcpu->vm, .vcpu = vcpu};
    if (atomic_load(&vcpu->vm->state) != VM_ENDED)
        gather_traces(vcpu);
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
