/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86: what core needs inline. The per-CPU structure is reached through GS; its first member points to
 * itself.
 */
#pragma once

#include <stdint.h>

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

/* (high:low) / divisor; the quotient must fit 64 bits. */
static inline uint64_t arch_div_u128(uint64_t high, uint64_t low, uint64_t divisor)
{
    __asm__("divq %2" : "+a"(low), "+d"(high) : "r"(divisor) : "cc");
    return low;
}
