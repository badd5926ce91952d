/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address kinds: host physical, guest physical, guest virtual. One-member structs, so that mixing
 * them does not compile.
 */
#pragma once

#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(4096)
#define KIB        UINT64_C(1024)
#define MIB        (KIB * 1024)
#define GIB        (MIB * 1024)

typedef struct {
    uint64_t v;
} hpa_t;

typedef struct {
    uint64_t v;
} gpa_t;

typedef struct {
    uint64_t v;
} gva_t;

static inline hpa_t hpa(uint64_t v)
{
    return (hpa_t){v};
}

static inline gpa_t gpa(uint64_t v)
{
    return (gpa_t){v};
}

static inline gva_t gva(uint64_t v)
{
    return (gva_t){v};
}
