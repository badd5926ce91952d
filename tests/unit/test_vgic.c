/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC by its parts: delivery through the modelled virtual CPU interface. What the exhaustive
 * model leaves out: 1 of N, SGIs by affinity, more vCPUs, the physical timer, CPUs off, resets.
 */
#include "vgic_fixture.h"

static int setup(void **state)
{
    (void)state;
    start_enabled(2, 4);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return books_balance() ? 0 : -1;
}

static void sgi(unsigned int from, uint64_t value)
{
    vgic_sgi(&cpu[from], value, true);
}

static void test_sgi(void **state)
{
    (void)state;
    make_ready(1, 3, 0x80);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    sgi(0, UINT64_C(3) << 24 | 1u << 1);
    assert_true(kicks[1] != 0);
    assert_int_equal(iar(1), 3);
    sgi(0, UINT64_C(3) << 24 | 1u << 1); /* again, while active: one more */
    sgi(0, UINT64_C(3) << 24 | 1u << 1); /* collapses with it */
    enter(1);
    assert_int_equal(iar(1), ICH_SPURIOUS);
    assert_false(eoi(1, 3));
    assert_int_equal(iar(1), 3);
    assert_false(eoi(1, 3));
    assert_int_equal(iar(1), ICH_SPURIOUS);
    save(1);
    assert_int_equal(cpu[1].books.delivered_count, 2);
    assert_int_equal(cpu[1].books.collapsed_count, 1);
}

static void test_level_is_sampled_again(void **state)
{
    (void)state;
    make_ready(0, 40, 0x80);
    vgic_set_line(&gic, 40, true);
    assert_int_equal(iar(0), 40);
    assert_true(eoi(0, 40)); /* still high: an exit */
    assert_int_equal(iar(0), 40);
    vgic_set_line(&gic, 40, false);
    enter(0);
    assert_false(eoi(0, 40)); /* low: none */
    assert_int_equal(iar(0), ICH_SPURIOUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sgi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_is_sampled_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
