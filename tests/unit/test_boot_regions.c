/* SPDX-License-Identifier: BSD-2-Clause */
/* core/boot_regions.c: overlaps, holes, alignment; a per-page oracle over random maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/boot_regions.h"
#include "lib/error.h"

static struct boot_info info;

static struct boot_region region(uint64_t start, uint64_t size, enum boot_region_kind kind)
{
    return (struct boot_region){hpa(start), size, kind};
}

static void test_sorts_and_merges(void **state)
{
    const struct boot_region raw[] = {
        region(5 * GIB, GIB, BOOT_REGION_RAM),
        region(MIB, 2 * MIB, BOOT_REGION_RAM),
        region(0, 0x9f000, BOOT_REGION_RAM),
        region(3 * MIB, MIB, BOOT_REGION_RAM),
    };

    (void)state;
    assert_int_equal(boot_regions_resolve(raw, ARRAY_COUNT(raw), &info), 0);
    assert_int_equal(info.region_count, 3);
    assert_int_equal(info.regions[1].start.v, MIB);
    assert_int_equal(info.regions[1].size, 3 * MIB);
    assert_int_equal(info.regions[2].start.v, 5 * GIB);
    assert_int_equal(boot_regions_ram(&info), 0x9f000 + 3 * MIB + GIB);
}

static void test_restrictive_wins(void **state)
{
    const struct boot_region raw[] = {
        region(0, 16 * MIB, BOOT_REGION_RAM),
        region(4 * MIB + 1, 10, BOOT_REGION_RESERVED),
        region(6 * MIB, MIB, BOOT_REGION_ACPI),
        region(6 * MIB, PAGE_SIZE, BOOT_REGION_BAD),
    };

    (void)state;
    assert_int_equal(boot_regions_resolve(raw, ARRAY_COUNT(raw), &info), 0);
    assert_int_equal(info.region_count, 6);
    assert_int_equal(info.regions[1].kind, BOOT_REGION_RESERVED);
    assert_int_equal(info.regions[1].start.v, 4 * MIB);
    assert_int_equal(info.regions[1].size, PAGE_SIZE);
    assert_int_equal(info.regions[3].kind, BOOT_REGION_BAD);
    assert_int_equal(info.regions[4].kind, BOOT_REGION_ACPI);
    assert_int_equal(boot_regions_ram(&info), 15 * MIB - PAGE_SIZE);
}

static void test_nonsense(void **state)
{
    const struct boot_region raw[] = {
        region(UINT64_MAX - 100, 1000, BOOT_REGION_RAM),    /* wraps */
        region(MIB, 0, BOOT_REGION_RAM),                    /* empty */
        region(MIB + 1, PAGE_SIZE, BOOT_REGION_RAM),        /* no whole page */
        region(UINT64_MAX - 100, 50, BOOT_REGION_RESERVED), /* in the last page, which is not described */
        region(UINT64_MAX - 8191, 8191, BOOT_REGION_RESERVED),
    };

    (void)state;
    assert_int_equal(boot_regions_resolve(raw, ARRAY_COUNT(raw), &info), 0);
    assert_int_equal(boot_regions_ram(&info), 0);
    assert_int_equal(boot_regions_resolve(raw, 0, &info), 0);
    assert_int_equal(info.region_count, 0);
}

static void test_too_many(void **state)
{
    static struct boot_region raw[BOOT_MAX_REGIONS + 1];

    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(raw); i++)
        raw[i] = region(2 * i * MIB, MIB, BOOT_REGION_RAM);
    assert_int_equal(boot_regions_resolve(raw, ARRAY_COUNT(raw), &info), E_RANGE);
    assert_int_equal(info.region_count, BOOT_MAX_REGIONS);
}

#define PAGES 256

static void test_random(void **state)
{
    static const int rank[] = {
        [BOOT_REGION_RAM] = 1, [BOOT_REGION_ACPI] = 2, [BOOT_REGION_RESERVED] = 3, [BOOT_REGION_BAD] = 4};
    uint32_t seed = 7;

    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        struct boot_region raw[12];
        int want[PAGES] = {0};
        int got[PAGES] = {0};
        uint64_t last = 0;

        for (uint32_t i = 0; i < ARRAY_COUNT(raw); i++) {
            uint64_t start, end;

            seed = seed * 1103515245 + 12345;
            raw[i] = region((seed >> 8) % (PAGES * PAGE_SIZE / 2), (seed >> 4) % (PAGES * PAGE_SIZE / 2),
                            (seed >> 28) % 4);
            start = raw[i].start.v;
            end = start + raw[i].size;
            for (uint64_t p = 0; p < PAGES && raw[i].size != 0; p++) {
                bool touched = start < (p + 1) * PAGE_SIZE && end > p * PAGE_SIZE;
                bool whole = start <= p * PAGE_SIZE && end >= (p + 1) * PAGE_SIZE;

                if ((raw[i].kind == BOOT_REGION_RAM ? whole : touched) && rank[raw[i].kind] > want[p])
                    want[p] = rank[raw[i].kind];
            }
        }
        assert_int_equal(boot_regions_resolve(raw, ARRAY_COUNT(raw), &info), 0);
        for (uint32_t i = 0; i < info.region_count; i++) {
            assert_true(info.regions[i].start.v >= last && info.regions[i].size != 0);
            last = info.regions[i].start.v + info.regions[i].size;
            for (uint64_t p = info.regions[i].start.v / PAGE_SIZE; p < last / PAGE_SIZE; p++)
                got[p] = rank[info.regions[i].kind];
        }
        assert_memory_equal(got, want, sizeof(want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_and_merges), cmocka_unit_test(test_restrictive_wins),
        cmocka_unit_test(test_nonsense),         cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
