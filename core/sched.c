/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of each CPU, and the vCPU that runs or is loaded there. */
#include "core/sched.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/gdb.h"
#include "core/host_nmi.h"
#include "core/nmi_storm.h"
#include "core/sched_internal.h"
#include "core/shell_emergency.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/trace.h"
#include "core/vm.h"
#include "lib/assert.h"

/* The boot CPU looks at everything as often, but not on every round of a guest that halts often. */
#define ALL_LEAST_NS (NS_PER_MS / 10)

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

    if (cpu->current != NULL) {
        before = cpu->current->vm;
        unload(cpu);
    }
    ASSERT(atomic_load_explicit(&vcpu->loaded, memory_order_acquire) == NULL);
    arch_vcpu_load(vcpu, before);
    cpu->current = vcpu;
    atomic_store_explicit(&vcpu->loaded, cpu, memory_order_relaxed);
    if (UNLIKELY(trace_ring_on))
        trace_event(vcpu, TRACE_LOAD, 0, 0);
}

/* After a switch, where others wait: the one that was put can move only now. */
static __attribute__((noinline)) void share_out(struct cpu *cpu)
{
    sched_offer(cpu);
    if (run_queue_count(&cpu->queue) >= 2)
        sched_balance(cpu);
}

void sched_leave(struct vcpu *vcpu)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = &cpu->queue;

    ASSERT(queue->running == &vcpu->entry);
    spin_lock(&queue->lock);
    run_queue_charge(queue, time_now_ns());
    run_queue_stop(queue);
    spin_unlock(&queue->lock);
    unload(cpu);
}

void sched_yield(void)
{
    struct cpu *cpu = this_cpu();

    cpu->yielding = true;
    cpu_raise(cpu, ATTENTION_QUEUE);
}

/* --- The loop --------------------------------------------------------------------------------------------
 */

static void slice_over(struct timer *timer)
{
    (void)timer;
    cpu_raise(this_cpu(), ATTENTION_QUEUE);
}

static const struct timer_ops slice_ops = {.expire = slice_over};

/* The timer interrupts the guest when its turn may be over; one that is armed too early is left alone. */
static void bound_turn(struct cpu *cpu, struct vcpu *vcpu, struct timer *slice)
{
    uint64_t budget = queue_entry_budget(&vcpu->entry, cpu->chosen_ns);
    uint64_t end = cpu->sliced ? cpu->queue.slice_end_ns : UINT64_MAX;

    if (UNLIKELY(budget != UINT64_MAX))
        end = min_u64(end, cpu->chosen_ns + budget);
    if (end != UINT64_MAX && (!timer_is_armed(slice) || slice->deadline_ns > end))
        timer_arm(slice, end);
}

/* Nothing waits in the queue. Waits for an interrupt, unless somebody elsewhere can run here. */
static struct vcpu *idle(struct cpu *cpu)
{
    struct vcpu *vcpu;

    atomic_cpu_set_add(&sched_idle_cpus, cpu->id);
    /* Pairs with sched_add() and sched_offer(): whoever queues sees this CPU idle, or is seen here. */
    vcpu = sched_steal(cpu);
    if (vcpu == NULL)
        arch_cpu_idle(cpu);
    (void)atomic_cpu_set_take(&sched_idle_cpus, cpu->id);
    return vcpu;
}

bool sched_attend(struct cpu *cpu)
{
    uint32_t expected = ATTENTION_TIMER;

    /* If anything else has been raised it is all left to the loop. */
    if (!atomic_compare_exchange_strong_explicit(&cpu->attention, &expected, 0, memory_order_seq_cst,
                                                 memory_order_seq_cst))
        return false;
    cpu->timer_programmed_ns = 0;
    (void)timers_expire(cpu);
    return true;
}

/* Timers, if one is due; the time. */
static inline uint64_t look_at_timers(struct cpu *cpu, uint32_t attention)
{
    uint64_t now = time_now_ns();

    if ((attention & ATTENTION_TIMER) != 0)
        cpu->timer_programmed_ns = 0;
    return now >= cpu->timer_programmed_ns ? timers_expire(cpu) : now;
}

static __attribute__((noinline)) void look_at_all(struct cpu *cpu, uint64_t now)
{
    host_nmi_act();
    if (cpu->id != 0)
        return;
    cpu->all_due_ns = now + ALL_LEAST_NS;
    console_poll();
    gdb_poll();
    vm_housekeeping();
}

/* vcpu_block() has put another in its place, and there is nothing else to look at. */
static inline struct vcpu *chosen_at_block(const struct cpu *cpu)
{
    struct queue_entry *entry = cpu->queue.running;

    if (entry == NULL || sched_vcpu_of(entry) == cpu->current ||
        atomic_load_explicit(&cpu->attention, memory_order_relaxed) != 0 || cpu->chosen_ns >= cpu->all_due_ns)
        return NULL;
    return sched_vcpu_of(entry);
}

/* Everything is looked at, then who runs. */
static struct vcpu *look_round(struct cpu *cpu)
{
    /* Cleared before looking, so that what comes in while we look makes the next round. */
    uint32_t attention = atomic_exchange_explicit(&cpu->attention, 0, memory_order_seq_cst);
    struct vcpu *vcpu;
    uint64_t now;

    cpu->choosing = true;
    now = look_at_timers(cpu, attention);
    if (UNLIKELY((attention & ATTENTION_ALL) != 0 || now >= cpu->all_due_ns))
        look_at_all(cpu, now);
    vcpu = sched_choose(cpu, now);
    cpu->choosing = false;
    return vcpu != NULL ? vcpu : idle(cpu);
}

void sched_loop(struct cpu *cpu)
{
    struct timer slice, watch;

    timer_init(&slice, &slice_ops);
    shell_emergency_watch(cpu, &watch);
    nmi_storm_start(cpu);
    cpu->all_due_ns = cpu->id == 0 ? 0 : UINT64_MAX;
    for (;;) {
        struct vcpu *vcpu = chosen_at_block(cpu);

        if (vcpu == NULL)
            vcpu = look_round(cpu);
        if (vcpu == NULL)
            continue;
        if (cpu->current != vcpu) {
            load(cpu, vcpu);
            if (UNLIKELY(run_queue_count(&cpu->queue) != 0))
                share_out(cpu);
        }
        bound_turn(cpu, vcpu, &slice);
        arch_vcpu_run(vcpu);
    }
}
