/* SPDX-License-Identifier: BSD-2-Clause */
/* The test area's table, hooked into the tables of the entry code at first use. */
#include "guests/lib/pages.h"

#include "guests/lib/cpu.h"

extern uint64_t page_pdpt[512];

static uint64_t test_directory[512] __attribute__((aligned(4096)));
static uint64_t test_table[512] __attribute__((aligned(4096)));

uint64_t pages_test_map(unsigned int index, uint64_t physical, uint64_t flags)
{
    uint64_t address = PAGES_TEST + index * UINT64_C(4096);

    test_directory[0] = (uintptr_t)test_table | PTE_RW;
    page_pdpt[PAGES_TEST >> 30] = (uintptr_t)test_directory | PTE_RW;
    test_table[index] = flags != 0 ? physical | flags : 0;
    page_flush(address);
    return address;
}

uint64_t *pages_test_entry(unsigned int index)
{
    return &test_table[index];
}
