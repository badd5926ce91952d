/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86: what core needs inline. The per-CPU structure is reached through GS; its first member points to
 * itself.
 */
#pragma once

struct cpu;

static inline struct cpu *arch_this_cpu(void)
{
    struct cpu *cpu;

    __asm__("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

static inline void arch_cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}
