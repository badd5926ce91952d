/* SPDX-License-Identifier: BSD-2-Clause */
/* Which barriers CPUs of known generations get, and that option and emulator turn them off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/mitigation_plan.h"
#include "lib/bits.h"
#include "lib/nospec.h"

static struct mitigation_plan plan_of(struct speculation_facts facts)
{
    struct mitigation_plan plan;

    mitigation_plan_make(&plan, &facts, true);
    return plan;
}

static void check(struct mitigation_plan plan, enum mitigation_state predictor,
                  enum mitigation_state branches, enum mitigation_state returns,
                  enum mitigation_state buffers, enum mitigation_state cache)
{
    assert_int_equal(plan.state[MITIGATION_PREDICTOR], predictor);
    assert_int_equal(plan.state[MITIGATION_BRANCHES], branches);
    assert_int_equal(plan.state[MITIGATION_RETURNS], returns);
    assert_int_equal(plan.state[MITIGATION_BUFFERS], buffers);
    assert_int_equal(plan.state[MITIGATION_CACHE], cache);
}

static void test_emulator_costs_nothing(void **state)
{
    struct mitigation_plan plan =
        plan_of((struct speculation_facts){.vendor = CPU_VENDOR_AMD, .emulated = true});

    (void)state;
    check(plan, MITIGATION_NOT_NEEDED, MITIGATION_NOT_NEEDED, MITIGATION_NOT_NEEDED, MITIGATION_NOT_NEEDED,
          MITIGATION_NOT_NEEDED);
    assert_int_equal(plan.entry_flags, 0);
}

static void test_amd_without_controls(void **state)
{
    struct mitigation_plan plan = plan_of((struct speculation_facts){.vendor = CPU_VENDOR_AMD});

    (void)state;
    check(plan, MITIGATION_NOT_OFFERED, MITIGATION_NOT_OFFERED, MITIGATION_ACTIVE, MITIGATION_NOT_OFFERED,
          MITIGATION_NOT_NEEDED);
    assert_int_equal(plan.entry_flags, MITIGATE_RETURNS);
}

static void test_amd_with_ibrs_that_stays(void **state)
{
    struct mitigation_plan plan = plan_of((struct speculation_facts){
        .vendor = CPU_VENDOR_AMD,
        .ext8_ebx = (uint32_t)(BIT(12) | BIT(14) | BIT(16)),
        .ext21_eax = (uint32_t)BIT(5),
    });

    (void)state;
    check(plan, MITIGATION_ACTIVE, MITIGATION_ACTIVE, MITIGATION_ACTIVE, MITIGATION_ACTIVE,
          MITIGATION_NOT_NEEDED);
    assert_true(plan.ibrs);
    assert_int_equal(plan.entry_flags, MITIGATE_RETURNS | MITIGATE_BUFFERS);
}

/* IBRS that has to be written at each exit is not used. */
static void test_amd_with_plain_ibrs(void **state)
{
    struct mitigation_plan plan = plan_of(
        (struct speculation_facts){.vendor = CPU_VENDOR_AMD, .ext8_ebx = (uint32_t)(BIT(12) | BIT(14))});

    (void)state;
    assert_false(plan.ibrs);
    assert_int_equal(plan.state[MITIGATION_BRANCHES], MITIGATION_NOT_OFFERED);
}

static void test_amd_with_automatic_ibrs(void **state)
{
    struct mitigation_plan plan = plan_of((struct speculation_facts){
        .vendor = CPU_VENDOR_AMD,
        .ext8_ebx = (uint32_t)(BIT(12) | BIT(14) | BIT(16)),
        .ext21_eax = (uint32_t)BIT(8),
        .ext21_ecx = (uint32_t)(BIT(1) | BIT(2)),
    });

    (void)state;
    check(plan, MITIGATION_ACTIVE, MITIGATION_ACTIVE, MITIGATION_HARDWARE, MITIGATION_NOT_NEEDED,
          MITIGATION_NOT_NEEDED);
    assert_true(plan.auto_ibrs);
    assert_false(plan.ibrs);
    assert_int_equal(plan.entry_flags, 0);
}

static void test_intel_before_enhanced_ibrs(void **state)
{
    struct mitigation_plan plan = plan_of((struct speculation_facts){
        .vendor = CPU_VENDOR_INTEL,
        .leaf7_edx = (uint32_t)(BIT(10) | BIT(26) | BIT(28)),
    });

    (void)state;
    check(plan, MITIGATION_ACTIVE, MITIGATION_NOT_OFFERED, MITIGATION_ACTIVE, MITIGATION_ACTIVE,
          MITIGATION_ACTIVE);
    assert_int_equal(plan.entry_flags, MITIGATE_RETURNS | MITIGATE_BUFFERS);
}

static void test_intel_immune(void **state)
{
    struct speculation_facts facts = {
        .vendor = CPU_VENDOR_INTEL,
        .leaf7_edx = (uint32_t)(BIT(10) | BIT(26) | BIT(28)),
        .arch_capabilities = BIT(0) | BIT(1) | BIT(5) | BIT(8) | BIT(24),
    };

    (void)state;
    check(plan_of(facts), MITIGATION_ACTIVE, MITIGATION_ACTIVE, MITIGATION_HARDWARE, MITIGATION_NOT_NEEDED,
          MITIGATION_NOT_NEEDED);
    assert_int_equal(plan_of(facts).entry_flags, 0);
    facts.arch_capabilities &= ~BIT(24);
    assert_int_equal(plan_of(facts).entry_flags, MITIGATE_RETURNS);
    facts.leaf7_ebx = (uint32_t)BIT(11);
    facts.arch_capabilities = BIT(0) | BIT(1) | BIT(5) | BIT(24);
    assert_int_equal(plan_of(facts).state[MITIGATION_BUFFERS], MITIGATION_ACTIVE);
    facts.leaf7_ebx = 0;
    facts.arch_capabilities |= BIT(28);
    assert_int_equal(plan_of(facts).entry_flags, MITIGATE_BUFFERS);
    facts.arch_capabilities |= BIT(27) | BIT(17);
    assert_int_equal(plan_of(facts).entry_flags, MITIGATE_BUFFERS);
    facts.arch_capabilities |= FIELD(15, 13);
    assert_int_equal(plan_of(facts).entry_flags, 0);
}

static void test_option_off(void **state)
{
    struct speculation_facts facts = {
        .vendor = CPU_VENDOR_INTEL,
        .leaf7_edx = (uint32_t)(BIT(10) | BIT(26) | BIT(28)),
        .arch_capabilities = BIT(1),
    };
    struct mitigation_plan plan;

    (void)state;
    mitigation_plan_make(&plan, &facts, false);
    check(plan, MITIGATION_OFF, MITIGATION_OFF, MITIGATION_OFF, MITIGATION_OFF, MITIGATION_OFF);
    assert_int_equal(plan.entry_flags, 0);
    assert_false(plan.ibrs || plan.auto_ibrs);
}

static void test_index(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < 70; size++)
        for (uint64_t index = 0; index < 140; index++)
            assert_int_equal(index_nospec(index, size), index < size ? index : 0);
    assert_int_equal(index_nospec(UINT32_MAX, 64), 0);
    assert_int_equal(index_nospec(INT64_MAX, 64), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_emulator_costs_nothing),
        cmocka_unit_test(test_amd_without_controls),
        cmocka_unit_test(test_amd_with_ibrs_that_stays),
        cmocka_unit_test(test_amd_with_plain_ibrs),
        cmocka_unit_test(test_amd_with_automatic_ibrs),
        cmocka_unit_test(test_intel_before_enhanced_ibrs),
        cmocka_unit_test(test_intel_immune),
        cmocka_unit_test(test_option_off),
        cmocka_unit_test(test_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
