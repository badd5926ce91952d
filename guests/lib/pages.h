/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of our guests. The first 4 GiB are mapped one to one in 2 MiB pages by the entry code, for user
 * mode too. The 2 MiB from PAGES_TEST up go through a table of 4 KiB pages that starts empty, for tests.
 */
#pragma once

#include <stdint.h>

#define PAGES_TEST  UINT64_C(0x100000000) /* above what is mapped one to one */
#define PTE_PRESENT UINT64_C(0x001)
#define PTE_WRITE   UINT64_C(0x002)
#define PTE_USER    UINT64_C(0x004)
#define PTE_LARGE   UINT64_C(0x080)
#define PTE_RW      (PTE_PRESENT | PTE_WRITE | PTE_USER)

/* Maps page `index` (0..511) of the test area to a physical page; flags 0 unmaps. Returns its address. */
uint64_t pages_test_map(unsigned int index, uint64_t physical, uint64_t flags);

/* The page-table entry of page `index` of the test area, for code that changes it itself. */
uint64_t *pages_test_entry(unsigned int index);
