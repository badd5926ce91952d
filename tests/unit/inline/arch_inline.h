/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: one fake CPU, set by the test that needs it. */
#pragma once

#include <stdint.h>

struct cpu;

extern struct cpu *fake_this_cpu;

static inline struct cpu *arch_this_cpu(void)
{
    return fake_this_cpu;
}

static inline void arch_cpu_relax(void)
{
}

static inline uint64_t arch_div_u128(uint64_t high, uint64_t low, uint64_t divisor)
{
    return (uint64_t)(((unsigned __int128)high << 64 | low) / divisor);
}
