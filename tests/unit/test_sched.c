/* SPDX-License-Identifier: BSD-2-Clause */
/* core/sched and core/vcpu: a vCPU is queued once, whoever wakes it while its owner is on the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/console.h"
#include "core/cpu.h"
#include "core/gdb.h"
#include "core/host_nmi.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "lib/assert.h"

#define TOO_MANY 10

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;

static struct cpu cpu0;
static struct vcpu vcpu;
static jmp_buf idle;
static unsigned int run_count;
static void (*run)(void); /* what the guest does in each run */

uint64_t time_now_ns(void)
{
    return 0;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

void arch_cpu_poke(struct cpu *cpu)
{
    (void)cpu;
}

void arch_vcpu_load(struct vcpu *core, const struct vm *before)
{
    (void)core;
    (void)before;
}

void arch_vcpu_put(struct vcpu *core)
{
    (void)core;
}

void vm_vcpu_stopped(struct vcpu *core)
{
    atomic_store(&core->state, VCPU_STOPPED);
}

_Noreturn void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void cpu_kick(struct cpu *cpu)
{
    atomic_store(&cpu->attention, 1);
}

void host_nmi_act(struct cpu *cpu)
{
    (void)cpu;
}

bool console_is_due(void)
{
    return true;
}

void gdb_poll(void)
{
}

void console_poll(void)
{
}

void vm_housekeeping(void)
{
}

void arch_cpu_idle(struct cpu *cpu)
{
    (void)cpu;
    longjmp(idle, 1);
}

void arch_vcpu_run(struct vcpu *core)
{
    assert_ptr_equal(core, &vcpu);
    assert_true(++run_count < TOO_MANY);
    atomic_store(&core->requests, 0);
    run();
}

/* Runs the loop until the CPU has nothing to do. */
static void run_loop(void)
{
    if (setjmp(idle) == 0)
        sched_loop(&cpu0);
    assert_true(list_is_empty(&cpu0.run_queue));
    assert_true(list_is_empty(&vcpu.run_node));
}

static int setup(void **state)
{
    (void)state;
    memset(&cpu0, 0, sizeof(cpu0));
    list_init(&cpu0.run_queue);
    list_init(&cpu0.timers);
    cpu0.timer_programmed_ns = UINT64_MAX;
    cpus[0] = &cpu0;
    fake_this_cpu = &cpu0;
    memset(&vcpu, 0, sizeof(vcpu));
    list_init(&vcpu.run_node);
    atomic_store(&vcpu.state, VCPU_RUNNABLE);
    run_count = 0;
    return 0;
}

static void block(void)
{
    assert_true(vcpu_block(&vcpu, VCPU_BLOCKED));
}

/* As another CPU would, after the owner has blocked and before it is back in its loop. */
static void block_and_be_woken(void)
{
    block();
    run = block;
    vcpu_request(&vcpu, VCPU_REQ_EVENT);
}

static void test_woken_on_the_way_out(void **state)
{
    (void)state;
    run = block_and_be_woken;
    sched_enqueue(&vcpu);
    run_loop();
    assert_int_equal(run_count, 2);
}

static void test_two_wakers(void **state)
{
    (void)state;
    run = block;
    atomic_store(&vcpu.state, VCPU_BLOCKED);
    vcpu_request(&vcpu, VCPU_REQ_EVENT);
    vcpu_request(&vcpu, VCPU_REQ_EVENT);
    assert_false(sched_wake(&vcpu, VCPU_BLOCKED));
    run_loop();
    assert_int_equal(run_count, 1);
}

static void stop(void)
{
    vcpu_stop(&vcpu);
}

static void test_off_wakes_for_start_and_end_only(void **state)
{
    (void)state;
    run = stop;
    atomic_store(&vcpu.state, VCPU_OFF);
    vcpu_request(&vcpu, VCPU_REQ_EVENT);
    assert_true(list_is_empty(&vcpu.run_node));
    vcpu_request(&vcpu, VCPU_REQ_STOP);
    run_loop();
    assert_int_equal(run_count, 1);
    atomic_store(&vcpu.state, VCPU_OFF);
    vcpu_request(&vcpu, VCPU_REQ_INIT);
    run_loop();
    assert_int_equal(run_count, 2);
}

static void be_stopped_and_started(void)
{
    stop();
    run = block;
    atomic_store(&vcpu.state, VCPU_RUNNABLE);
    sched_enqueue(&vcpu);
}

static void test_reset_before_the_owner_is_back(void **state)
{
    (void)state;
    run = be_stopped_and_started;
    sched_enqueue(&vcpu);
    run_loop();
    assert_int_equal(run_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_woken_on_the_way_out, setup),
        cmocka_unit_test_setup(test_two_wakers, setup),
        cmocka_unit_test_setup(test_off_wakes_for_start_and_end_only, setup),
        cmocka_unit_test_setup(test_reset_before_the_owner_is_back, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
