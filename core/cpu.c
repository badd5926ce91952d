/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of physical CPUs. */
#include "core/cpu.h"

#include "core/arch.h"

struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count;

void cpu_kick(struct cpu *cpu)
{
    atomic_store_explicit(&cpu->attention, 1, memory_order_seq_cst);
    if (cpu != this_cpu())
        arch_cpu_kick(cpu);
}
