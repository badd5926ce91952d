/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/sched and core/vcpu on two CPUs that take turns: a vCPU is in one place only, whoever wakes it while
 * its owner is on the way out; where it goes, who may take it, and that a CPU is told when it has to look.
 */
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
#include "core/shell_emergency.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/error.h"

#define TOO_MANY 200
#define VCPUS    6

struct cpu *fake_this_cpu;

static struct cpu cpu[2];
static struct vm vm;
static struct vm_config vm_config;
static struct vcpu vcpus[VCPUS];
static const char *pins[VCPUS];
static jmp_buf out[2];
static unsigned int run_count, kick_count[2], poke_count[2];
static uint64_t now_ns;
static struct vcpu *ran[TOO_MANY]; /* in this order */
static unsigned int ran_on[TOO_MANY];
static void (*guest)(struct vcpu *vcpu);

uint64_t time_now_ns(void)
{
    return now_ns;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

void arch_cpu_poke(struct cpu *target)
{
    poke_count[target->id]++;
}

void arch_cpu_kick(struct cpu *target)
{
    kick_count[target->id]++;
}

static unsigned int loaded_count[VCPUS];

void arch_vcpu_load(struct vcpu *vcpu, const struct vm *before)
{
    (void)before;
    assert_int_equal(loaded_count[vcpu->id]++, 0);
}

_Atomic bool trace_ring_on;

void trace_event(struct vcpu *core, enum trace_kind kind, uint8_t detail, uint64_t value)
{
    (void)core;
    (void)kind;
    (void)detail;
    (void)value;
}

void arch_vcpu_put(struct vcpu *vcpu)
{
    assert_int_equal(--loaded_count[vcpu->id], 0);
}

void vm_vcpu_stopped(struct vcpu *vcpu)
{
    atomic_store(&vcpu->state, VCPU_STOPPED);
}

_Noreturn void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void log_error(const char *format, ...)
{
    (void)format;
}

void host_nmi_act(void)
{
}

void shell_emergency_watch(struct cpu *self, struct timer *timer)
{
    (void)self;
    (void)timer;
}

void nmi_storm_start(struct cpu *self)
{
    (void)self;
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

/* CPUs of the test's own words: one digit each. */
void config_pin_set(const struct vm_config *vm_words, uint32_t id, struct cpu_set *set)
{
    (void)vm_words;
    *set = (struct cpu_set){{pins[id] == NULL ? UINT64_MAX : 0}};
    for (const char *c = pins[id]; c != NULL && *c != '\0'; c++)
        cpu_set_add(set, (uint32_t)(*c - '0'));
}

void arch_cpu_idle(struct cpu *self)
{
    longjmp(out[self->id], 1);
}

void arch_vcpu_run(struct vcpu *vcpu)
{
    assert_true(run_count < TOO_MANY);
    assert_int_equal(loaded_count[vcpu->id], 1);
    assert_ptr_equal(vcpu->loaded, fake_this_cpu);
    assert_int_equal(vcpu->cpu, fake_this_cpu->id);
    assert_true(cpu_set_has(&vcpu->entry.allowed, fake_this_cpu->id));
    ran_on[run_count] = fake_this_cpu->id;
    ran[run_count++] = vcpu;
    atomic_store(&vcpu->requests, 0);
    guest(vcpu);
}

/* This CPU's loop until it has nothing to do, or until its guest leaves it by leave_loop(). */
static void run_loop(uint32_t id)
{
    fake_this_cpu = &cpu[id];
    if (setjmp(out[id]) == 0)
        sched_loop(&cpu[id]);
}

/* As if the CPU went on running what it runs while others act. */
static void leave_loop(struct vcpu *vcpu)
{
    (void)vcpu;
    longjmp(out[fake_this_cpu->id], 1);
}

static void block(struct vcpu *vcpu)
{
    assert_true(vcpu_block(vcpu, VCPU_BLOCKED));
}

static int setup(void **state)
{
    (void)state;
    memset(cpu, 0, sizeof(cpu));
    memset(vcpus, 0, sizeof(vcpus));
    memset(&vm, 0, sizeof(vm));
    memset(pins, 0, sizeof(pins));
    memset(loaded_count, 0, sizeof(loaded_count));
    memset(kick_count, 0, sizeof(kick_count));
    memset(poke_count, 0, sizeof(poke_count));
    vm_config = (struct vm_config){.share = SHARE_NORMAL, .prio = VCPU_PRIO_NORMAL, .cap = 100};
    cpu_count = 2;
    cpu_init(&cpu[0], 0, 0);
    cpu_init(&cpu[1], 1, 1);
    fake_this_cpu = &cpu[0];
    now_ns = NS_PER_SEC;
    run_count = 0;
    guest = block;
    return 0;
}

/* All vCPUs of the VM, runnable and in no queue; both CPUs idle. */
static void make(unsigned int count)
{
    vm.vcpu_count = count;
    for (uint32_t i = 0; i < count; i++) {
        vcpus[i].vm = &vm;
        vcpus[i].id = i;
        vm.vcpus[i] = &vcpus[i];
        assert_int_equal(sched_init_vcpu(&vcpus[i], &vm_config, i), 0);
        atomic_store(&vcpus[i].state, VCPU_RUNNABLE);
    }
    for (uint32_t i = 0; i < cpu_count; i++)
        run_loop(i);
    fake_this_cpu = &cpu[0];
    memset(kick_count, 0, sizeof(kick_count));
}

static void test_spread_at_creation(void **state)
{
    (void)state;
    make(4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(vcpus[i].cpu, i % 2);
    pins[4] = "1";
    pins[5] = "7";
    assert_int_equal(sched_init_vcpu(&vcpus[4], &vm_config, 4), 0);
    assert_int_equal(vcpus[4].cpu, 1);
    assert_int_equal(sched_init_vcpu(&vcpus[5], &vm_config, 5), E_INVAL);
}

/* As another CPU would, after the owner has blocked and before it is back in its loop. */
static void block_and_be_woken(struct vcpu *vcpu)
{
    block(vcpu);
    guest = block;
    vcpu_request(vcpu, VCPU_REQ_EVENT);
}

static void test_woken_on_the_way_out(void **state)
{
    (void)state;
    make(1);
    guest = block_and_be_woken;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    assert_int_equal(run_count, 2);
    run_loop(1);
    assert_int_equal(run_count, 2);
}

/* Its registers are still in the first CPU: it cannot go to the idle one. */
static void test_woken_elsewhere_on_the_way_out(void **state)
{
    (void)state;
    make(1);
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    fake_this_cpu = &cpu[1];
    vcpu_request(&vcpus[0], VCPU_REQ_EVENT);
    assert_int_equal(kick_count[0], 1);
    run_loop(1);
    assert_int_equal(run_count, 1);
    run_loop(0);
    assert_int_equal(run_count, 2);
    assert_int_equal(ran_on[1], 0);
}

static void test_two_wakers(void **state)
{
    (void)state;
    make(1);
    atomic_store(&vcpus[0].state, VCPU_BLOCKED);
    vcpu_request(&vcpus[0], VCPU_REQ_EVENT);
    vcpu_request(&vcpus[0], VCPU_REQ_EVENT);
    assert_false(sched_wake(&vcpus[0], VCPU_BLOCKED));
    run_loop(0);
    run_loop(1);
    assert_int_equal(run_count, 1);
}

static void test_off_wakes_for_start_and_end_only(void **state)
{
    (void)state;
    make(1);
    guest = vcpu_stop;
    atomic_store(&vcpus[0].state, VCPU_OFF);
    vcpu_request(&vcpus[0], VCPU_REQ_EVENT);
    assert_false(heap_contains(&vcpus[0].entry.node));
    vcpu_request(&vcpus[0], VCPU_REQ_STOP);
    run_loop(0);
    assert_int_equal(run_count, 1);
    atomic_store(&vcpus[0].state, VCPU_OFF);
    vcpu_request(&vcpus[0], VCPU_REQ_INIT);
    run_loop(0);
    assert_int_equal(run_count, 2);
}

static void be_stopped_and_started(struct vcpu *vcpu)
{
    vcpu_stop(vcpu);
    assert_int_equal(loaded_count[vcpu->id], 0);
    guest = block;
    atomic_store(&vcpu->state, VCPU_RUNNABLE);
    sched_enqueue(vcpu);
}

static void test_reset_before_the_owner_is_back(void **state)
{
    (void)state;
    make(1);
    guest = be_stopped_and_started;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    run_loop(1);
    assert_int_equal(run_count, 2);
}

/* A request to a vCPU in its guest pokes the CPU it is on, and only that, and not from that CPU itself. */
static void test_poke(void **state)
{
    (void)state;
    make(2);
    atomic_store(&vcpus[1].in_guest, true);
    vcpu_request(&vcpus[1], VCPU_REQ_EVENT);
    assert_int_equal(poke_count[1], 1);
    fake_this_cpu = &cpu[1];
    vcpu_request(&vcpus[1], VCPU_REQ_EVENT);
    atomic_store(&vcpus[1].in_guest, false);
    fake_this_cpu = &cpu[0];
    vcpu_request(&vcpus[1], VCPU_REQ_EVENT);
    assert_int_equal(poke_count[0] + poke_count[1], 1);
}

static void test_wakes_to_an_idle_cpu(void **state)
{
    (void)state;
    make(4);
    guest = leave_loop;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    /* CPU 0 is busy, 1 idle: the one that began on 0 goes to 1. */
    fake_this_cpu = &cpu[0];
    sched_enqueue(&vcpus[2]);
    assert_int_equal(kick_count[1], 1);
    assert_int_equal(vcpus[2].cpu, 1);
    run_loop(1);
    assert_int_equal(ran_on[1], 1);
}

static void test_idle_cpu_takes_one_that_waits(void **state)
{
    (void)state;
    make(3);
    guest = leave_loop;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    sched_enqueue(&vcpus[1]);
    run_loop(1);
    fake_this_cpu = &cpu[0];
    sched_enqueue(&vcpus[2]); /* both are busy: it waits where it was */
    assert_int_equal(vcpus[2].cpu, 0);
    guest = block;
    run_loop(1); /* the one there blocks; then it takes the one that waits on 0 */
    assert_int_equal(run_count, 4);
    assert_ptr_equal(ran[3], &vcpus[2]);
    assert_int_equal(ran_on[3], 1);
    assert_int_equal(vcpus[2].moved_count, 1);
}

static void test_pinned_is_not_taken(void **state)
{
    (void)state;
    pins[0] = pins[1] = "0";
    make(2);
    guest = leave_loop;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    sched_enqueue(&vcpus[1]);
    assert_int_equal(kick_count[1], 0);
    run_loop(1);
    assert_int_equal(run_count, 1);
    guest = block;
    run_loop(0);
    assert_int_equal(run_count, 3);
}

static struct vcpu *waker_wakes;

static void run_a_while_and_wake(struct vcpu *vcpu)
{
    now_ns += 3 * NS_PER_MS;
    if (waker_wakes != NULL)
        sched_enqueue(waker_wakes);
    waker_wakes = NULL;
    if (run_count > 4)
        block(vcpu);
}

static void test_woken_vcpu_preempts(void **state)
{
    (void)state;
    cpu_count = 1;
    make(2);
    waker_wakes = &vcpus[1];
    guest = run_a_while_and_wake;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    assert_ptr_equal(ran[0], &vcpus[0]);
    assert_ptr_equal(ran[1], &vcpus[1]);
    assert_int_equal(atomic_load(&cpu[0].attention), 0);
}

static void spin(struct vcpu *vcpu)
{
    now_ns += NS_PER_MS;
    if (run_count > 150)
        block(vcpu);
}

static void test_slices(void **state)
{
    unsigned int switches = 0;

    (void)state;
    cpu_count = 1;
    make(3);
    guest = spin;
    for (unsigned int i = 0; i < 3; i++)
        sched_enqueue(&vcpus[i]);
    run_loop(0);
    for (unsigned int i = 1; i < 150; i++)
        switches += ran[i] != ran[i - 1];
    assert_in_range(switches, 150 / 5 - 2, 150 / 5 + 2);
}

static void spin_and_yield(struct vcpu *vcpu)
{
    now_ns += NS_PER_US;
    sched_yield();
    if (run_count > 20)
        block(vcpu);
}

/* The others of its VM come before those that have waited longer. */
static void test_yield_goes_to_a_sibling(void **state)
{
    static struct vm other_vm = {.vcpu_count = 1};

    (void)state;
    cpu_count = 1;
    make(4);
    vm.vcpu_count = 2;
    for (unsigned int i = 2; i < 4; i++)
        vcpus[i].vm = &other_vm;
    guest = spin_and_yield;
    for (unsigned int i = 0; i < 4; i++)
        sched_enqueue(&vcpus[i]);
    run_loop(0);
    for (unsigned int i = 1; i < 10; i++)
        if (ran[i - 1] == &vcpus[0])
            assert_ptr_equal(ran[i], &vcpus[1]);
}

static uint64_t wall_end;

static void spin_until_the_end(struct vcpu *vcpu)
{
    uint64_t next = timers_next_deadline(fake_this_cpu);

    now_ns = next < now_ns ? now_ns + NS_PER_MS : next;
    if (now_ns >= wall_end)
        block(vcpu);
}

static void test_cap_holds_on_an_idle_machine(void **state)
{
    (void)state;
    cpu_count = 1;
    vm_config.cap = 25;
    make(1);
    guest = spin_until_the_end;
    wall_end = now_ns + NS_PER_SEC;
    sched_enqueue(&vcpus[0]);
    for (unsigned int i = 0; i < 100 && now_ns < wall_end; i++) {
        run_loop(0);
        if (timers_next_deadline(&cpu[0]) != UINT64_MAX)
            now_ns = timers_next_deadline(&cpu[0]);
    }
    assert_in_range(vcpus[0].entry.ran_ns, 225 * NS_PER_MS, 275 * NS_PER_MS);
}

static void test_two_waiting_here_and_none_there(void **state)
{
    (void)state;
    make(4);
    guest = leave_loop;
    sched_enqueue(&vcpus[0]);
    run_loop(0);
    sched_enqueue(&vcpus[1]);
    run_loop(1);
    fake_this_cpu = &cpu[0];
    for (unsigned int i = 2; i < 4; i++) {
        atomic_store(&vcpus[i].cpu, 0);
        sched_enqueue(&vcpus[i]);
    }
    assert_int_equal(run_queue_count(&cpu[0].queue), 2);
    now_ns += 2 * QUEUE_SLICE_NS;
    memset(kick_count, 0, sizeof(kick_count));
    run_loop(0); /* a switch: two wait, and on the other CPU nobody does */
    assert_int_equal(run_queue_count(&cpu[1].queue), 1);
    assert_int_equal(kick_count[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_spread_at_creation, setup),
        cmocka_unit_test_setup(test_woken_on_the_way_out, setup),
        cmocka_unit_test_setup(test_woken_elsewhere_on_the_way_out, setup),
        cmocka_unit_test_setup(test_two_wakers, setup),
        cmocka_unit_test_setup(test_off_wakes_for_start_and_end_only, setup),
        cmocka_unit_test_setup(test_reset_before_the_owner_is_back, setup),
        cmocka_unit_test_setup(test_poke, setup),
        cmocka_unit_test_setup(test_wakes_to_an_idle_cpu, setup),
        cmocka_unit_test_setup(test_idle_cpu_takes_one_that_waits, setup),
        cmocka_unit_test_setup(test_pinned_is_not_taken, setup),
        cmocka_unit_test_setup(test_woken_vcpu_preempts, setup),
        cmocka_unit_test_setup(test_slices, setup),
        cmocka_unit_test_setup(test_yield_goes_to_a_sibling, setup),
        cmocka_unit_test_setup(test_cap_holds_on_an_idle_machine, setup),
        cmocka_unit_test_setup(test_two_waiting_here_and_none_there, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
