/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libfdt's public headers ask of their surroundings: its integer types (big-endian as they stand in the
 * tree) and their conversions. Stands in for the library's own, which wants a hosted C library.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint16_t fdt16_t;
typedef uint32_t fdt32_t;
typedef uint64_t fdt64_t;

static inline uint16_t fdt16_to_cpu(fdt16_t value)
{
    return __builtin_bswap16(value);
}

static inline uint32_t fdt32_to_cpu(fdt32_t value)
{
    return __builtin_bswap32(value);
}

static inline uint64_t fdt64_to_cpu(fdt64_t value)
{
    return __builtin_bswap64(value);
}

static inline fdt16_t cpu_to_fdt16(uint16_t value)
{
    return __builtin_bswap16(value);
}

static inline fdt32_t cpu_to_fdt32(uint32_t value)
{
    return __builtin_bswap32(value);
}

static inline fdt64_t cpu_to_fdt64(uint64_t value)
{
    return __builtin_bswap64(value);
}
