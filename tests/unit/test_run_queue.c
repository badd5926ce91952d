/* SPDX-License-Identifier: BSD-2-Clause */
/* core/run_queue: shares, priorities, caps, sleepers, and that nobody starves, in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/run_queue.h"
#include "core/time.h"
#include "lib/assert.h"

#define MANY 64

struct cpu *fake_this_cpu;

static struct run_queue queue;
static struct queue_entry entries[MANY];
static uint64_t longest_wait[MANY], waits_since[MANY];
static uint64_t now;

void timer_init(struct timer *timer, const struct timer_ops *ops)
{
    timer->ops = ops;
}

_Noreturn void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

static const struct cpu_set all = {{UINT64_MAX}};

static int setup(void **state)
{
    (void)state;
    now = 1000 * NS_PER_SEC;
    run_queue_init(&queue);
    for (unsigned int i = 0; i < MANY; i++)
        longest_wait[i] = 0;
    return 0;
}

static void begin(unsigned int i, enum vcpu_prio prio, uint32_t share, uint32_t cap)
{
    queue_entry_init(&entries[i], &all, prio, share, cap);
    run_queue_place(&queue, &entries[i], false);
    run_queue_add(&queue, &entries[i]);
    waits_since[i] = now;
}

/* What core/sched_choose.c does, without sleepers: at each end of a slice the running one is queued again. */
static void run_slice(uint64_t slice_ns)
{
    struct queue_entry *best;
    uint64_t waited;

    run_queue_charge(&queue, now);
    if (queue.running != NULL) {
        struct queue_entry *entry = queue.running;

        run_queue_stop(&queue);
        run_queue_add(&queue, entry);
        waits_since[entry - entries] = now;
    }
    best = run_queue_best(&queue);
    assert_non_null(best);
    run_queue_remove(&queue, best);
    waited = now - waits_since[best - entries];
    if (waited > longest_wait[best - entries])
        longest_wait[best - entries] = waited;
    run_queue_start(&queue, best, now);
    now += slice_ns;
}

static void run_for(uint64_t ns)
{
    uint64_t end = now + ns;

    while (now < end)
        run_slice(QUEUE_SLICE_NS);
    run_queue_charge(&queue, now);
}

static void assert_about(uint64_t value, uint64_t wanted, uint64_t percent)
{
    assert_in_range(value, wanted - wanted * percent / 100, wanted + wanted * percent / 100);
}

static void test_equal_shares(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 5; i++)
        begin(i, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_for(10 * NS_PER_SEC);
    for (unsigned int i = 0; i < 5; i++) {
        assert_about(entries[i].ran_ns, 2 * NS_PER_SEC, 1);
        assert_true(longest_wait[i] <= 2 * 4 * QUEUE_SLICE_NS); /* first in one round, last in the next */
    }
}

static void test_shares_in_proportion(void **state)
{
    static const uint32_t shares[] = {10, 100, 300, 590};

    (void)state;
    for (unsigned int i = 0; i < 4; i++)
        begin(i, VCPU_PRIO_NORMAL, shares[i], 100);
    run_for(100 * NS_PER_SEC);
    for (unsigned int i = 0; i < 4; i++)
        assert_about(entries[i].ran_ns, shares[i] * NS_PER_SEC / 10, 3);
}

/* The share decides how much, whatever the priority: one of low priority beside 63 of high. */
static void test_nobody_starves(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_LOW, SHARE_NORMAL, 100);
    for (unsigned int i = 1; i < MANY; i++)
        begin(i, VCPU_PRIO_HIGH, SHARE_NORMAL, 100);
    run_for(64 * NS_PER_SEC);
    assert_about(entries[0].ran_ns, NS_PER_SEC, 5);
    /* Each of the others gets its slices and what priority is worth, then it is this one's turn. */
    assert_true(longest_wait[0] <= MANY * (QUEUE_SLICE_NS + QUEUE_LEAD_NS));
}

static void test_priority_goes_first(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_LOW, SHARE_NORMAL, 100);
    begin(1, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    begin(2, VCPU_PRIO_HIGH, SHARE_NORMAL, 100);
    run_slice(NS_PER_MS);
    assert_ptr_equal(queue.running, &entries[2]);
    now += QUEUE_LEAD_NS;
    run_slice(NS_PER_MS);
    assert_ptr_equal(queue.running, &entries[1]);
    now += QUEUE_LEAD_NS;
    run_slice(NS_PER_MS);
    assert_ptr_equal(queue.running, &entries[0]);
}

static void sleep_now(struct queue_entry *entry)
{
    run_queue_charge(&queue, now);
    assert_ptr_equal(queue.running, entry);
    run_queue_stop(&queue);
}

static void wake(struct queue_entry *entry)
{
    run_queue_charge(&queue, now);
    run_queue_place(&queue, entry, true);
    run_queue_add(&queue, entry);
}

static void test_sleeper_preempts_and_saves_nothing_up(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(NS_PER_MS);
    sleep_now(&entries[0]);
    begin(1, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(QUEUE_SLICE_NS);
    now += 60 * NS_PER_SEC;
    wake(&entries[0]);
    assert_true(run_queue_preempts(&queue, &entries[0]));
    run_for(NS_PER_SEC);
    /* A minute asleep is worth the credit and no more. */
    assert_about(entries[0].ran_ns, NS_PER_SEC / 2, 2);
}

static void test_woken_soon_waits_for_the_slice(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    begin(1, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(4 * NS_PER_MS);
    sleep_now(queue.running);
    run_slice(NS_PER_MS);
    wake(queue.running == &entries[0] ? &entries[1] : &entries[0]);
    assert_false(run_queue_preempts(&queue, queue.running == &entries[0] ? &entries[1] : &entries[0]));
}

static void test_priority_preempts_within_its_right(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_HIGH, SHARE_NORMAL, 100);
    run_slice(QUEUE_LEAD_NS / 2);
    sleep_now(&entries[0]);
    begin(1, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(0);
    wake(&entries[0]);
    assert_true(run_queue_preempts(&queue, &entries[0]));
    run_queue_remove(&queue, &entries[0]);
    entries[0].vtime = entries[1].vtime + QUEUE_LEAD_NS + 1;
    run_queue_add(&queue, &entries[0]);
    assert_false(run_queue_preempts(&queue, &entries[0]));
}

static void test_cap(void **state)
{
    uint64_t end = now + 10 * NS_PER_SEC;
    uint64_t ran = 0;

    (void)state;
    queue_entry_init(&entries[0], &all, VCPU_PRIO_NORMAL, SHARE_NORMAL, 30);
    while (now < end) {
        uint64_t budget = queue_entry_budget(&entries[0], now);
        uint64_t turn = min_u64(budget, 7 * NS_PER_MS);

        if (budget == 0) {
            now = entries[0].period_start_ns + CAP_PERIOD_NS;
            continue;
        }
        run_queue_start(&queue, &entries[0], now);
        now += turn;
        ran += turn;
        run_queue_charge(&queue, now);
        run_queue_stop(&queue);
    }
    assert_int_equal(entries[0].ran_ns, ran);
    assert_about(ran, 3 * NS_PER_SEC, 2);
    queue_entry_init(&entries[1], &all, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    assert_int_equal(queue_entry_budget(&entries[1], now), UINT64_MAX);
}

static void test_moves_keep_their_place(void **state)
{
    static struct run_queue other;

    (void)state;
    run_queue_init(&other);
    other.clock = 77 * NS_PER_SEC;
    begin(0, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    begin(1, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(3 * NS_PER_MS);
    run_slice(3 * NS_PER_MS);
    run_queue_charge(&queue, now);
    run_queue_stop(&queue);
    for (unsigned int i = 0; i < 2; i++) {
        if (run_queue_has(&queue, &entries[i]))
            run_queue_remove(&queue, &entries[i]);
        run_queue_place(&other, &entries[i], false);
        assert_in_range(entries[i].vtime, other.clock - QUEUE_CREDIT_NS, other.clock + QUEUE_LEAD_NS);
    }
}

/* Clocks of two CPUs may differ a little, and a charge by another CPU may be newer than this one's time. */
static void test_time_before_the_last_charge(void **state)
{
    (void)state;
    begin(0, VCPU_PRIO_NORMAL, SHARE_NORMAL, 100);
    run_slice(NS_PER_MS);
    run_queue_charge(&queue, now);
    run_queue_charge(&queue, now - 10);
    assert_int_equal(entries[0].ran_ns, NS_PER_MS);
}

/* Whatever is added and taken out, and however few are left: the one furthest behind is next. */
static void test_best_of_a_few(void **state)
{
    bool in[4] = {false};

    (void)state;
    srand(2);
    for (unsigned int i = 0; i < 4; i++)
        queue_entry_init(&entries[i], &all, VCPU_PRIO_NORMAL, SHARE_NORMAL, 0);
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int i = (unsigned int)rand() % 4;
        const struct queue_entry *least = NULL;
        unsigned int count = 0;

        if (in[i]) {
            run_queue_remove(&queue, &entries[i]);
        } else {
            entries[i].vtime = 1 + (uint64_t)rand();
            run_queue_add(&queue, &entries[i]);
        }
        in[i] = !in[i];
        for (unsigned int k = 0; k < 4; k++) {
            count += in[k];
            if (in[k] && (least == NULL || entries[k].vtime < least->vtime))
                least = &entries[k];
            assert_int_equal(run_queue_has(&queue, &entries[k]), in[k]);
        }
        assert_int_equal(run_queue_count(&queue), count);
        if (count == 0)
            assert_null(run_queue_best(&queue));
        else
            assert_int_equal(run_queue_best(&queue)->vtime, least->vtime);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_best_of_a_few, setup),
        cmocka_unit_test_setup(test_equal_shares, setup),
        cmocka_unit_test_setup(test_shares_in_proportion, setup),
        cmocka_unit_test_setup(test_nobody_starves, setup),
        cmocka_unit_test_setup(test_priority_goes_first, setup),
        cmocka_unit_test_setup(test_sleeper_preempts_and_saves_nothing_up, setup),
        cmocka_unit_test_setup(test_woken_soon_waits_for_the_slice, setup),
        cmocka_unit_test_setup(test_priority_preempts_within_its_right, setup),
        cmocka_unit_test_setup(test_cap, setup),
        cmocka_unit_test_setup(test_moves_keep_their_place, setup),
        cmocka_unit_test_setup(test_time_before_the_last_charge, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
