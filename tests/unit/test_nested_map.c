/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/x86/nested_map.c and touched_inspect.c: leaves, and looks at accessed and dirty flags in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/nested_map.h"
#include "core/arch.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define PAGES   16
#define ADDRESS FIELD(51, 12)
#define WRITTEN (NESTED_TOUCHED | NESTED_WRITTEN)

struct cpu *fake_this_cpu;

static _Alignas(4096) uint8_t pages[PAGES][4096];
static uint32_t pages_used, pages_limit;
static struct x86_vm vm;

/* A page of 1 GiB, then one of 2 MiB, then two of 4 KiB; and a slot that is aligned to 4 KiB only. */
static const struct guest_mem mem = {
    .slot_count = 2,
    .slots = {{{0x40000000}, GIB + 2 * MIB + 2 * PAGE_SIZE, {0x100000000}},
              {{0x8000000000}, PAGE_SIZE, {0x200001000}}},
};
static const struct {
    uint64_t at, size;
} leaves[] = {
    {0x40000000, GIB},       {0x80000000, 2 * MIB},     {0x80200000, PAGE_SIZE},
    {0x80201000, PAGE_SIZE}, {0x8000000000, PAGE_SIZE},
};

void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void *page_alloc(void)
{
    return pages_used == pages_limit ? NULL : pages[pages_used++];
}

static int setup(void **state)
{
    (void)state;
    memset(pages, 0, sizeof(pages));
    memset(&vm, 0, sizeof(vm));
    vm.core.mem = mem;
    pages_used = 0;
    pages_limit = PAGES;
    return 0;
}

static void create(uint64_t accessed)
{
    const struct nested_format format = {.table = 7, .leaf = 7, .accessed = accessed, .largest = 2};

    assert_int_equal(nested_map_create(&vm, &format), 0);
}

/* Where the leaf is. */
static uint64_t *leaf_of(uint64_t at)
{
    uint64_t *path[NESTED_LEVELS];
    hpa_t host;

    return path[nested_map_walk(&vm, gpa(at), path, &host) - 1];
}

static void expect_look(uint64_t at, uint32_t marks, uint64_t size)
{
    uint32_t found_marks = 0x55;
    uint64_t found_size = 0x55;

    assert_true(arch_nested_look(&vm.core, gpa(at), &found_marks, &found_size));
    assert_int_equal(found_marks, marks);
    assert_int_equal(found_size, size);
}

static void test_leaves(void **state)
{
    uint64_t *path[NESTED_LEVELS];
    hpa_t host;

    (void)state;
    create(BIT(5));
    for (size_t i = 0; i < ARRAY_COUNT(leaves); i++) {
        uint64_t leaf = *leaf_of(leaves[i].at);

        assert_int_equal(leaf & ~ADDRESS, leaves[i].size == PAGE_SIZE ? 7 : 0x87);
        assert_true(is_aligned(leaf & ADDRESS, leaves[i].size));
    }
    assert_int_equal(nested_map_walk(&vm, gpa(0x80201234), path, &host), 4);
    assert_int_equal(host.v, 0x140201234);
    assert_int_equal(nested_map_walk(&vm, gpa(0x80202000), path, &host), 4);
    assert_int_equal(host.v, 0);
    assert_int_equal(nested_map_walk(&vm, gpa(0), path, &host), 2);
    assert_int_equal(nested_map_walk(&vm, gpa(0x10000000000), path, &host), 1);
}

static void test_no_memory_for_tables(void **state)
{
    const struct nested_format format = {.table = 7, .leaf = 7, .largest = 2};

    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        setup(NULL);
        pages_limit = i;
        assert_int_equal(nested_map_create(&vm, &format), E_NOMEM);
    }
    setup(NULL);
    pages_limit = 7;
    assert_int_equal(nested_map_create(&vm, &format), 0);
}

/* The flags of NPT, then of EPT: what the CPU has set is seen once, and nothing else of the entry changes. */
static void test_look(void **state)
{
    (void)state;
    for (uint32_t bit = 5; bit <= 8; bit += 3) {
        setup(NULL);
        create(BIT(bit));
        for (size_t i = 0; i < ARRAY_COUNT(leaves); i++) {
            uint64_t *leaf = leaf_of(leaves[i].at);
            uint64_t before = *leaf;

            expect_look(leaves[i].at, 0, leaves[i].size);
            *leaf |= BIT(bit);
            expect_look(leaves[i].at, NESTED_TOUCHED, leaves[i].size);
            *leaf |= BIT(bit) | BIT(bit + 1);
            expect_look(leaves[i].at, WRITTEN, leaves[i].size);
            expect_look(leaves[i].at, 0, leaves[i].size);
            assert_int_equal(*leaf, before);
        }
    }
}

/* From 0 to the end of RAM in steps of what each entry stands for: every leaf is met, where it begins. */
static void test_holes(void **state)
{
    uint32_t steps = 0;
    size_t met = 0;

    (void)state;
    create(BIT(8));
    for (size_t i = 0; i < ARRAY_COUNT(leaves); i++)
        *leaf_of(leaves[i].at) |= BIT(8);
    for (uint64_t at = 0; at < 0x8000001000; steps++) {
        uint32_t marks;
        uint64_t size;

        assert_true(arch_nested_look(&vm.core, gpa(at), &marks, &size));
        assert_true(is_aligned(at, size));
        if (marks != 0)
            assert_int_equal(at, leaves[met++].at);
        at += size;
    }
    assert_int_equal(met, ARRAY_COUNT(leaves));
    assert_in_range(steps, 1, 512 + 512 + 512 + 1);
}

/* A CPU without the flags. */
static void test_not_offered(void **state)
{
    uint32_t marks;
    uint64_t size;

    (void)state;
    create(0);
    assert_false(arch_nested_look(&vm.core, gpa(0x40000000), &marks, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_leaves, setup),
        cmocka_unit_test_setup(test_no_memory_for_tables, setup),
        cmocka_unit_test_setup(test_look, setup),
        cmocka_unit_test_setup(test_holes, setup),
        cmocka_unit_test_setup(test_not_offered, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
