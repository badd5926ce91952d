/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time since boot in nanoseconds, from the architecture's constant-rate counter. The same on all CPUs.
 */
#pragma once

#include <stdint.h>

#include "arch_inline.h"

#define NS_PER_US  UINT64_C(1000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

/* Nanoseconds since the counter was calibrated; monotonic, callable anywhere, also in NMI handlers. */
uint64_t time_now_ns(void);

/* a * b / c with a 128-bit product, rounded down; the quotient must fit 64 bits, c must not be 0. */
static inline uint64_t mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    if (product >> 64 == 0)
        return (uint64_t)product / c;
    return arch_div_u128((uint64_t)(product >> 64), (uint64_t)product, c);
}
