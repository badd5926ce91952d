/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical page allocator: all RAM that boot_info reports, minus what is taken. Best-effort contiguous ranges
 * for guests, single pages for us. Any CPU; own lock. Memory comes zeroed.
 */
#pragma once

#include <stdint.h>

#include "core/boot_info.h"
#include "lib/addr.h"
#include "lib/bits.h"

/*
 * Takes over the RAM of [first, limit) minus the image and the modules. The architecture's boot code calls it
 * before core_main, more than once if it can reach high memory only later; all of the range must be mapped,
 * as free memory holds its own list. Boot CPU only, ranges must not overlap.
 */
void pmem_add_ram(const struct boot_info *info, uint64_t first, uint64_t limit);

/* `count` contiguous zeroed pages aligned to `align` bytes (power of two >= PAGE_SIZE). 0: ok, E_NOMEM. */
MUST_CHECK int pmem_alloc(uint64_t count, uint64_t align, hpa_t *out);

/* Like pmem_alloc but below 4 GiB / below 1 MiB when `limit` (exclusive, bytes) is not 0. */
MUST_CHECK int pmem_alloc_below(uint64_t count, uint64_t align, uint64_t limit, hpa_t *out);

/* Exactly these pages, as they are, if all of them are free; else E_BUSY. */
MUST_CHECK int pmem_take(hpa_t start, uint64_t count);

void pmem_free(hpa_t start, uint64_t count);

/* Pages free now, pages taken by Latch itself (not by guest RAM), for reports. */
uint64_t pmem_free_pages(void);

/* One zeroed page as a pointer into the direct map, NULL without memory; for page tables and small objects.
 */
void *page_alloc(void);
void page_free(void *page);

/* The direct map: host physical memory as Latch sees it, readable and writable, never executable. */
static inline void *hpa_to_ptr(hpa_t at)
{
    return (void *)(uintptr_t)at.v; /* NOLINT: the direct map is the identity */
}

static inline hpa_t ptr_to_hpa(const void *ptr)
{
    return hpa((uintptr_t)ptr);
}
