/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: one fake CPU, set by the test that needs it. */
#pragma once

#include <stddef.h>
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

/* Through the compiler's own, so that the sanitizers see every byte. */
static inline void arch_bulk_copy(void *to, const void *from, size_t size)
{
    __builtin_memcpy(to, from, size);
}

static inline void arch_bulk_clear(void *at, size_t size)
{
    __builtin_memset(at, 0, size);
}

static inline void arch_zero(void *start, uint64_t size)
{
    __builtin_memset(start, 0, size);
}
