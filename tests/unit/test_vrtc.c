/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vrtc: calendar against the C library, formats, setting the clock, interrupts, CMOS sizes. */
#define _DEFAULT_SOURCE /* timegm */
#include "tests/unit/fake_machine.h"

#include <time.h>

#include "lib/addr.h"
#include "vdev/vrtc.h"
#include "vdev/vrtc_calendar.h"

#define BOOT_S INT64_C(1735689599) /* Tuesday 2024-12-31 23:59:59 */

static struct vrtc rtc;

static int setup(void **state)
{
    struct vrtc_params params = {
        .boot_utc_s = BOOT_S, .ram_low = 512 * MIB, .ram_high = 3 * GIB, .cpu_count = 4};

    (void)state;
    fake_machine_init();
    vrtc_init(&rtc, &fake_vm, &fake_line, &params);
    return vrtc_register(&rtc, fake_bus());
}

static uint8_t get(uint8_t index)
{
    out8(0x70, index | 0x80); /* the NMI bit does not matter */
    return in8(0x71);
}

static void set(uint8_t index, uint8_t value)
{
    out8(0x70, index);
    out8(0x71, value);
}

static void test_calendar(void **state)
{
    (void)state;
    for (int64_t t = INT64_C(-5000000000); t < INT64_C(8000000000); t += 86400 * 3 + 12345) {
        time_t when = (time_t)t;
        struct vrtc_date date = vrtc_date_of(t);
        struct tm tm;

        gmtime_r(&when, &tm);
        assert_int_equal(date.year, tm.tm_year + 1900);
        assert_int_equal(date.month, tm.tm_mon + 1);
        assert_int_equal(date.day, tm.tm_mday);
        assert_int_equal(date.hour, tm.tm_hour);
        assert_int_equal(date.minute, tm.tm_min);
        assert_int_equal(date.second, tm.tm_sec);
        assert_int_equal(date.weekday, tm.tm_wday);
        assert_int_equal(vrtc_seconds_of(&date), t);
    }
}

static void test_formats(void **state)
{
    (void)state;
    assert_int_equal(get(VRTC_B), VRTC_B_24H);
    assert_int_equal(get(VRTC_SECONDS), 0x59);
    assert_int_equal(get(VRTC_HOURS), 0x23);
    assert_int_equal(get(VRTC_DAY), 0x31);
    assert_int_equal(get(VRTC_MONTH), 0x12);
    assert_int_equal(get(VRTC_YEAR), 0x24);
    assert_int_equal(get(VRTC_CENTURY), 0x20);
    assert_int_equal(get(VRTC_WEEKDAY), 3);
    assert_int_equal(get(VRTC_D), 0x80);
    set(VRTC_B, VRTC_B_24H | VRTC_B_BINARY);
    assert_int_equal(get(VRTC_SECONDS), 59);
    assert_int_equal(get(VRTC_HOURS), 23);
    set(VRTC_B, VRTC_B_BINARY);
    assert_int_equal(get(VRTC_HOURS), 0x80 | 11);
    set(VRTC_B, 0);
    assert_int_equal(get(VRTC_HOURS), 0x80 | 0x11);
    fake_now_ns = NS_PER_SEC; /* New Year */
    assert_int_equal(get(VRTC_HOURS), 0x12);
    assert_int_equal(get(VRTC_YEAR), 0x25);
    assert_int_equal(get(VRTC_MONTH), 0x01);
    assert_int_equal(get(VRTC_WEEKDAY), 4);
    fake_now_ns += 12 * 3600 * NS_PER_SEC;
    assert_int_equal(get(VRTC_HOURS), 0x80 | 0x12);
}

static void test_update_in_progress(void **state)
{
    (void)state;
    assert_false(get(VRTC_A) & VRTC_A_UIP);
    fake_now_ns = NS_PER_SEC - 300 * NS_PER_US;
    assert_false(get(VRTC_A) & VRTC_A_UIP);
    fake_now_ns = NS_PER_SEC - 200 * NS_PER_US;
    assert_true(get(VRTC_A) & VRTC_A_UIP);
    set(VRTC_B, VRTC_B_SET | VRTC_B_24H);
    assert_false(get(VRTC_A) & VRTC_A_UIP);
}

/* As Linux does: SET, divider reset, registers, then back. */
static void test_set_clock(void **state)
{
    (void)state;
    set(VRTC_B, VRTC_B_SET | VRTC_B_24H);
    set(VRTC_A, 0x76);
    set(VRTC_SECONDS, 0x30);
    set(VRTC_MINUTES, 0x45);
    set(VRTC_HOURS, 0x06);
    set(VRTC_DAY, 0x29);
    set(VRTC_MONTH, 0x02);
    set(VRTC_YEAR, 0x28);
    fake_now_ns += 1000 * NS_PER_SEC;
    assert_int_equal(get(VRTC_SECONDS), 0x30); /* stands still */
    set(VRTC_B, VRTC_B_24H);
    set(VRTC_A, 0x26);
    assert_int_equal(get(VRTC_SECONDS), 0x30);
    fake_now_ns += NS_PER_SEC / 2; /* the first update follows after half a second */
    assert_int_equal(get(VRTC_SECONDS), 0x31);
    fake_now_ns += 86400 * NS_PER_SEC;
    assert_int_equal(get(VRTC_MONTH), 0x03);
    assert_int_equal(get(VRTC_DAY), 0x01);
    assert_int_equal(get(VRTC_YEAR), 0x28);
    /* A running clock can be written, too. */
    set(VRTC_HOURS, 0x01);
    assert_int_equal(get(VRTC_HOURS), 0x01);
    assert_int_equal(get(VRTC_MINUTES), 0x45);
    bus_reset(fake_bus());
    assert_int_equal(get(VRTC_YEAR), 0x25); /* the host's time again */
}

static void test_periodic(void **state)
{
    (void)state;
    set(VRTC_A, 0x2f); /* 2 Hz */
    set(VRTC_B, VRTC_B_24H | VRTC_B_PIE);
    for (int i = 0; i < 10; i++) {
        fake_edge_count = 0;
        fake_pass_ns(NS_PER_SEC / 2);
        assert_int_equal(fake_edge_count, 1);
        assert_int_equal(get(VRTC_C) & (VRTC_C_IRQF | VRTC_C_PF), VRTC_C_IRQF | VRTC_C_PF);
        assert_false(fake_line.level);
    }
    /* A guest that does not look costs no timer. */
    fake_pass_ns(NS_PER_SEC);
    assert_true(fake_line.level);
    assert_false(timer_is_armed(&rtc.timer));
    (void)get(VRTC_C);
    assert_true(timer_is_armed(&rtc.timer));
    set(VRTC_A, 0x20);
    assert_false(timer_is_armed(&rtc.timer));
    /* Every rate: how often in two seconds. */
    for (uint8_t rate = 1; rate < 16; rate++) {
        unsigned int hz = rate <= 2 ? 512u >> rate : 65536u >> rate;

        set(VRTC_A, 0x20 | rate);
        (void)get(VRTC_C);
        fake_edge_count = 0;
        for (unsigned int i = 0; i < 2 * hz; i++) {
            fake_pass_ns((2 * NS_PER_SEC + 2 * hz - 1) / (2 * hz));
            (void)get(VRTC_C);
        }
        assert_in_range(fake_edge_count, 2 * hz - 1, 2 * hz);
    }
    /* Without the enable the flag comes all the same. */
    set(VRTC_B, VRTC_B_24H);
    (void)get(VRTC_C);
    fake_pass_ns(NS_PER_SEC);
    assert_int_equal(get(VRTC_C) & (VRTC_C_IRQF | VRTC_C_PF), VRTC_C_PF);
}

static void test_update_interrupt(void **state)
{
    (void)state;
    set(VRTC_B, VRTC_B_24H | VRTC_B_UIE);
    fake_pass_ns(NS_PER_SEC - 1);
    assert_false(fake_line.level);
    fake_pass_ns(1);
    assert_true(fake_line.level);
    assert_int_equal(get(VRTC_C) & (VRTC_C_IRQF | VRTC_C_UF), VRTC_C_IRQF | VRTC_C_UF);
    assert_int_equal(get(VRTC_C), 0);
    /* SET takes the enable away. */
    set(VRTC_B, VRTC_B_SET | VRTC_B_24H | VRTC_B_UIE);
    assert_int_equal(get(VRTC_B), VRTC_B_SET | VRTC_B_24H);
}

/* Seconds until the alarm rings, found by waiting. */
static uint64_t wait_alarm(uint8_t hour, uint8_t minute, uint8_t second)
{
    uint64_t start;

    set(VRTC_B, VRTC_B_24H);
    set(VRTC_HOURS_ALARM, hour);
    set(VRTC_MINUTES_ALARM, minute);
    set(VRTC_SECONDS_ALARM, second);
    (void)get(VRTC_C);
    set(VRTC_B, VRTC_B_24H | VRTC_B_AIE);
    start = fake_now_ns;
    if (timers_next_deadline(&fake_cpu) == UINT64_MAX)
        return 0;
    fake_pass_ns(timers_next_deadline(&fake_cpu) - fake_now_ns);
    assert_true(fake_line.level);
    assert_true(get(VRTC_C) & VRTC_C_AF);
    return (fake_now_ns - start) / NS_PER_SEC;
}

static void test_alarm(void **state)
{
    (void)state; /* it is 23:59:59 */
    assert_int_equal(wait_alarm(0x00, 0x00, 0x10), 11);
    assert_int_equal(wait_alarm(0x00, 0x00, 0x10), 86400); /* the same again: tomorrow */
    assert_int_equal(wait_alarm(0xff, 0xff, 0xff), 1);
    assert_int_equal(wait_alarm(0xff, 0xff, 0x05), 54);
    assert_int_equal(wait_alarm(0xff, 0x00, 0x00), 3600 - 65);
    assert_int_equal(wait_alarm(0xff, 0x30, 0xc0), 1800);
    assert_int_equal(wait_alarm(0xff, 0x30, 0xc0), 1);
    assert_int_equal(wait_alarm(0x03, 0xff, 0xff), 3600 + 1800 - 1);
    assert_int_equal(wait_alarm(0x02, 0x59, 0xff), 86400 - 60);
    assert_int_equal(wait_alarm(0x24, 0x00, 0x00), 0); /* never */
    assert_int_equal(wait_alarm(0x23, 0x60, 0x00), 0);
    /* Found late: the flag tells, even after days. */
    set(VRTC_B, VRTC_B_24H);
    set(VRTC_HOURS_ALARM, 0x12);
    set(VRTC_MINUTES_ALARM, 0x00);
    (void)get(VRTC_C);
    fake_now_ns += 20 * 86400 * NS_PER_SEC;
    assert_true(get(VRTC_C) & VRTC_C_AF);
}

static void test_sizes(void **state)
{
    unsigned int sum = 0;

    (void)state;
    assert_int_equal(get(0x15) | get(0x16) << 8, 640);
    assert_int_equal(get(0x17) | get(0x18) << 8, 65535);
    assert_int_equal(get(0x34) | get(0x35) << 8, (512 - 16) * 16);
    assert_int_equal(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 3 * 1024 * 16);
    assert_int_equal(get(0x5f), 3);
    for (uint8_t i = 0x10; i < 0x2e; i++)
        sum += get(i);
    assert_int_equal(get(0x2e) << 8 | get(0x2f), sum);
    set(0x40, 0x77);
    assert_int_equal(get(0x40), 0x77);
    assert_int_equal(in8(0x70), 0xff);
    assert_int_equal(in16(0x70), 0x77ff);
    out16(0x70, 0x4140);
    assert_int_equal(get(0x40), 0x41);
}

static void test_storm(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100; i++) {
        fake_storm(0x6f, 0x72, 2000);
        fake_now_ns += (uint64_t)rand() * 1000;
        timers_expire(&fake_cpu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test_setup(test_formats, setup),
        cmocka_unit_test_setup(test_update_in_progress, setup),
        cmocka_unit_test_setup(test_set_clock, setup),
        cmocka_unit_test_setup(test_periodic, setup),
        cmocka_unit_test_setup(test_update_interrupt, setup),
        cmocka_unit_test_setup(test_alarm, setup),
        cmocka_unit_test_setup(test_sizes, setup),
        cmocka_unit_test_setup(test_storm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
