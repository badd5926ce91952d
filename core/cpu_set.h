/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of physical CPUs, by index. The atomic kind is for sets that all CPUs change; its operations are
 * sequentially consistent, because whoever uses it does so to see what another CPU wrote before.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

#define CPU_SET_SIZE  256
#define CPU_SET_WORDS (CPU_SET_SIZE / 64)
#define CPU_SET_NONE  CPU_SET_SIZE

struct cpu_set {
    uint64_t words[CPU_SET_WORDS];
};

struct atomic_cpu_set {
    _Atomic uint64_t words[CPU_SET_WORDS];
};

static inline bool cpu_set_has(const struct cpu_set *set, uint32_t cpu)
{
    return (set->words[cpu / 64] & BIT(cpu % 64)) != 0;
}

static inline void cpu_set_add(struct cpu_set *set, uint32_t cpu)
{
    set->words[cpu / 64] |= BIT(cpu % 64);
}

static inline void cpu_set_remove(struct cpu_set *set, uint32_t cpu)
{
    set->words[cpu / 64] &= ~BIT(cpu % 64);
}

static inline uint32_t cpu_set_count(const struct cpu_set *set)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < CPU_SET_WORDS; i++)
        count += bits_count(set->words[i]);
    return count;
}

static inline void atomic_cpu_set_add(struct atomic_cpu_set *set, uint32_t cpu)
{
    atomic_fetch_or_explicit(&set->words[cpu / 64], BIT(cpu % 64), memory_order_seq_cst);
}

/* True: it was in the set, and the caller is the one who took it out. */
static inline bool atomic_cpu_set_take(struct atomic_cpu_set *set, uint32_t cpu)
{
    if ((atomic_load_explicit(&set->words[cpu / 64], memory_order_seq_cst) & BIT(cpu % 64)) == 0)
        return false;
    return (atomic_fetch_and_explicit(&set->words[cpu / 64], ~BIT(cpu % 64), memory_order_seq_cst) &
            BIT(cpu % 64)) != 0;
}

/*
 * A CPU of the set that `allowed` has too, the first after `from`, in a circle; CPU_SET_NONE: there is none.
 * `words`: how many words hold CPUs of this machine.
 */
static inline uint32_t atomic_cpu_set_find(const struct atomic_cpu_set *set, const struct cpu_set *allowed,
                                           uint32_t from, uint32_t words)
{
    uint32_t first = from / 64;
    uint64_t behind = from % 64 == 63 ? 0 : ~UINT64_C(0) << (from % 64 + 1);

    for (uint32_t i = 0; i <= words; i++) {
        uint32_t word = (first + i) % words;
        uint64_t bits = atomic_load_explicit(&set->words[word], memory_order_seq_cst) & allowed->words[word];

        if (i == 0)
            bits &= behind;
        if (bits != 0)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return CPU_SET_NONE;
}
