/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: what core needs inline. The per-CPU structure is reached through TPIDR_EL2.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cpu;

static inline struct cpu *arch_this_cpu(void)
{
    struct cpu *cpu;

    __asm__("mrs %0, tpidr_el2" : "=r"(cpu));
    return cpu;
}

static inline void arch_cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

/* (high:low) / divisor; the quotient must fit 64 bits: high < divisor. Bit by bit, as there is no such
 * instruction. */
static inline uint64_t arch_div_u128(uint64_t high, uint64_t low, uint64_t divisor)
{
    for (uint32_t i = 0; i < 64; i++) {
        uint64_t carry = high >> 63;

        high = high << 1 | low >> 63;
        low <<= 1;
        if (carry != 0 || high >= divisor) {
            high -= divisor;
            low |= 1;
        }
    }
    return low;
}

/* Copying and clearing by the megabyte; normal memory only. Not for small sizes, where starting it costs more
 * than a loop. */
static inline void arch_bulk_copy(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    uint64_t a, b, c, d;

    /* Unaligned accesses to normal memory are allowed: SCTLR_EL2.A is 0. */
    for (; size >= 32; size -= 32)
        __asm__ volatile("ldp %2, %3, [%1], #16\n\t"
                         "ldp %4, %5, [%1], #16\n\t"
                         "stp %2, %3, [%0], #16\n\t"
                         "stp %4, %5, [%0], #16"
                         : "+r"(out), "+r"(in), "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
                         :
                         : "memory");
    for (; size > 0; size--)
        *out++ = *in++;
}

/* Bytes that one DC ZVA clears, 0: not to be used here (Arm ARM, "DCZID_EL0"). */
static inline uint64_t arch_zva_size(void)
{
    uint64_t dczid;

    __asm__("mrs %0, dczid_el0" : "=r"(dczid));
    return (dczid & 0x10) != 0 ? 0 : UINT64_C(4) << (dczid & 0xf);
}

static inline void arch_bulk_clear(void *at, size_t size)
{
    uint64_t block = arch_zva_size();
    uint8_t *out = at;

    if (block != 0 && ((uintptr_t)out & (block - 1)) == 0)
        for (; size >= block; size -= block, out += block)
            __asm__ volatile("dc zva, %0" : : "r"(out) : "memory");
    for (; size >= 16; size -= 16)
        __asm__ volatile("stp xzr, xzr, [%0], #16" : "+r"(out) : : "memory");
    for (; size > 0; size--)
        *out++ = 0;
}

/* Zeroes `size` bytes, a multiple of 8; for large pieces. */
static inline void arch_zero(void *start, uint64_t size)
{
    arch_bulk_clear(start, size);
}
