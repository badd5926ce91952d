/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit and field masks in 64 bits, and the two operations on fields. Every hardware header of the
 * project spells its registers with these, so that no .c file holds a raw mask.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BIT(n)                          (UINT64_C(1) << (n))
#define FIELD(hi, lo)                   ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define ARRAY_COUNT(a)                  (sizeof(a) / sizeof((a)[0]))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define MUST_CHECK                      __attribute__((warn_unused_result))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))

/* The field `mask` of `value`, shifted down to bit 0. `mask` must not be 0. */
static inline uint64_t field_get(uint64_t value, uint64_t mask)
{
    return (value & mask) >> __builtin_ctzll(mask);
}

/* `field` shifted up into `mask`; bits that do not fit are cut off. */
static inline uint64_t field_make(uint64_t field, uint64_t mask)
{
    return (field << __builtin_ctzll(mask)) & mask;
}

/* `value` with its field `mask` replaced. */
static inline uint64_t field_set(uint64_t value, uint64_t mask, uint64_t field)
{
    return (value & ~mask) | field_make(field, mask);
}

static inline uint64_t align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

/* Wraps to 0 at the top of the range: callers check bounds first. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
    return align_down(value + align - 1, align);
}

static inline bool is_aligned(uint64_t value, uint64_t align)
{
    return (value & (align - 1)) == 0;
}

static inline bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The low `bytes` (1..8) bytes of an integer, all ones. */
static inline uint64_t bytes_mask(unsigned int bytes)
{
    return ~UINT64_C(0) >> (64 - 8 * bytes);
}

/* Number of ones. A loop: no population count instruction may be assumed, and the callers' words have few. */
static inline uint32_t bits_count(uint64_t value)
{
    uint32_t count = 0;

    for (; value != 0; value &= value - 1)
        count++;
    return count;
}
