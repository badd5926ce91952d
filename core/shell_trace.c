/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit histograms and traces: switching, showing. */
#include "core/shell_internal.h"

#include "core/trace.h"
#include "lib/printf.h"

static enum shell_step say_memory(int error)
{
    if (error != 0)
        shell_print("no memory for it");
    return SHELL_DONE;
}

static void exits_line(const char *name, const struct trace_exits *one)
{
    shell_print("  %-28s %10lu %8u %8lu %8u", name, one->count, one->least, one->sum / one->count, one->most);
}

/* One kind, and the hardware's reasons behind it. */
static void show_kind(const struct trace_histogram *all, uint32_t kind)
{
    if (all->kinds[kind].count != 0)
        exits_line(trace_exit_name(kind), &all->kinds[kind]);
    for (uint32_t i = 0; i < TRACE_REASONS; i++) {
        const struct trace_reason *reason = &all->reasons[i];
        char text[40];
        int length;

        if (reason->kind != kind || reason->exits.count == 0)
            continue;
        length = fmt_snprintf(text, sizeof(text), "  0x%03x", reason->reason);
        arch_exit_reason_name(reason->reason, text + length, sizeof(text) - (size_t)length);
        exits_line(text, &reason->exits);
    }
}

/* step: which VM; line: which vCPU of it times kinds. */
static enum shell_step show_exits(struct shell_job *job)
{
    const struct trace_histogram *all;
    struct vcpu *vcpu;
    uint32_t kind = job->line % VM_EXIT_KINDS;

    if (job->step == vm_count)
        return SHELL_DONE;
    if (job->line / VM_EXIT_KINDS == vms[job->step]->vcpu_count) {
        job->step++;
        job->line = 0;
        return SHELL_MORE;
    }
    vcpu = vms[job->step]->vcpus[job->line++ / VM_EXIT_KINDS];
    all = trace_exits_of(vcpu);
    if (all == NULL) {
        shell_print("nothing counted: exits on");
        return SHELL_DONE;
    }
    if (kind == 0)
        shell_print("vm %s vcpu %u: %*s count      min     mean      max cycles", vcpu->vm->config->name,
                    vcpu->id, 15, "");
    show_kind(all, kind);
    return SHELL_MORE;
}

enum shell_step shell_exits(struct shell_job *job)
{
    if (job->count == 0)
        return show_exits(job);
    return say_memory(trace_set_exits(job->choice == 0));
}

/* step: CPU; number[0]: the next record of its ring. */
static enum shell_step dump(struct shell_job *job)
{
    char text[TRACE_LINE_SIZE];

    if (job->step == cpu_count)
        return SHELL_DONE;
    if (job->number[0] < trace_first(job->step))
        job->number[0] = trace_first(job->step);
    if (job->number[0] >= trace_end(job->step)) {
        job->step++;
        job->number[0] = 0;
        return SHELL_MORE;
    }
    if (trace_line(job->step, job->number[0]++, text, sizeof(text)))
        shell_print("%s", text);
    return SHELL_MORE;
}

enum shell_step shell_trace(struct shell_job *job)
{
    if (job->choice == 2)
        return dump(job);
    return say_memory(trace_set_ring(job->choice == 0));
}
