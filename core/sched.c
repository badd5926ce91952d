/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Round robin per physical CPU. A vCPU is in exactly one place: a run queue, running, or neither (blocked,
 * off, stopped). Only the owner takes it out; others add it under run_lock. Registers stay loaded while the
 * vCPU waits and nobody else runs here: a vCPU that is woken goes to where they are.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/cpu.h"
#include "core/gdb.h"
#include "core/host_nmi.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"
#include "lib/assert.h"

#define SLICE_NS (5 * NS_PER_MS)

/* Lock held. */
static void append(struct cpu *cpu, struct vcpu *vcpu)
{
    list_append(&cpu->run_queue, &vcpu->run_node);
}

static void kick_unless_choosing(struct cpu *cpu)
{
    if (cpu != this_cpu() || !cpu->choosing)
        cpu_kick(cpu);
}

uint32_t sched_place(void)
{
    static uint32_t next; /* boot CPU */

    return next++ % cpu_count;
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
    uint32_t expected = from;

    if (!atomic_compare_exchange_strong_explicit(&vcpu->state, &expected, VCPU_RUNNABLE, memory_order_seq_cst,
                                                 memory_order_seq_cst))
        return false;
    sched_enqueue(vcpu);
    return true;
}

static struct vcpu *pick(struct cpu *cpu)
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

static void unload(struct cpu *cpu)
{
    struct vcpu *vcpu = cpu->current;

    arch_vcpu_put(vcpu);
    cpu->current = NULL;
    /* Pairs with the acquire of whoever loads it next, or asks where it is. */
    atomic_store_explicit(&vcpu->loaded, NULL, memory_order_release);
}

static void load(struct cpu *cpu, struct vcpu *vcpu)
{
    const struct vm *before = NULL; /* after a vCPU that has left anybody may have been here */

    if (LIKELY(cpu->current == vcpu))
        return;
    if (cpu->current != NULL) {
        before = cpu->current->vm;
        unload(cpu);
    }
    ASSERT(atomic_load_explicit(&vcpu->loaded, memory_order_acquire) == NULL);
    arch_vcpu_load(vcpu, before);
    cpu->current = vcpu;
    atomic_store_explicit(&vcpu->loaded, cpu, memory_order_relaxed);
}

void sched_leave(struct vcpu *vcpu)
{
    struct cpu *cpu = this_cpu();

    ASSERT(cpu->running == vcpu && cpu->current == vcpu);
    cpu->running = NULL;
    unload(cpu);
}

/* After arch_vcpu_run(): back into the queue if it still wants to run. */
static void sched_put_back(struct cpu *cpu, struct vcpu *vcpu)
{
    spin_lock(&cpu->run_lock);
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
            gdb_poll();
            vm_housekeeping();
        }
        cpu->choosing = false;
        vcpu = pick(cpu);
        if (vcpu == NULL) {
            arch_cpu_idle(cpu);
            continue;
        }
        if (!queue_is_empty(cpu))
            timer_arm(&slice, time_now_ns() + SLICE_NS);
        load(cpu, vcpu);
        cpu->running = vcpu;
        arch_vcpu_run(vcpu);
        timer_cancel(&slice);
        /* NULL: it has given the CPU up, and whoever wakes it queues it. */
        if (cpu->running != NULL)
            sched_put_back(cpu, vcpu);
    }
}
