/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC timer: counts and expiries against the formulas, in all modes; lateness, mode changes, masks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic.h"
#include "irq_fixture.h"
#include "vdev/vioapic.h"

#define TSC_HZ     UINT64_C(2400000000)
#define TSC_OFFSET UINT64_C(987654321)

static struct apic_bus bus;
static struct vlapic apic;
static struct cpu other_cpu = {.id = 1, .timer_lock.rank = LOCK_TIMERS, .timer_programmed_ns = UINT64_MAX};

void vioapic_eoi(struct vioapic *io, uint8_t vector)
{
    (void)io;
    (void)vector;
}

static uint64_t tsc_at(uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * TSC_HZ / NS_PER_SEC) + TSC_OFFSET;
}

static uint64_t tsc_change;

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    (void)vcpu;
    return tsc_at(fixture_now) + tsc_change;
}

static const struct apic_bus_ops bus_ops = {.guest_tsc = guest_tsc};

static void set(uint32_t reg, uint32_t value)
{
    vlapic_mmio_write(&apic, reg, 4, value);
}

static uint32_t get(uint32_t reg)
{
    return (uint32_t)vlapic_mmio_read(&apic, reg, 4);
}

static uint64_t posted(void)
{
    return atomic_load(&apic.posted.posted_count);
}

static void owner_turn(void)
{
    vlapic_sync(&apic);
}

static int setup(void **state)
{
    (void)state;
    tsc_change = 0;
    fixture_owner_turn = owner_turn;
    fixture_reset();
    apic_bus_init(&bus, &bus_ops, &fixture_vm, TSC_HZ);
    vlapic_init(&apic, &bus, &fixture_vcpus[0]);
    set(APIC_SVR, 0x1ff);
    return 0;
}

static void test_divisors(void **state)
{
    static const struct {
        uint32_t code, divisor;
    } table[] = {{0x0, 2}, {0x1, 4}, {0x2, 8}, {0x3, 16}, {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1}};

    (void)state;
    set(APIC_LVT_TIMER, 0x40);
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        uint64_t start = fixture_now;
        uint64_t before = posted();

        set(APIC_TMR_DIVIDE, table[i].code);
        assert_int_equal(get(APIC_TMR_DIVIDE), table[i].code);
        set(APIC_TMR_INIT, 1000000);
        assert_int_equal(get(APIC_TMR_NOW), 1000000);
        fixture_run_until(start + 1000 * table[i].divisor + table[i].divisor - 1);
        assert_int_equal(get(APIC_TMR_NOW), 1000000 - 1000);
        fixture_run_until(start + UINT64_C(1000000) * table[i].divisor - 1);
        assert_int_equal(get(APIC_TMR_NOW), 1);
        assert_int_equal(posted(), before);
        fixture_run_until(fixture_now + 1);
        assert_int_equal(posted(), before + 1);
        assert_int_equal(get(APIC_TMR_NOW), 0);
        assert_int_equal(get(APIC_TMR_INIT), 1000000);
    }
    set(APIC_TMR_DIVIDE, 0xffffffff);
    assert_int_equal(get(APIC_TMR_DIVIDE), 0xb);
}

static void test_periodic(void **state)
{
    uint64_t start;

    (void)state;
    set(APIC_TMR_DIVIDE, 0xb);
    set(APIC_LVT_TIMER, 0x20040);
    start = fixture_now;
    set(APIC_TMR_INIT, 123457);
    for (unsigned int i = 0; i < 200000; i++) {
        uint64_t gone;

        fixture_run_until(fixture_now + fixture_random() % 100000);
        gone = fixture_now - start;
        assert_int_equal(posted(), gone / 123457);
        assert_int_equal(get(APIC_TMR_NOW), 123457 - gone % 123457);
    }
    assert_int_equal(apic.books.timer_late_count, 0);
    fixture_now += 10 * 123457;
    assert_int_equal(get(APIC_TMR_NOW), 123457 - (fixture_now - start) % 123457);
    assert_int_equal(posted() + apic.books.timer_late_count, (fixture_now - start) / 123457);
    assert_in_range(apic.books.timer_late_count, 9, 10);
    assert_true(vlapic_books_balance(&apic));
}

static void test_too_fast(void **state)
{
    (void)state;
    set(APIC_TMR_DIVIDE, 0xb);
    set(APIC_LVT_TIMER, 0x20040);
    set(APIC_TMR_INIT, 1);
    fixture_run_until(fixture_now + NS_PER_MS);
    assert_in_range(posted(), 9, 11);
    assert_in_range(posted() + apic.books.timer_late_count, 980000, 1000000);
}

static void test_vm_ended(void **state)
{
    (void)state;
    set(APIC_LVT_TIMER, 0x20040);
    set(APIC_TMR_INIT, 1000000);
    fixture_run_until(fixture_now + 5 * NS_PER_MS);
    fixture_owner_turn = NULL; /* its vCPUs have stopped */
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_false(timer_is_armed(&apic.timer.timer));
    assert_in_range(posted(), 2, 4);
}

static void test_mask(void **state)
{
    (void)state;
    set(APIC_TMR_DIVIDE, 0xb);
    set(APIC_LVT_TIMER, 0x30040);
    set(APIC_TMR_INIT, 1000000);
    assert_false(timer_is_armed(&apic.timer.timer)); /* nobody would hear it */
    fixture_run_until(fixture_now + 2500000);
    assert_int_equal(get(APIC_TMR_NOW), 500000);
    assert_int_equal(posted(), 0);
    set(APIC_LVT_TIMER, 0x20040); /* keeps its phase */
    fixture_run_until(fixture_now + 499999);
    assert_int_equal(posted(), 0);
    fixture_run_until(fixture_now + 1);
    assert_int_equal(posted(), 1);
    /* Due before the mask was set, though the host was late: delivered, as the hardware had done. */
    fixture_now += 1000000;
    set(APIC_LVT_TIMER, 0x30040);
    assert_int_equal(posted(), 2);
}

static void test_stop(void **state)
{
    (void)state;
    set(APIC_LVT_TIMER, 0x20040);
    set(APIC_TMR_INIT, 1000000);
    set(APIC_TMR_INIT, 0);
    assert_false(timer_is_armed(&apic.timer.timer));
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_int_equal(posted(), 0);
    assert_int_equal(get(APIC_TMR_NOW), 0);
}

static void test_divide_while_running(void **state)
{
    (void)state;
    set(APIC_TMR_DIVIDE, 0xb);
    set(APIC_LVT_TIMER, 0x40);
    set(APIC_TMR_INIT, 1000000);
    fixture_run_until(fixture_now + 400000);
    set(APIC_TMR_DIVIDE, 0x3);
    assert_int_equal(get(APIC_TMR_NOW), 600000);
    fixture_run_until(fixture_now + 600000 * 16 - 1);
    assert_int_equal(posted(), 0);
    fixture_run_until(fixture_now + 1);
    assert_int_equal(posted(), 1);
}

static void test_tsc_deadline(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, 1), 0); /* other mode: nothing */
    assert_int_equal(vlapic_msr_read(&apic, MSR_TSC_DEADLINE, &value), 0);
    assert_int_equal(value, 0);
    set(APIC_LVT_TIMER, 0x40050);
    set(APIC_TMR_INIT, 1000); /* and the other way round */
    assert_int_equal(get(APIC_TMR_INIT), 0);
    assert_int_equal(get(APIC_TMR_NOW), 0);
    for (unsigned int i = 1; i <= 20000; i++) {
        uint64_t deadline = tsc_at(fixture_now) + 1 + fixture_random() % 10000000;
        uint64_t fire;

        assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, deadline), 0);
        fire = timers_next_deadline(&fixture_cpu);
        assert_true(tsc_at(fire) >= deadline);
        assert_true(tsc_at(fire - 2) <= deadline);
        fixture_run_until(fire - 1);
        assert_int_equal(vlapic_msr_read(&apic, MSR_TSC_DEADLINE, &value), 0);
        assert_int_equal(value, deadline);
        assert_int_equal(posted(), i - 1);
        fixture_run_until(fire);
        assert_int_equal(posted(), i);
        assert_int_equal(vlapic_msr_read(&apic, MSR_TSC_DEADLINE, &value), 0);
        assert_int_equal(value, 0);
    }
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, tsc_at(fixture_now)), 0); /* now */
    assert_int_equal(posted(), 20001);
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, UINT64_MAX), 0); /* some day */
    assert_true(timers_next_deadline(&fixture_cpu) > fixture_now + 1000 * NS_PER_SEC);
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, 0), 0);
    assert_false(timer_is_armed(&apic.timer.timer));
}

/* The deadline is a value of the guest's TSC, wherever that goes. */
static void test_tsc_is_set(void **state)
{
    uint64_t deadline = tsc_at(fixture_now) + TSC_HZ;

    (void)state;
    set(APIC_LVT_TIMER, 0x40050);
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, deadline), 0);
    tsc_change = TSC_HZ / 2;
    vlapic_tsc_changed(&apic);
    fixture_run_until(fixture_now + 499 * NS_PER_MS);
    assert_int_equal(posted(), 0);
    fixture_run_until(fixture_now + 2 * NS_PER_MS);
    assert_int_equal(posted(), 1);
    deadline = guest_tsc(NULL) + TSC_HZ;
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, deadline), 0);
    tsc_change = 0; /* back, and nobody told us */
    fixture_run_until(fixture_now + 1499 * NS_PER_MS);
    assert_int_equal(posted(), 1);
    fixture_run_until(fixture_now + 2 * NS_PER_MS);
    assert_int_equal(posted(), 2);
    tsc_change = 5;
    vlapic_tsc_changed(&apic);
    assert_false(timer_is_armed(&apic.timer.timer));
}

static void test_mode_change_disarms(void **state)
{
    (void)state;
    set(APIC_LVT_TIMER, 0x40050);
    assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, tsc_at(fixture_now) + 1000000), 0);
    set(APIC_LVT_TIMER, 0x50);
    assert_false(timer_is_armed(&apic.timer.timer));
    set(APIC_TMR_INIT, 1000);
    set(APIC_LVT_TIMER, 0x40050);
    fixture_run_until(fixture_now + NS_PER_SEC);
    assert_int_equal(posted(), 0);
}

static void test_reset_and_migration(void **state)
{
    (void)state;
    list_init(&other_cpu.timers);
    cpus[1] = &other_cpu;
    set(APIC_LVT_TIMER, 0x50);
    set(APIC_TMR_INIT, 1000000);
    fake_this_cpu = &other_cpu;
    vlapic_timer_follow(&apic);
    assert_int_equal(timers_next_deadline(&fixture_cpu), UINT64_MAX);
    assert_int_equal(timers_next_deadline(&other_cpu), fixture_now + 2000000);
    fixture_now += 3 * NS_PER_MS;
    /* The owner is elsewhere again: an expiry posts and touches nothing else. */
    timers_expire(&other_cpu);
    fake_this_cpu = &fixture_cpu;
    assert_int_equal(posted(), 0);
    owner_turn();
    assert_int_equal(posted(), 1);
    set(APIC_TMR_INIT, 1000000);
    vlapic_reset(&apic, true);
    assert_false(timer_is_armed(&apic.timer.timer));
    assert_int_equal(get(APIC_TMR_DIVIDE), 0);
    assert_int_equal(get(APIC_TMR_INIT), 0);
}

static void test_random(void **state)
{
    static const uint32_t regs[] = {APIC_LVT_TIMER, APIC_TMR_INIT, APIC_TMR_DIVIDE};

    (void)state;
    for (unsigned int i = 0; i < 200000; i++) {
        uint32_t r = fixture_random();
        uint32_t value = fixture_random() >> (r >> 8 & 31);

        if (r % 4 == 3)
            assert_int_equal(vlapic_msr_write(&apic, MSR_TSC_DEADLINE, tsc_at(fixture_now) + value), 0);
        else
            set(regs[r % 4], r % 4 == 0 ? value & 0x700ff : value);
        fixture_run_until(fixture_now + (r >> 16));
        (void)get(APIC_TMR_NOW);
        assert_true(vlapic_books_balance(&apic));
    }
}

/* Expiry on the CPU that has the registers acts at once, without a request to itself. */
static void test_expiry_where_it_is_loaded(void **state)
{
    uint64_t requests = fixture_request_count;

    (void)state;
    fixture_owner_turn = NULL;
    atomic_store(&fixture_vcpus[0].loaded, &fixture_cpu);
    set(APIC_LVT_TIMER, 0x50);
    set(APIC_TMR_INIT, 1000000);
    fixture_run_until(fixture_now + 3 * NS_PER_MS);
    assert_int_equal(fixture_event_here_count, 1);
    assert_int_equal(fixture_request_count, requests);
    assert_int_equal(apic.irr_top, 0x50);
    assert_int_not_equal(atomic_load(&fixture_vcpus[0].inject.posted.word) & INJECT_POSTED_IRQ, 0);
    assert_int_equal(posted(), 1);
    assert_true(vlapic_books_balance(&apic));
}

static void test_random_where_it_is_loaded(void **state)
{
    atomic_store(&fixture_vcpus[0].loaded, &fixture_cpu);
    test_random(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_divisors, setup),
        cmocka_unit_test_setup(test_periodic, setup),
        cmocka_unit_test_setup(test_too_fast, setup),
        cmocka_unit_test_setup(test_vm_ended, setup),
        cmocka_unit_test_setup(test_mask, setup),
        cmocka_unit_test_setup(test_stop, setup),
        cmocka_unit_test_setup(test_divide_while_running, setup),
        cmocka_unit_test_setup(test_tsc_deadline, setup),
        cmocka_unit_test_setup(test_tsc_is_set, setup),
        cmocka_unit_test_setup(test_mode_change_disarms, setup),
        cmocka_unit_test_setup(test_reset_and_migration, setup),
        cmocka_unit_test_setup(test_random, setup),
        cmocka_unit_test_setup(test_expiry_where_it_is_loaded, setup),
        cmocka_unit_test_setup(test_random_where_it_is_loaded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
