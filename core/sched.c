/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Round robin per physical CPU. A vCPU is in exactly one place: a run queue, current, or neither (blocked,
 * off, stopped). Only the owner takes it out; others add it under run_lock.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/cpu.h"
#include "core/host_nmi.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"

#define SLICE_NS (5 * NS_PER_MS)

/*
 * Its owner may be on the way out of arch_vcpu_run() and about to put it back: whoever comes second finds it
 * in the queue, and nothing is done twice. Lock held.
 */
static void append(struct cpu *cpu, struct vcpu *vcpu)
{
    if (list_is_empty(&vcpu->run_node))
        list_append(&cpu->run_queue, &vcpu->run_node);
}

static void kick_unless_choosing(struct cpu *cpu)
{
    if (cpu != this_cpu() || !cpu->choosing)
        cpu_kick(cpu);
}

void sched_enqueue(struct vcpu *vcpu)
{
    struct cpu *cpu = cpus[vcpu->cpu];

    spin_lock(&cpu->run_lock);
    append(cpu, vcpu);
    spin_unlock(&cpu->run_lock);
    kick_unless_choosing(cpu);
}

bool sched_wake(struct vcpu *vcpu, enum vcpu_state from)
{
    struct cpu *cpu = cpus[vcpu->cpu];
    uint32_t expected = from;
    bool woken;

    spin_lock(&cpu->run_lock);
    woken = atomic_compare_exchange_strong_explicit(&vcpu->state, &expected, VCPU_RUNNABLE,
                                                    memory_order_seq_cst, memory_order_seq_cst);
    if (woken)
        append(cpu, vcpu);
    spin_unlock(&cpu->run_lock);
    if (woken)
        kick_unless_choosing(cpu);
    return woken;
}

struct vcpu *sched_pick(struct cpu *cpu)
{
    struct vcpu *vcpu = NULL;

    spin_lock(&cpu->run_lock);
    if (!list_is_empty(&cpu->run_queue)) {
        vcpu = LIST_ENTRY(cpu->run_queue.next, struct vcpu, run_node);
        list_remove(&vcpu->run_node);
    }
    spin_unlock(&cpu->run_lock);
    return vcpu;
}

/* After arch_vcpu_run(): back into the queue if it still wants to run. */
static void sched_put_back(struct cpu *cpu, struct vcpu *vcpu)
{
    spin_lock(&cpu->run_lock);
    if (atomic_load_explicit(&vcpu->state, memory_order_relaxed) == VCPU_RUNNABLE)
        append(cpu, vcpu);
    spin_unlock(&cpu->run_lock);
}

static void slice_over(struct timer *timer)
{
    (void)timer; /* having interrupted the guest is all it is for */
}

static const struct timer_ops slice_ops = {.expire = slice_over};

static bool queue_is_empty(struct cpu *cpu)
{
    bool empty;

    spin_lock(&cpu->run_lock);
    empty = list_is_empty(&cpu->run_queue);
    spin_unlock(&cpu->run_lock);
    return empty;
}

void sched_loop(struct cpu *cpu)
{
    struct timer slice;

    timer_init(&slice, &slice_ops);
    for (;;) {
        struct vcpu *vcpu;

        /* Cleared before looking, so that what comes in while we look makes the next round. */
        atomic_store_explicit(&cpu->attention, 0, memory_order_seq_cst);
        cpu->choosing = true;
        host_nmi_act(cpu);
        timers_expire(cpu);
        if (cpu->id == 0) {
            if (console_is_due())
                console_poll();
            vm_housekeeping();
        }
        cpu->choosing = false;
        vcpu = sched_pick(cpu);
        if (vcpu == NULL) {
            arch_cpu_idle(cpu);
            continue;
        }
        if (!queue_is_empty(cpu))
            timer_arm(&slice, time_now_ns() + SLICE_NS);
        arch_vcpu_run(vcpu);
        timer_cancel(&slice);
        sched_put_back(cpu, vcpu);
    }
}
