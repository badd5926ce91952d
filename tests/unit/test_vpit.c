/* SPDX-License-Identifier: BSD-2-Clause */
/* Interval timer as a device: edges of the line against the formula, lateness, ports, port 0x61. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "irq_fixture.h"
#include "vdev/vpit.h"

static struct vpit pit;
static struct irq_line line;
static unsigned int rises;
static uint64_t last_rise_ns;

static void line_changed(struct irq_line *changed, bool level)
{
    (void)changed;
    if (level) {
        rises++;
        last_rise_ns = fixture_now;
    }
}

static const struct irq_line_ops line_ops = {.changed = line_changed};

static void out(uint16_t port, uint8_t value)
{
    bus_write(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, 1, value);
}

static uint8_t in(uint16_t port)
{
    return (uint8_t)bus_read(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, 1);
}

static int setup(void **state)
{
    (void)state;
    fixture_reset();
    line = (struct irq_line){.ops = &line_ops};
    vpit_init(&pit, &fixture_vm, &line);
    rises = 0;
    return vpit_register(&pit, &fixture_vm.buses[BUS_PIO]);
}

static void program(uint8_t control, uint16_t count)
{
    out(0x43, control);
    out(0x40, (uint8_t)count);
    out(0x40, (uint8_t)(count >> 8));
}

static unsigned __int128 exact_tick(uint64_t ns)
{
    return (unsigned __int128)(ns - pit.epoch_ns) * VPIT_HZ / NS_PER_SEC;
}

/* The k-th edge of a rate generator: k periods after the count was in the counter; for hours, without drift.
 */
static void test_no_drift(void **state)
{
    uint64_t written;

    (void)state;
    fixture_now += 777;
    written = (uint64_t)exact_tick(fixture_now);
    program(0x34, 11932); /* 100 Hz */
    assert_int_equal(rises, 0);
    for (uint64_t k = 1; k <= 400000; k++) {
        uint64_t tick = written + 1 + k * 11932;
        uint64_t ns =
            pit.epoch_ns + (uint64_t)(((unsigned __int128)tick * NS_PER_SEC + VPIT_HZ - 1) / VPIT_HZ);

        assert_true(timers_next_deadline(&fixture_cpu) == ns);
        fixture_now = ns;
        timers_expire(&fixture_cpu);
        assert_int_equal(rises, k);
        assert_true(last_rise_ns == ns);
    }
    assert_int_equal(pit.missed_count, 0);
    assert_int_equal(pit.edge_count, 400000);
}

static void test_late_host(void **state)
{
    (void)state;
    program(0x36, 1193); /* about 1 kHz, square wave */
    fixture_jump(NS_PER_SEC);
    assert_int_equal(rises, 1); /* collapsed into one */
    assert_int_equal(pit.edge_count + pit.missed_count, VPIT_HZ / 1193);
    fixture_run_until(fixture_now + NS_PER_SEC); /* and back on the grid */
    assert_in_range(pit.edge_count + pit.missed_count, 2 * VPIT_HZ / 1193 - 1, 2 * VPIT_HZ / 1193);
    assert_in_range(rises, 999, 1002);
}

static void test_vm_ended(void **state)
{
    (void)state;
    program(0x34, 11932);
    fixture_run_until(fixture_now + 15 * NS_PER_MS);
    atomic_store(&fixture_vm.state, VM_ENDED);
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_false(timer_is_armed(&pit.timer));
    assert_in_range(rises, 1, 2);
}

static void test_too_fast(void **state)
{
    (void)state;
    program(0x34, 2);
    fixture_run_until(fixture_now + 10 * NS_PER_MS);
    assert_in_range(rises, 80, 101); /* not every 1.7 us */
    assert_in_range(pit.edge_count + pit.missed_count, 5940, 5966);
    program(0x34, 1); /* not a legal count: OUT never rises */
    rises = 0;
    fixture_run_until(fixture_now + 10 * NS_PER_MS);
    assert_in_range(rises, 0, 1);
}

static void test_one_shot(void **state)
{
    (void)state;
    program(0x30, 1193);
    assert_false(line.level);
    fixture_run_until(fixture_now + 999 * NS_PER_US);
    assert_int_equal(rises, 0);
    fixture_run_until(fixture_now + 3 * NS_PER_US);
    assert_int_equal(rises, 1);
    assert_true(line.level);
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_int_equal(rises, 1);
    program(0x38, 1193); /* mode 4, as Linux' one-shot */
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_int_equal(rises, 2);
    /* Written again before it fires: only the new one does. */
    program(0x38, 1193);
    fixture_run_until(fixture_now + 500 * NS_PER_US);
    out(0x40, 0xa9);
    out(0x40, 0x04);
    fixture_run_until(fixture_now + 900 * NS_PER_US);
    assert_int_equal(rises, 2);
    fixture_run_until(fixture_now + 200 * NS_PER_US);
    assert_int_equal(rises, 3);
}

/* An edge that is due is given even if the guest stops the channel before the host's timer ran. */
static void test_due_before_stop(void **state)
{
    (void)state;
    program(0x34, 1193);
    fixture_now += 1500 * NS_PER_US;
    out(0x43, 0x30);
    assert_int_equal(rises, 1);
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_int_equal(rises, 1);
    assert_false(timer_is_armed(&pit.timer));
}

/* A new count in a running rate generator takes over at the end of the cycle. */
static void test_new_rate(void **state)
{
    (void)state;
    program(0x34, 11932);
    fixture_run_until(fixture_now + 15 * NS_PER_MS);
    assert_int_equal(rises, 1);
    out(0x40, 0xa9);
    out(0x40, 0x04); /* 1193 */
    fixture_run_until(fixture_now + 4900 * NS_PER_US);
    assert_int_equal(rises, 1);
    fixture_run_until(fixture_now + 200 * NS_PER_US);
    assert_int_equal(rises, 2);
    fixture_run_until(fixture_now + 10 * NS_PER_MS);
    assert_in_range(rises, 11, 12);
}

static void test_counter_reads(void **state)
{
    uint64_t start;

    (void)state;
    start = (uint64_t)exact_tick(fixture_now);
    program(0x34, 0);
    for (unsigned int i = 0; i < 10000; i++) {
        unsigned int value;
        uint64_t gone;

        fixture_run_until(fixture_now + fixture_random() % 1000000);
        gone = (uint64_t)exact_tick(fixture_now) - start;
        gone = gone == 0 ? 0 : gone - 1;
        out(0x43, 0x00);
        value = in(0x40);
        value |= (unsigned int)in(0x40) << 8;
        assert_int_equal(value, (65536 - gone % 65536) % 65536);
    }
}

static void test_read_back(void **state)
{
    (void)state;
    program(0x36, 1000);
    out(0x43, 0xb4);
    out(0x42, 0x10);
    out(0x42, 0x00);
    out(0x43, 0xea); /* status of 0 and 2 */
    assert_int_equal(in(0x40) & 0xbf, 0xb6);
    assert_int_equal(in(0x42), 0xf4); /* waits for its gate */
    assert_int_equal(in(0x43), 0xff);
}

/* The usual way to measure a delay: gate 2 up, wait for OUT2. */
static void test_port61(void **state)
{
    unsigned int toggles = 0;
    uint8_t last;

    (void)state;
    out(0x61, 0x00);
    out(0x43, 0xb0);
    out(0x42, 0xa9);
    out(0x42, 0x04);
    fixture_now += NS_PER_SEC;
    assert_int_equal(in(0x61) & 0x20, 0); /* no gate, no count */
    out(0x61, 0xf1);
    assert_int_equal(in(0x61) & 0x2f, 0x01);
    fixture_now += 999 * NS_PER_US;
    assert_int_equal(in(0x61) & 0x20, 0);
    fixture_now += 2 * NS_PER_US;
    assert_int_equal(in(0x61) & 0x20, 0x20);
    out(0x61, 0x02);
    assert_int_equal(in(0x61) & 0x23, 0x22);
    last = in(0x61) & 0x10;
    for (unsigned int us = 0; us < 15085; us++) {
        fixture_now += NS_PER_US;
        toggles += (in(0x61) & 0x10) != last;
        last = in(0x61) & 0x10;
    }
    assert_in_range(toggles, 999, 1001);
    assert_int_equal(rises, 0);
}

static void test_power_on(void **state)
{
    unsigned int first;

    (void)state;
    assert_false(timer_is_armed(&pit.timer));
    out(0x43, 0);
    first = in(0x40);
    first |= (unsigned int)in(0x40) << 8;
    assert_int_equal(first, 0);
    fixture_now += NS_PER_MS;
    out(0x43, 0);
    first = in(0x40);
    first |= (unsigned int)in(0x40) << 8;
    assert_int_equal(first, 65536 - 1192);
    program(0x34, 1193);
    pit.dev.ops->reset(&pit.dev);
    assert_false(timer_is_armed(&pit.timer));
}

static void test_random_accesses(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100000; i++) {
        uint32_t r = fixture_random();
        uint16_t port = (r & 7) == 4 ? 0x61 : 0x40 + (r & 3);
        unsigned int size = port == 0x61 ? 1 : port == 0x40 ? 4 : 1;

        if ((r & 8) != 0)
            bus_write(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, size, r >> 8);
        else
            (void)bus_read(&fixture_vm.buses[BUS_PIO], &fixture_vcpus[0], port, size);
        fixture_run_until(fixture_now + (r >> 4) % 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_drift, setup),  cmocka_unit_test_setup(test_late_host, setup),
        cmocka_unit_test_setup(test_vm_ended, setup),  cmocka_unit_test_setup(test_too_fast, setup),
        cmocka_unit_test_setup(test_one_shot, setup),  cmocka_unit_test_setup(test_due_before_stop, setup),
        cmocka_unit_test_setup(test_new_rate, setup),  cmocka_unit_test_setup(test_counter_reads, setup),
        cmocka_unit_test_setup(test_read_back, setup), cmocka_unit_test_setup(test_port61, setup),
        cmocka_unit_test_setup(test_power_on, setup),  cmocka_unit_test_setup(test_random_accesses, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
