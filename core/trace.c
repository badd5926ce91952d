/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Memory is taken when something is first switched on, and kept. */
#include "core/trace.h"

#include "core/arch.h"
#include "core/pmem.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

_Atomic bool trace_ring_on;
_Atomic bool trace_exits_on;

static struct trace_ring *rings[MAX_CPUS];
static struct trace_histogram *exits[MAX_VMS][MAX_VCPUS_PER_VM];

_Static_assert(sizeof(struct trace_histogram) <= PAGE_SIZE, "a vCPU's histogram is one page");

static const char *const exit_names[VM_EXIT_KINDS] = {
    [VM_EXIT_NONE] = "internal",
    [VM_EXIT_HOST_EVENT] = "host-event",
    [VM_EXIT_WINDOW] = "window",
    [VM_EXIT_HALT] = "halt",
    [VM_EXIT_PIO] = "pio",
    [VM_EXIT_MMIO] = "mmio",
    [VM_EXIT_HYPERCALL] = "hypercall",
    [VM_EXIT_CPUID] = "cpuid",
    [VM_EXIT_SYSREG_READ] = "sysreg-read",
    [VM_EXIT_SYSREG_WRITE] = "sysreg-write",
    [VM_EXIT_CONTROL_REG] = "control-reg",
    [VM_EXIT_DEBUG_REG] = "debug-reg",
    [VM_EXIT_DEBUG] = "debug",
    [VM_EXIT_XSETBV] = "xsetbv",
    [VM_EXIT_INVALID_OPCODE] = "invalid-opcode",
    [VM_EXIT_UNDEFINED] = "undefined",
    [VM_EXIT_COUNTER_READ] = "counter-read",
    [VM_EXIT_CACHE] = "cache",
    [VM_EXIT_PAUSE] = "pause",
    [VM_EXIT_SHUTDOWN] = "shutdown",
    [VM_EXIT_BAD_STATE] = "bad-state",
    [VM_EXIT_MEMORY_ERROR] = "memory-error",
    [VM_EXIT_UNKNOWN] = "unknown",
};

const char *trace_exit_name(uint32_t kind)
{
    return kind < VM_EXIT_KINDS && exit_names[kind] != NULL ? exit_names[kind] : "other";
}

int trace_set_ring(bool on)
{
    hpa_t pages;

    for (uint32_t i = 0; on && i < cpu_count; i++) {
        if (rings[i] == NULL) {
            if (pmem_alloc((sizeof(struct trace_ring) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE, &pages) != 0)
                return E_NOMEM;
            rings[i] = hpa_to_ptr(pages);
        }
    }
    atomic_store(&trace_ring_on, on);
    arch_trace_exits(on || trace_exits_on);
    return 0;
}

int trace_set_exits(bool on)
{
    for (uint32_t i = 0; on && i < vm_count; i++) {
        for (uint32_t n = 0; n < vms[i]->vcpu_count; n++) {
            if (exits[i][n] == NULL)
                exits[i][n] = page_alloc();
            if (exits[i][n] == NULL)
                return E_NOMEM;
            memset(exits[i][n], 0, sizeof(struct trace_histogram));
        }
    }
    atomic_store(&trace_exits_on, on);
    arch_trace_exits(on || trace_ring_on);
    return 0;
}

static void append(const struct trace_record *record)
{
    struct trace_ring *ring = rings[this_cpu()->id];
    uint64_t count;

    if (ring == NULL)
        return;
    count = atomic_load_explicit(&ring->count, memory_order_relaxed);
    ring->records[count % TRACE_RECORDS] = *record;
    atomic_store_explicit(&ring->count, count + 1, memory_order_release);
}

static void count_exit(struct trace_exits *stats, uint32_t cycles)
{
    stats->least = stats->count == 0 || cycles < stats->least ? cycles : stats->least;
    stats->most = cycles > stats->most ? cycles : stats->most;
    stats->sum += cycles;
    stats->count++;
}

/* Its place in the table, a free one when it is new; NULL: the table is full. */
static struct trace_reason *reason_of(struct trace_histogram *all, const struct vm_exit *exit)
{
    uint32_t reason = arch_exit_reason(exit->raw);

    for (uint32_t i = 0; i < TRACE_REASONS; i++) {
        struct trace_reason *one = &all->reasons[(reason + i) % TRACE_REASONS];

        if (one->exits.count == 0) {
            one->reason = reason;
            one->kind = (uint8_t)exit->kind;
        }
        if (one->reason == reason && one->kind == exit->kind)
            return one;
    }
    return NULL;
}

static void count_one(struct trace_histogram *all, const struct vm_exit *exit, uint32_t cycles)
{
    struct trace_reason *reason = reason_of(all, exit);

    count_exit(&all->kinds[exit->kind], cycles);
    if (reason != NULL)
        count_exit(&reason->exits, cycles);
}

void trace_exit(struct vcpu *vcpu, const struct vm_exit *exit, uint64_t pc, uint64_t start_ns,
                uint64_t cycles)
{
    struct trace_histogram *all = exits[vcpu->vm->id][vcpu->id];

    if (trace_exits_on && all != NULL)
        count_one(all, exit, (uint32_t)min_u64(cycles, UINT32_MAX));
    if (trace_ring_on)
        append(&(struct trace_record){.time_ns = start_ns,
                                      .pc = pc,
                                      .value = exit->raw,
                                      .duration = (uint32_t)min_u64(time_now_ns() - start_ns, UINT32_MAX),
                                      .kind = TRACE_EXIT,
                                      .detail = (uint8_t)exit->kind,
                                      .vm = (uint8_t)vcpu->vm->id,
                                      .vcpu = (uint8_t)vcpu->id});
}

void trace_event(struct vcpu *vcpu, enum trace_kind kind, uint8_t detail, uint64_t value)
{
    if (trace_ring_on)
        append(&(struct trace_record){.time_ns = time_now_ns(),
                                      .pc = arch_vcpu_reg_get(vcpu, arch_reg_pc),
                                      .value = value,
                                      .kind = (uint8_t)kind,
                                      .detail = detail,
                                      .vm = (uint8_t)vcpu->vm->id,
                                      .vcpu = (uint8_t)vcpu->id});
}

const struct trace_histogram *trace_exits_of(const struct vcpu *vcpu)
{
    return exits[vcpu->vm->id][vcpu->id];
}

uint64_t trace_end(uint32_t cpu)
{
    return cpu < MAX_CPUS && rings[cpu] != NULL
               ? atomic_load_explicit(&rings[cpu]->count, memory_order_acquire)
               : 0;
}

uint64_t trace_first(uint32_t cpu)
{
    uint64_t end = trace_end(cpu);

    return end > TRACE_RECORDS ? end - TRACE_RECORDS : 0;
}

bool trace_get(uint32_t cpu, uint64_t n, struct trace_record *record)
{
    if (n < trace_first(cpu) || n >= trace_end(cpu))
        return false;
    *record = rings[cpu]->records[n % TRACE_RECORDS];
    /* Its writer may have come round. */
    return n >= trace_first(cpu) && record->kind <= TRACE_INJECT && record->vm < vm_count;
}

void trace_text(uint32_t cpu, const struct trace_record *record, char *text, size_t size)
{
    static const char *const kinds[] = {
        [TRACE_EXIT] = "exit", [TRACE_LOAD] = "load", [TRACE_INJECT] = "inject"};
    char detail[24];

    if (record->kind == TRACE_EXIT)
        fmt_snprintf(detail, sizeof(detail), "%s", trace_exit_name(record->detail));
    else
        fmt_snprintf(detail, sizeof(detail), "%u", record->detail);
    fmt_snprintf(text, size, "trace cpu %u at %lu for %u %s %s vm %s vcpu %u pc 0x%lx value 0x%lx", cpu,
                 record->time_ns, record->duration, kinds[record->kind], detail,
                 vms[record->vm]->config->name, record->vcpu, record->pc, record->value);
}

bool trace_line(uint32_t cpu, uint64_t n, char *text, size_t size)
{
    struct trace_record record;
    bool there = trace_get(cpu, n, &record);

    if (there)
        trace_text(cpu, &record, text, size);
    return there;
}
