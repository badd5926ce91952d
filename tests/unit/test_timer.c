/* SPDX-License-Identifier: BSD-2-Clause */
/* core/timer: order, re-arming from expiry, cancelling from another CPU, lazy hardware programming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/time.h"
#include "core/timer.h"

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 2;

static struct cpu cpu0, cpu1;
static uint64_t now_ns;
static uint64_t programmed_ns;
static unsigned int program_count;

uint64_t time_now_ns(void)
{
    return now_ns;
}

void arch_timer_program(uint64_t deadline_ns)
{
    programmed_ns = deadline_ns;
    program_count++;
}

struct probe {
    struct timer timer;
    unsigned int fired;
    uint64_t fired_at;
    uint64_t rearm_ns;     /* 0: no */
    struct timer *cancels; /* cancelled from expiry */
};

static uint64_t last_deadline;

static void probe_expire(struct timer *timer)
{
    struct probe *p = CONTAINER_OF(timer, struct probe, timer);

    assert_false(timer_is_armed(timer));
    assert_true(timer->deadline_ns <= now_ns);
    assert_true(timer->deadline_ns >= last_deadline);
    last_deadline = timer->deadline_ns;
    p->fired++;
    p->fired_at = now_ns;
    if (p->rearm_ns != 0)
        timer_arm(timer, p->rearm_ns);
    if (p->cancels != NULL)
        timer_cancel(p->cancels);
}

static const struct timer_ops probe_ops = {probe_expire};

static void cpu_setup(struct cpu *cpu, uint32_t id)
{
    memset(cpu, 0, sizeof(*cpu));
    cpu->self = cpu;
    cpu->id = id;
    cpu->timer_programmed_ns = UINT64_MAX;
    cpu->timer_lock.rank = LOCK_TIMERS;
    list_init(&cpu->timers);
    cpus[id] = cpu;
}

static int setup(void **state)
{
    (void)state;
    cpu_setup(&cpu0, 0);
    cpu_setup(&cpu1, 1);
    fake_this_cpu = &cpu0;
    now_ns = 1000;
    programmed_ns = UINT64_MAX;
    program_count = 0;
    last_deadline = 0;
    return 0;
}

static void test_lazy_programming(void **state)
{
    struct probe a, b;

    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    timer_init(&a.timer, &probe_ops);
    timer_init(&b.timer, &probe_ops);
    assert_true(timers_next_deadline(&cpu0) == UINT64_MAX);
    timer_arm(&a.timer, 5000);
    assert_int_equal(programmed_ns, 5000);
    timer_arm(&b.timer, 9000);
    assert_int_equal(program_count, 1);
    timer_arm(&a.timer, 7000); /* moved away: not programmed again */
    assert_int_equal(program_count, 1);
    now_ns = 5000;
    timers_expire(&cpu0); /* too early: nothing fires, the next deadline is programmed */
    assert_int_equal(a.fired + b.fired, 0);
    assert_int_equal(programmed_ns, 7000);
    now_ns = 7000;
    timers_expire(&cpu0);
    assert_int_equal(a.fired, 1);
    assert_int_equal(programmed_ns, 9000);
    timer_cancel(&b.timer);
    assert_int_equal(program_count, 3);
    now_ns = 20000;
    timers_expire(&cpu0);
    assert_int_equal(b.fired, 0);
    assert_true(cpu0.timer_programmed_ns == UINT64_MAX);
}

static void test_rearm_in_the_past(void **state)
{
    struct probe a;

    (void)state;
    memset(&a, 0, sizeof(a));
    timer_init(&a.timer, &probe_ops);
    a.rearm_ns = 500;
    timer_arm(&a.timer, 400);
    timers_expire(&cpu0);
    assert_int_equal(a.fired, 1); /* once a round, not for ever */
    assert_true(timer_is_armed(&a.timer));
    assert_int_equal(programmed_ns, now_ns + 1); /* and the hardware brings us back at once */
}

static void test_cancel_while_due(void **state)
{
    struct probe a, b;

    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    timer_init(&a.timer, &probe_ops);
    timer_init(&b.timer, &probe_ops);
    a.cancels = &b.timer;
    timer_arm(&a.timer, 100);
    timer_arm(&b.timer, 200);
    timers_expire(&cpu0);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
}

static void test_other_cpu(void **state)
{
    struct probe a;

    (void)state;
    memset(&a, 0, sizeof(a));
    timer_init(&a.timer, &probe_ops);
    timer_cancel(&a.timer);
    timer_arm(&a.timer, 100);
    fake_this_cpu = &cpu1;
    timer_arm(&a.timer, 200); /* moves to the CPU that armed it last */
    assert_true(list_is_empty(&cpu0.timers));
    assert_int_equal(timers_next_deadline(&cpu1), 200);
    timers_expire(&cpu1);
    assert_int_equal(a.fired, 1);
    timer_arm(&a.timer, 300);
    fake_this_cpu = &cpu0;
    timer_cancel(&a.timer);
    assert_true(list_is_empty(&cpu1.timers));
}

/* Random operations; the model is an array of deadlines. */
static void test_random(void **state)
{
    static struct probe p[16];
    uint64_t want[16] = {0}; /* 0: not armed */
    unsigned int fired[16] = {0};

    (void)state;
    srand(1);
    for (int i = 0; i < 16; i++)
        timer_init(&p[i].timer, &probe_ops);
    for (int step = 0; step < 20000; step++) {
        int i = rand() % 16;

        switch (rand() % 4) {
        case 0:
        case 1:
            want[i] = now_ns + 1 + (uint64_t)(rand() % 1000);
            timer_arm(&p[i].timer, want[i]);
            break;
        case 2:
            want[i] = 0;
            timer_cancel(&p[i].timer);
            break;
        default:
            now_ns += (uint64_t)(rand() % 300);
            last_deadline = 0;
            timers_expire(&cpu0);
            for (int k = 0; k < 16; k++) {
                if (want[k] != 0 && want[k] <= now_ns) {
                    want[k] = 0;
                    fired[k]++;
                }
            }
        }
        for (int k = 0; k < 16; k++) {
            assert_int_equal(p[k].fired, fired[k]);
            assert_int_equal(timer_is_armed(&p[k].timer), want[k] != 0);
            if (want[k] != 0)
                assert_true(cpu0.timer_programmed_ns <= want[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lazy_programming, setup),
        cmocka_unit_test_setup(test_rearm_in_the_past, setup),
        cmocka_unit_test_setup(test_cancel_while_due, setup),
        cmocka_unit_test_setup(test_other_cpu, setup),
        cmocka_unit_test_setup(test_random, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
