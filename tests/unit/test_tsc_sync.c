/* SPDX-License-Identifier: BSD-2-Clause */
/* Two threads are two CPUs whose TSCs differ: what is measured holds the truth, and what is set is in step.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/insn.h"
#include "core/arch.h"

static _Thread_local uint64_t *skew; /* of the CPU that this thread is */
static uint64_t skews[2];
static uint64_t adjusted;    /* writes of TSC_ADJUST */
static uint64_t written;     /* writes of the TSC itself */
static uint64_t write_delay; /* by which such a write comes late */
static bool frozen;          /* writes have no effect */

/* This machine's TSC, which its threads share. */
static uint64_t clock_now(void)
{
    return __builtin_ia32_rdtsc();
}

static void write_msr(uint32_t msr, uint64_t value);

#define insn_rdtsc()           (clock_now() + *skew)
#define insn_lfence()          ((void)0)
#define insn_rdmsr(msr)        ((void)(msr), *skew)
#define insn_wrmsr(msr, value) write_msr(msr, value)
#define insn_cpuid(leaf, sub)  ((void)(leaf), (void)(sub), (struct insn_cpuid){.ebx = 2})
#define arch_cpu_relax()       (void)sched_yield() /* the other thread may need this very CPU */
#include "arch/x86/tsc_sync.c"

struct cpu_features cpu_features;
struct config config;
struct cpu *fake_this_cpu;
static bool silent; /* the other CPU answers nothing */

static void write_msr(uint32_t msr, uint64_t value)
{
    adjusted += msr == MSR_TSC_ADJUST;
    written += msr == MSR_TSC;
    if (!frozen)
        *skew = msr == MSR_TSC_ADJUST ? value : value - clock_now() - write_delay;
}

uint64_t time_now_ns(void)
{
    return clock_now() / 16; /* slow: whoever is silent in here has only waited for a CPU */
}

static void *follower(void *unused)
{
    skew = &skews[1];
    if (!silent)
        tsc_sync_follow();
    return unused;
}

/* The leader's answer for a CPU that is ahead by so much. */
static int run(int64_t difference, int64_t *ahead)
{
    pthread_t thread;
    int error;

    adjusted = written = 0;
    skews[0] = UINT64_C(1) << 40;
    skews[1] = skews[0] + (uint64_t)difference;
    skew = &skews[0];
    assert_int_equal(pthread_create(&thread, NULL, follower, NULL), 0);
    error = tsc_sync_lead(ahead);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return error;
}

/* Ticks by which it is ahead now: the threads' clock is one. */
static int64_t left(void)
{
    return (int64_t)(skews[1] - skews[0]);
}

static const int64_t differences[] = {5000000000000, -5000000000000, INT64_C(1) << 61, -(INT64_C(1) << 61)};

static void test_in_step(void **state)
{
    int64_t ahead;

    (void)state;
    assert_int_equal(run(0, &ahead), 0);
    assert_int_equal(ahead, 0);
    assert_int_equal(adjusted + written, 0);
    assert_int_equal(left(), 0);
}

/* Threads are scheduled as the machine likes; what is set was far more than that. */
static void check(int64_t difference, int64_t ahead)
{
    assert_in_range(ahead - difference + 1000000000, 0, 2000000000);
    assert_in_range(left() + 1000000000, 0, 2000000000);
}

static void test_set_by_adjustment(void **state)
{
    int64_t ahead;

    (void)state;
    cpu_features.max_basic = 7;
    for (uint32_t i = 0; i < ARRAY_COUNT(differences); i++) {
        assert_int_equal(run(differences[i], &ahead), 0);
        check(differences[i], ahead);
        assert_true(adjusted >= 1 && written == 0);
    }
}

static void test_set_by_writing(void **state)
{
    int64_t ahead;

    (void)state;
    cpu_features.max_basic = 6;
    for (uint32_t i = 0; i < ARRAY_COUNT(differences); i++) {
        assert_int_equal(run(differences[i], &ahead), 0);
        check(differences[i], ahead);
        assert_true(written >= 1 && adjusted == 0);
    }
}

/* Each write is as late again: said, and no more than a few tries. */
static void test_writes_that_come_late(void **state)
{
    int64_t ahead;

    (void)state;
    cpu_features.max_basic = 6;
    write_delay = 5000000000000;
    assert_int_equal(run(5000000000000, &ahead), E_NOTSUP);
    assert_int_equal(written, CORRECTIONS);
    write_delay = 0;
}

static void test_cannot_be_set(void **state)
{
    int64_t ahead;

    (void)state;
    frozen = true;
    assert_int_equal(run(5000000000000, &ahead), E_NOTSUP);
    assert_int_equal(left(), 5000000000000);
    assert_in_range(ahead, 4999000000000, 5001000000000);
    frozen = false;
}

static void test_no_answer(void **state)
{
    int64_t ahead;

    (void)state;
    silent = true;
    assert_int_equal(run(0, &ahead), E_TIMEOUT);
    silent = false;
    assert_int_equal(run(0, &ahead), 0); /* the next one is asked as if nothing had been */
}

/* selftest=tsc */
static void test_moved_on_purpose(void **state)
{
    int64_t ahead;

    (void)state;
    config.selftest_tsc = true;
    assert_int_equal(run(INT64_C(5000000000000), &ahead), 0);
    check(INT64_C(5000000000000) + (int64_t)SELFTEST_AHEAD_TICKS, ahead);
    config.selftest_tsc = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_step),          cmocka_unit_test(test_set_by_adjustment),
        cmocka_unit_test(test_set_by_writing),   cmocka_unit_test(test_writes_that_come_late),
        cmocka_unit_test(test_cannot_be_set),    cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_moved_on_purpose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
