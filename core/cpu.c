/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of physical CPUs. */
#include "core/cpu.h"

#include "core/arch.h"

struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count;

void cpu_init(struct cpu *cpu, uint32_t id, uint32_t hardware_id)
{
    cpu->self = cpu;
    cpu->id = id;
    cpu->hardware_id = hardware_id;
    cpu->timer_programmed_ns = UINT64_MAX;
    list_init(&cpu->timers);
    cpu->timer_lock.rank = LOCK_TIMERS;
    run_queue_init(&cpu->queue);
    cpus[id] = cpu;
}

void cpu_raise(struct cpu *cpu, uint32_t why)
{
    /* Whoever raised the first has sent or is sending the interrupt, or its own interrupt did it. */
    if (atomic_fetch_or_explicit(&cpu->attention, why, memory_order_seq_cst) == 0 && cpu != this_cpu())
        arch_cpu_kick(cpu);
}

void cpu_kick(struct cpu *cpu)
{
    cpu_raise(cpu, ATTENTION_ALL);
}
