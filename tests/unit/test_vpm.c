/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vpm: PM timer, its interrupt, power button, S5. */
#include "tests/unit/fake_machine.h"

#include "vdev/vpm.h"

static struct vpm pm;

static int setup(void **state)
{
    (void)state;
    fake_machine_init();
    fake_now_ns = 123456789;
    vpm_init(&pm, &fake_vm, &fake_line);
    return vpm_register(&pm, fake_bus());
}

static void test_timer(void **state)
{
    (void)state;
    assert_int_equal(in32(0x608), 0);
    fake_pass_ns(NS_PER_SEC);
    assert_int_equal(in32(0x608), VPM_TIMER_HZ);
    out32(0x608, 0); /* read-only */
    assert_int_equal(in32(0x608), VPM_TIMER_HZ);
    assert_int_equal(in16(0x608), VPM_TIMER_HZ & 0xffff);
    assert_int_equal(in8(0x609), VPM_TIMER_HZ >> 8 & 0xff);
    assert_int_equal(in16(0x60a), VPM_TIMER_HZ >> 16);
    assert_int_equal(in32(0x606), (VPM_TIMER_HZ & 0xffff) << 16); /* across */
    fake_pass_ns(1199 * NS_PER_SEC);
    assert_int_equal(in32(0x608), (uint32_t)(VPM_TIMER_HZ * 1200)); /* wrapped */
    assert_int_equal(in16(0x600), VPM_TMR_STS);
}

static void test_timer_interrupt(void **state)
{
    (void)state;
    out16(0x602, 0xffff);
    assert_int_equal(in16(0x602), VPM_EN_BITS);
    for (int i = 0; i < 3; i++) {
        fake_pass_ns(599 * NS_PER_SEC);
        assert_false(fake_line.level);
        fake_pass_ns(NS_PER_SEC);
        assert_true(fake_line.level);
        assert_int_equal(in16(0x600), VPM_TMR_STS);
        out8(0x600, VPM_TMR_STS);
        assert_int_equal(in16(0x600), 0);
        assert_false(fake_line.level);
    }
    out16(0x602, 0);
    assert_false(timer_is_armed(&pm.timer));
}

static void test_power_button(void **state)
{
    (void)state;
    vpm_press_power_button(&pm);
    assert_false(fake_line.level);
    out8(0x603, VPM_PWRBTN_STS >> 8);
    assert_true(fake_line.level);
    out16(0x600, VPM_PWRBTN_STS);
    assert_false(fake_line.level);
    assert_int_equal(in32(0x600), VPM_PWRBTN_STS << 16);
}

static void test_control(void **state)
{
    (void)state;
    assert_int_equal(in16(0x604), VPM_CNT_SCI_EN);
    out16(0x604, 0);
    assert_int_equal(in16(0x604), VPM_CNT_SCI_EN);
    out16(0x604, 0x3400); /* S5 is type 0: nothing else sleeps */
    assert_int_equal(fake_end_count, 0);
    assert_int_equal(in16(0x604), 0x1401);
    out16(0x604, 0x2000);
    assert_int_equal(fake_end_count, 1);
    assert_int_equal(fake_end_reason, VM_END_POWEROFF);
    out32(0x604, 0x2000);
    assert_int_equal(fake_end_count, 2);
    out8(0x605, 0x20);
    assert_int_equal(fake_end_count, 3);
}

static void test_storm(void **state)
{
    (void)state;
    fake_storm(0x5f8, 0x610, 200000);
    assert_true(fake_end_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_timer, setup),        cmocka_unit_test_setup(test_timer_interrupt, setup),
        cmocka_unit_test_setup(test_power_button, setup), cmocka_unit_test_setup(test_control, setup),
        cmocka_unit_test_setup(test_storm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
