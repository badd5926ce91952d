/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Everything here is read as it lies, bounded in number, and may be broken. */
#include "core/report_panic.h"

#include "core/arch.h"
#include "core/panic.h"
#include "core/report_keep.h"
#include "core/report_log.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/version.h"
#include "core/vm.h"
#include "lib/symbols.h"

#define FRAMES       32
#define FRAMES_OTHER 10 /* of another CPU */
#define CPUS_MOST    16
#define TRACES       16
#define TRACES_OTHER 4
#define LOG_LINES    16
#define VMS_MOST     16
#define TEXT_SIZE    220

bool report_panic_breaks;

static uint32_t *volatile nowhere; /* page 0: to write there faults */
static uint32_t next_part;         /* the CPU that panics */

void panic_context(void)
{
    const struct cpu *cpu = this_cpu();
    const struct vcpu *vcpu = cpu->current;

    if (vcpu == NULL)
        panic_line("on CPU %u, no vCPU loaded", cpu->id);
    else
        panic_line("on CPU %u, VM %u vCPU %u after %llu exits", cpu->id, vcpu->vm->id, vcpu->id,
                   (unsigned long long)vcpu->exit_count);
    panic_line("Latch %s, build %02x%02x%02x%02x%02x%02x%02x%02x, up %lu ms", LATCH_VERSION, build_id[0],
               build_id[1], build_id[2], build_id[3], build_id[4], build_id[5], build_id[6], build_id[7],
               cpu_count == 0 ? 0 : time_now_ns() / NS_PER_MS);
}

static void frame_line(uintptr_t pc)
{
    uintptr_t offset = 0;
    const char *name = symbol_lookup(pc, &offset);

    if (name == NULL)
        panic_line("  [%p]", (void *)pc);
    else
        panic_line("  [%p] %s+0x%lx", (void *)pc, name, (unsigned long)offset);
}

static void calls(struct cpu *cpu, uintptr_t pc, uintptr_t frame, uint32_t most)
{
    frame_line(pc);
    for (uint32_t i = 0; i < most && arch_panic_frame_valid(cpu, frame); i++) {
        const uintptr_t *record = (const uintptr_t *)frame;
        uintptr_t next = record[0];

        if (record[1] == 0)
            break;
        frame_line(record[1] - 1); /* the call itself, not what follows it */
        if (next <= frame)
            break;
        frame = next;
    }
}

void panic_backtrace(uintptr_t pc, uintptr_t frame)
{
    panic_line("backtrace:");
    calls(this_cpu(), pc, frame, FRAMES);
}

static void tell_registers(void)
{
    arch_panic_registers();
}

static void tell_view(struct vcpu *vcpu, const char *what, enum inspect_view view)
{
    char text[INSPECT_LINE_SIZE];

    for (uint32_t i = 0; arch_inspect_line(vcpu, view, 0, i, text, sizeof(text)); i++)
        panic_line("%s%s", what, text);
}

/* Registers that are in memory, its events, its last exit. */
static void tell_vcpu(void)
{
    struct vcpu *vcpu = this_cpu()->current;
    char text[INSPECT_LINE_SIZE];

    if (report_panic_breaks)
        *nowhere = 0;
    if (vcpu == NULL)
        return;
    arch_vcpu_where(vcpu, text, sizeof(text));
    panic_line("vm %s vcpu %u: %s", vcpu->vm->config->name, vcpu->id, text);
    tell_view(vcpu, "events ", INSPECT_EVENTS);
    tell_view(vcpu, "events ", INSPECT_LAST);
    tell_view(vcpu, "last ", INSPECT_EXIT);
}

static void tell_cpus(void)
{
    for (uint32_t i = 0; i < cpu_count && i < CPUS_MOST; i++) {
        const struct vcpu *vcpu = cpus[i]->current;
        const struct panic_stopped *stopped = &panic_stopped[i];
        bool is_there = atomic_load_explicit(&stopped->is_there, memory_order_acquire);

        if (cpus[i] == this_cpu())
            continue;
        panic_line("cpu %u: %s%s%s%s", i, is_there ? "stopped" : "did not stop", vcpu != NULL ? ", vm " : "",
                   vcpu != NULL ? vcpu->vm->config->name : ", no vCPU",
                   vcpu != NULL && atomic_load(&vcpu->in_guest) ? ", in the guest" : "");
        if (is_there)
            calls(cpus[i], stopped->pc, stopped->frame, FRAMES_OTHER);
    }
}

static void tell_traces(uint32_t cpu, uint64_t most)
{
    uint64_t end = trace_end(cpu);
    char text[TRACE_LINE_SIZE];

    for (uint64_t n = end > most ? end - most : 0; n < end; n++)
        if (trace_line(cpu, n, text, sizeof(text)))
            panic_line("%s", text);
}

static void tell_exits(void)
{
    for (uint32_t i = 0; i < cpu_count && i < CPUS_MOST; i++)
        if (i != this_cpu()->id)
            tell_traces(i, TRACES_OTHER);
    tell_traces(this_cpu()->id, TRACES);
}

static void tell_vms(void)
{
    for (uint32_t i = 0; i < vm_count && i < VMS_MOST; i++) {
        const struct vm *vm = vms[i];
        bool ended = atomic_load(&vm->state) == VM_ENDED;

        panic_line("vm %s: %u vCPUs, %s%s", vm->config->name, vm->vcpu_count, ended ? "ended: " : "running",
                   ended ? vm->end_text : "");
    }
}

static void tell_log(void)
{
    uint64_t at = report_log_last(LOG_LINES);
    char text[TEXT_SIZE];

    for (uint32_t i = 0; i < LOG_LINES && report_log_read(&at, text, sizeof(text)); i++)
        panic_line("log: %s", text);
}

static void tell_kept(void)
{
    if (report_keep_length() != 0)
        panic_line("this report: %u bytes, in memory for the next boot", report_keep_length());
}

static void (*const parts[])(void) = {tell_registers, tell_vcpu, tell_cpus, tell_exits,
                                      tell_vms,       tell_log,  tell_kept};

void report_panic(void)
{
    while (next_part < ARRAY_COUNT(parts))
        parts[next_part++]();
}
