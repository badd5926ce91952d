/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86: what core needs inline. The per-CPU structure is reached through GS; its first member points to
 * itself.
 */
#pragma once

#include <stddef.h>
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

/*
 * Copying and clearing by the megabyte. One string instruction: fewest instructions where they are counted,
 * and the microcode's own fast path on hardware. Not for small sizes, where starting it costs more than a
 * loop.
 */
static inline void arch_bulk_copy(void *to, const void *from, size_t size)
{
    size_t words = size / sizeof(uint64_t);
    size_t rest = size % sizeof(uint64_t);

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

static inline void arch_bulk_clear(void *at, size_t size)
{
    size_t words = size / sizeof(uint64_t);
    size_t rest = size % sizeof(uint64_t);

    __asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(0) : "memory");
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(0) : "memory");
}

/* Zeroes `size` bytes, a multiple of 8; for large pieces. */
static inline void arch_zero(void *start, uint64_t size)
{
    uint64_t count = size / 8;

    __asm__ volatile("rep stosq" : "+D"(start), "+c"(count) : "a"(UINT64_C(0)) : "memory");
}
