/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of physical CPUs. */
#include "core/cpu.h"

#include "core/arch.h"

struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count;

void cpu_kick(struct cpu *cpu)
{
    /* Whoever raised it first has sent or is sending the interrupt. */
    if (atomic_exchange_explicit(&cpu->attention, 1, memory_order_seq_cst) == 0 && cpu != this_cpu())
        arch_cpu_kick(cpu);
}
