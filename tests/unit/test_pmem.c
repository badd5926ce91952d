/* SPDX-License-Identifier: BSD-2-Clause */
/* core/pmem.c: the direct map is the identity, so an aligned piece of this process is "physical memory". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define ARENA_PAGES 4096
#define ARENA_SIZE  (ARENA_PAGES * PAGE_SIZE)
#define MAX_PIECES  200

static uint8_t *arena;
static struct boot_info info;

void panic(const char *format, ...)
{
    mock_assert(0, format, __FILE__, __LINE__);
    abort();
}

static uint64_t base(void)
{
    return (uintptr_t)arena;
}

/* A fresh arena as one region; what the previous test left is taken out of the allocator first. */
static int setup(void **state)
{
    hpa_t page;

    (void)state;
    while (pmem_alloc(1, PAGE_SIZE, &page) == 0)
        ;
    free(arena);
    arena = aligned_alloc(4 * MIB, ARENA_SIZE);
    info = (struct boot_info){.region_count = 1, .cmdline = "", .loader_name = ""};
    info.regions[0] = (struct boot_region){hpa(base()), ARENA_SIZE, BOOT_REGION_RAM};
    for (uint64_t i = 0; i < ARENA_SIZE; i++)
        arena[i] = 0xa5;
    return 0;
}

static void test_all_pages(void **state)
{
    uint64_t count = 0;
    hpa_t page;

    (void)state;
    pmem_add_ram(&info, 0, UINT64_MAX);
    assert_int_equal(pmem_free_pages(), ARENA_PAGES);
    while (pmem_alloc(1, PAGE_SIZE, &page) == 0) {
        for (uint64_t i = 0; i < PAGE_SIZE; i++)
            assert_int_equal(((uint8_t *)hpa_to_ptr(page))[i], 0);
        count++;
    }
    assert_int_equal(count, ARENA_PAGES);
    assert_int_equal(pmem_free_pages(), 0);
    assert_null(page_alloc());
}

static void test_left_out(void **state)
{
    hpa_t at;

    (void)state;
    info.image_start = hpa(base() + 16 * PAGE_SIZE);
    info.image_size = 8 * PAGE_SIZE;
    info.module_count = 4;
    info.modules[0] = (struct boot_module){hpa(base() + 24 * PAGE_SIZE + 5), PAGE_SIZE, ""}; /* two pages */
    info.modules[1] = (struct boot_module){hpa(base() + 25 * PAGE_SIZE), 10, ""};            /* overlaps */
    info.modules[2] = (struct boot_module){hpa(base() + 40 * PAGE_SIZE), 0, ""};             /* empty */
    info.modules[3] = (struct boot_module){hpa(base() + ARENA_SIZE - 3 * PAGE_SIZE), 3 * PAGE_SIZE, ""};
    pmem_add_ram(&info, 0, UINT64_MAX);
    assert_int_equal(pmem_free_pages(), ARENA_PAGES - 8 - 2 - 3);
    for (uint64_t i = 0; i < 16; i++) {
        assert_int_equal(pmem_alloc(1, PAGE_SIZE, &at), 0);
        assert_int_equal(at.v, base() + i * PAGE_SIZE);
    }
    assert_int_equal(pmem_alloc(1, PAGE_SIZE, &at), 0);
    assert_int_equal(at.v, base() + 26 * PAGE_SIZE);
}

static void test_two_steps(void **state)
{
    uint64_t middle = base() + 100 * PAGE_SIZE;
    hpa_t at;

    (void)state;
    pmem_add_ram(&info, 0, middle);
    assert_int_equal(pmem_free_pages(), 100);
    pmem_add_ram(&info, middle, UINT64_MAX);
    assert_int_equal(pmem_free_pages(), ARENA_PAGES);
    assert_int_equal(pmem_alloc(ARENA_PAGES, PAGE_SIZE, &at), 0); /* merged */
    assert_int_equal(at.v, base());
}

static void test_only_ram(void **state)
{
    (void)state;
    info.region_count = 3;
    info.regions[0].size = 10 * PAGE_SIZE;
    info.regions[1] = (struct boot_region){hpa(base() + 10 * PAGE_SIZE), 10 * PAGE_SIZE, BOOT_REGION_ACPI};
    info.regions[2] = (struct boot_region){hpa(base() + 20 * PAGE_SIZE), 7 * PAGE_SIZE, BOOT_REGION_RAM};
    pmem_add_ram(&info, base() + PAGE_SIZE, base() + 25 * PAGE_SIZE);
    assert_int_equal(pmem_free_pages(), 9 + 5);
}

static void test_alignment(void **state)
{
    hpa_t small, large;

    (void)state;
    pmem_add_ram(&info, 0, UINT64_MAX);
    assert_int_equal(pmem_alloc(3, PAGE_SIZE, &small), 0);
    assert_int_equal(small.v, base()); /* small ones from the bottom */
    assert_int_equal(pmem_alloc(512, 2 * MIB, &large), 0);
    assert_int_equal(large.v, base() + ARENA_SIZE - 2 * MIB); /* large ones from the top */
    assert_int_equal(pmem_alloc(5, 64 * KIB, &small), 0);
    assert_int_equal(small.v, base() + 64 * KIB);
    assert_int_equal(pmem_alloc(513, 2 * MIB, &large), 0);
    assert_true(is_aligned(large.v, 2 * MIB));
    assert_int_equal(large.v, base() + ARENA_SIZE - 6 * MIB);
}

static void test_limit(void **state)
{
    hpa_t at;

    (void)state;
    pmem_add_ram(&info, 0, UINT64_MAX);
    assert_int_equal(pmem_alloc_below(512, 2 * MIB, base() + 6 * MIB, &at), 0);
    assert_int_equal(at.v, base() + 4 * MIB);
    assert_int_equal(pmem_alloc_below(1, PAGE_SIZE, base() + PAGE_SIZE, &at), 0);
    assert_int_equal(at.v, base());
    assert_int_equal(pmem_alloc_below(1, PAGE_SIZE, base() + PAGE_SIZE, &at), E_NOMEM);
    assert_int_equal(pmem_alloc(0, PAGE_SIZE, &at), E_NOMEM);
    assert_int_equal(pmem_alloc(UINT64_MAX, PAGE_SIZE, &at), E_NOMEM);
    assert_int_equal(pmem_alloc(UINT64_MAX / PAGE_SIZE, PAGE_SIZE, &at), E_NOMEM);
    assert_int_equal(pmem_alloc(1, BIT(63), &at), E_NOMEM);
}

static void test_bad_free(void **state)
{
    hpa_t at;

    (void)state;
    pmem_add_ram(&info, 0, UINT64_MAX);
    assert_int_equal(pmem_alloc(4, PAGE_SIZE, &at), 0);
    pmem_free(at, 1);
    expect_assert_failure(pmem_free(at, 1));
}

/* Against a plain model: who owns which page. */
static void test_random(void **state)
{
    static uint8_t owner[ARENA_PAGES];
    struct {
        hpa_t at;
        uint64_t count;
    } pieces[MAX_PIECES] = {0};
    uint64_t taken = 0;
    uint32_t seed = 12345;

    (void)state;
    pmem_add_ram(&info, 0, UINT64_MAX);
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t i;

        seed = seed * 1103515245 + 12345;
        i = (seed >> 8) % MAX_PIECES;
        if (pieces[i].count == 0) {
            uint64_t count = 1 + (seed >> 16) % 40;
            uint64_t align = PAGE_SIZE << ((seed >> 24) % 12);

            if (pmem_alloc(count, align, &pieces[i].at) != 0)
                continue;
            assert_true(is_aligned(pieces[i].at.v, align));
            pieces[i].count = count;
            taken += count;
            for (uint64_t p = 0; p < count; p++)
                assert_int_equal(owner[(pieces[i].at.v - base()) / PAGE_SIZE + p]++, 0);
        } else {
            for (uint64_t p = 0; p < pieces[i].count; p++)
                owner[(pieces[i].at.v - base()) / PAGE_SIZE + p]--;
            pmem_free(pieces[i].at, pieces[i].count);
            taken -= pieces[i].count;
            pieces[i].count = 0;
        }
        assert_int_equal(pmem_free_pages(), ARENA_PAGES - taken);
    }
    for (uint32_t i = 0; i < MAX_PIECES; i++)
        if (pieces[i].count != 0)
            pmem_free(pieces[i].at, pieces[i].count);
    assert_int_equal(pmem_alloc(ARENA_PAGES, PAGE_SIZE, &pieces[0].at), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_pages, setup), cmocka_unit_test_setup(test_left_out, setup),
        cmocka_unit_test_setup(test_two_steps, setup), cmocka_unit_test_setup(test_only_ram, setup),
        cmocka_unit_test_setup(test_alignment, setup), cmocka_unit_test_setup(test_limit, setup),
        cmocka_unit_test_setup(test_random, setup),    cmocka_unit_test_setup(test_bad_free, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
