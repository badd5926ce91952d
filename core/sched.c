/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPUs on CPUs. A vCPU is in exactly one place: a queue, running, under its cap, or waiting (blocked, off,
 * held, stopped). Queue and running are under the lock of the CPU's queue; whoever takes a vCPU out of a
 * place owns it until it has put it into the next. Registers stay loaded while the vCPU waits and nobody else
 * runs there; until they are put, only that CPU can run it, so it goes nowhere else.
 *
 * Two sets say which CPUs idle and in which queues somebody waits who may move. An idle CPU enters the one
 * and then looks at the other; whoever queues does it the other way round: one of them sees.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/config.h"
#include "core/console.h"
#include "core/cpu.h"
#include "core/gdb.h"
#include "core/host_nmi.h"
#include "core/log.h"
#include "core/nmi_storm.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/trace.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/error.h"

#define STEAL_LOOKS 8 /* vCPUs of another queue that are looked at */

static struct atomic_cpu_set idle_cpus;
static struct atomic_cpu_set waiting_cpus; /* their queue has somebody who may move */

static uint32_t set_words(void)
{
    return (cpu_count + 63) / 64;
}

static struct vcpu *vcpu_of(struct queue_entry *entry)
{
    return CONTAINER_OF(entry, struct vcpu, entry);
}

/* --- Queues: with their lock -----------------------------------------------------------------------------
 */

static void add(struct cpu *cpu, struct vcpu *vcpu)
{
    struct run_queue *queue = &cpu->queue;
    bool nobody = list_is_empty(&queue->movable);

    atomic_store_explicit(&vcpu->cpu, cpu->id, memory_order_relaxed);
    run_queue_add(queue, &vcpu->entry);
    if (nobody && vcpu->entry.may_move)
        atomic_cpu_set_add(&waiting_cpus, cpu->id);
}

static void take_out(struct cpu *cpu, struct vcpu *vcpu)
{
    run_queue_remove(&cpu->queue, &vcpu->entry);
    if (vcpu->entry.may_move && list_is_empty(&cpu->queue.movable))
        (void)atomic_cpu_set_take(&waiting_cpus, cpu->id);
}

/* Out of time until its period is over. It is in no queue. */
static void throttle(struct vcpu *vcpu)
{
    timer_arm(&vcpu->refill, vcpu->entry.period_start_ns + CAP_PERIOD_NS);
}

static void refill(struct timer *timer)
{
    sched_enqueue(CONTAINER_OF(timer, struct vcpu, refill));
}

static const struct timer_ops refill_ops = {.expire = refill};

/* --- Waking: any CPU -------------------------------------------------------------------------------------
 */

/* Where a vCPU that becomes runnable goes. An idle CPU that is chosen counts as busy from here on. */
static struct cpu *destination(struct vcpu *vcpu)
{
    /* Pairs with the release in unload(). */
    struct cpu *cpu = atomic_load_explicit(&vcpu->loaded, memory_order_acquire);
    uint32_t idle;

    if (cpu != NULL)
        return cpu;
    cpu = cpus[atomic_load_explicit(&vcpu->cpu, memory_order_relaxed)];
    if (!vcpu->entry.may_move || atomic_cpu_set_take(&idle_cpus, cpu->id))
        return cpu;
    idle = atomic_cpu_set_find(&idle_cpus, &vcpu->entry.allowed, cpu->id, set_words());
    return idle != CPU_SET_NONE && atomic_cpu_set_take(&idle_cpus, idle) ? cpus[idle] : cpu;
}

/* If somebody waits here who may move, an idle CPU is told. No lock held. */
static void offer(struct cpu *cpu)
{
    const struct cpu_set *allowed = NULL;
    uint32_t idle;

    spin_lock(&cpu->queue.lock);
    if (!list_is_empty(&cpu->queue.movable))
        allowed = &LIST_ENTRY(cpu->queue.movable.next, struct queue_entry, movable)->allowed;
    spin_unlock(&cpu->queue.lock);
    if (allowed == NULL)
        return;
    idle = atomic_cpu_set_find(&idle_cpus, allowed, cpu->id, set_words());
    if (idle != CPU_SET_NONE && atomic_cpu_set_take(&idle_cpus, idle))
        cpu_kick(cpus[idle]);
}

/* Has the CPU to look at its queue now, for this newcomer? Lock held. */
static bool needs_kick(struct cpu *cpu, const struct vcpu *vcpu)
{
    struct run_queue *queue = &cpu->queue;

    if (queue->running != NULL) {
        if (run_queue_preempts(queue, &vcpu->entry))
            cpu->preempt = true;
        else if (cpu->sliced)
            return false;
    }
    return cpu != this_cpu() || !cpu->choosing;
}

int sched_init_vcpu(struct vcpu *vcpu, const struct vm_config *vm, uint32_t id)
{
    struct cpu_set allowed;
    uint32_t best = CPU_SET_NONE;

    config_pin_set(vm, id, &allowed);
    for (uint32_t i = 0; i < CPU_SET_SIZE; i++) {
        if (i >= cpu_count)
            cpu_set_remove(&allowed, i);
        else if (cpu_set_has(&allowed, i) &&
                 (best == CPU_SET_NONE || cpus[i]->home_count < cpus[best]->home_count))
            best = i;
    }
    if (best == CPU_SET_NONE) {
        log_error("vm %s: vcpu %u: none of the CPUs that pin= names runs; CPUs here: 0-%u", vm->name, id,
                  cpu_count - 1);
        return E_INVAL;
    }
    cpus[best]->home_count++;
    queue_entry_init(&vcpu->entry, &allowed, (enum vcpu_prio)vm->prio, vm->share, vm->cap);
    timer_init(&vcpu->refill, &refill_ops);
    atomic_store_explicit(&vcpu->cpu, best, memory_order_relaxed);
    return 0;
}

void sched_enqueue(struct vcpu *vcpu)
{
    struct cpu *cpu = destination(vcpu);
    struct run_queue *queue = &cpu->queue;
    bool kick, busy;

    spin_lock(&queue->lock);
    if (queue->running != NULL)
        run_queue_charge(queue, time_now_ns());
    run_queue_place(queue, &vcpu->entry, atomic_load_explicit(&vcpu->cpu, memory_order_relaxed) == cpu->id);
    kick = needs_kick(cpu, vcpu);
    add(cpu, vcpu);
    busy = vcpu->entry.may_move && (queue->running != NULL || run_queue_count(queue) > 1);
    spin_unlock(&queue->lock);
    if (kick)
        cpu_kick(cpu);
    if (busy)
        offer(cpu);
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

/* --- This CPU's vCPU -------------------------------------------------------------------------------------
 */

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
    bool put = cpu->current != NULL;

    if (put) {
        before = cpu->current->vm;
        unload(cpu);
    }
    ASSERT(atomic_load_explicit(&vcpu->loaded, memory_order_acquire) == NULL);
    arch_vcpu_load(vcpu, before);
    cpu->current = vcpu;
    atomic_store_explicit(&vcpu->loaded, cpu, memory_order_relaxed);
    if (UNLIKELY(trace_ring_on))
        trace_event(vcpu, TRACE_LOAD, 0, 0);
    /* The one that was put can move only now. */
    if (put && run_queue_count(&cpu->queue) != 0)
        offer(cpu);
}

void sched_pause(struct vcpu *vcpu)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = &cpu->queue;

    ASSERT(queue->running == &vcpu->entry);
    spin_lock(&queue->lock);
    run_queue_charge(queue, time_now_ns());
    run_queue_stop(queue);
    spin_unlock(&queue->lock);
}

void sched_resume(struct vcpu *vcpu)
{
    struct run_queue *queue = &this_cpu()->queue;

    spin_lock(&queue->lock);
    queue->running = &vcpu->entry;
    queue->charged_ns = time_now_ns();
    spin_unlock(&queue->lock);
}

void sched_leave(struct vcpu *vcpu)
{
    sched_pause(vcpu);
    unload(this_cpu());
}

void sched_yield(void)
{
    struct cpu *cpu = this_cpu();

    cpu->yielding = true;
    atomic_store_explicit(&cpu->attention, 1, memory_order_relaxed);
}

/* --- Choosing --------------------------------------------------------------------------------------------
 */

/* Takes a vCPU that waits in this queue for this CPU to run. Lock of `from` held; NULL: none may move. */
static struct vcpu *take_movable(struct cpu *from, const struct cpu *to)
{
    uint32_t looks = 0;

    LIST_FOR_EACH(node, &from->queue.movable)
    {
        struct vcpu *vcpu = vcpu_of(LIST_ENTRY(node, struct queue_entry, movable));

        if (cpu_set_has(&vcpu->entry.allowed, to->id) &&
            atomic_load_explicit(&vcpu->loaded, memory_order_acquire) == NULL) {
            take_out(from, vcpu);
            return vcpu;
        }
        if (++looks == STEAL_LOOKS)
            break;
    }
    return NULL;
}

/* A vCPU that has come from another CPU runs here next. */
static struct vcpu *adopt(struct cpu *cpu, struct vcpu *vcpu, uint64_t now)
{
    struct run_queue *queue = &cpu->queue;

    if (vcpu == NULL)
        return NULL;
    vcpu->moved_count++;
    spin_lock(&queue->lock);
    run_queue_place(queue, &vcpu->entry, false);
    if (queue_entry_budget(&vcpu->entry, now) == 0) {
        spin_unlock(&queue->lock);
        throttle(vcpu);
        return NULL;
    }
    atomic_store_explicit(&vcpu->cpu, cpu->id, memory_order_relaxed);
    run_queue_start(queue, &vcpu->entry, now);
    spin_unlock(&queue->lock);
    return vcpu;
}

/* For a CPU with nothing to do: somebody who waits elsewhere. */
static struct vcpu *steal(struct cpu *cpu)
{
    static const struct cpu_set any = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    uint32_t first = CPU_SET_NONE;
    uint32_t at = cpu->id;

    for (uint32_t i = 0; i < cpu_count; i++) {
        struct vcpu *vcpu;

        at = atomic_cpu_set_find(&waiting_cpus, &any, at, set_words());
        if (at == CPU_SET_NONE || at == first)
            return NULL;
        if (first == CPU_SET_NONE)
            first = at;
        spin_lock(&cpus[at]->queue.lock);
        vcpu = take_movable(cpus[at], cpu);
        spin_unlock(&cpus[at]->queue.lock);
        if (vcpu != NULL)
            return adopt(cpu, vcpu, time_now_ns());
    }
    return NULL;
}

/* The one in whose place it waits may be one of these. Lock held; NULL: none waits in this queue. */
static struct vcpu *sibling_here(const struct cpu *cpu, const struct vcpu *vcpu)
{
    for (uint32_t i = 1; i < vcpu->vm->vcpu_count; i++) {
        struct vcpu *other = vcpu->vm->vcpus[(vcpu->id + i) % vcpu->vm->vcpu_count];

        if (run_queue_has(&cpu->queue, &other->entry))
            return other;
    }
    return NULL;
}

/* The next of this queue, taken out; those whose cap is used up are put aside. Lock held. */
static struct vcpu *next_of(struct cpu *cpu, struct vcpu *favoured, uint64_t now)
{
    for (;;) {
        struct queue_entry *best = favoured != NULL ? &favoured->entry : run_queue_best(&cpu->queue);

        if (best == NULL)
            return NULL;
        take_out(cpu, vcpu_of(best));
        if (LIKELY(queue_entry_budget(best, now) != 0))
            return vcpu_of(best);
        throttle(vcpu_of(best));
        favoured = NULL;
    }
}

/* May the running one go on? Charged, lock held. */
static bool goes_on(const struct cpu *cpu, uint64_t now)
{
    const struct run_queue *queue = &cpu->queue;

    if (UNLIKELY(queue_entry_budget(queue->running, now) == 0))
        return false;
    return run_queue_count(queue) == 0 || (!cpu->yielding && !cpu->preempt && now < queue->slice_end_ns);
}

/* Who runs now: the one that does, somebody from the queue, or nobody. */
static struct vcpu *choose(struct cpu *cpu, uint64_t now)
{
    struct run_queue *queue = &cpu->queue;
    struct queue_entry *running;
    struct vcpu *favoured = NULL;
    struct vcpu *vcpu;

    spin_lock(&queue->lock);
    run_queue_charge(queue, now);
    running = queue->running;
    if (running != NULL && goes_on(cpu, now)) {
        vcpu = vcpu_of(running);
    } else {
        if (running != NULL) {
            vcpu = vcpu_of(running);
            if (cpu->yielding)
                favoured = sibling_here(cpu, vcpu);
            run_queue_stop(queue);
            if (queue_entry_budget(running, now) != 0)
                add(cpu, vcpu);
            else
                throttle(vcpu);
        }
        vcpu = next_of(cpu, favoured, now);
        if (vcpu != NULL)
            run_queue_start(queue, &vcpu->entry, now);
    }
    cpu->yielding = false;
    cpu->preempt = false;
    cpu->sliced = run_queue_count(queue) != 0;
    spin_unlock(&queue->lock);
    return vcpu;
}

/* One look at another queue at each switch: if two more run or wait here than there, one goes over. */
static void balance(struct cpu *cpu)
{
    struct cpu *other;
    struct vcpu *vcpu;

    cpu->balance_at = cpu->balance_at + 1 < cpu_count ? cpu->balance_at + 1 : 0;
    other = cpus[cpu->balance_at];
    if (other == cpu || run_queue_count(&other->queue) + 2 > run_queue_count(&cpu->queue))
        return;
    spin_lock(&cpu->queue.lock);
    vcpu = take_movable(cpu, other);
    spin_unlock(&cpu->queue.lock);
    if (vcpu == NULL)
        return;
    vcpu->moved_count++;
    spin_lock(&other->queue.lock);
    run_queue_place(&other->queue, &vcpu->entry, false);
    add(other, vcpu);
    spin_unlock(&other->queue.lock);
    cpu_kick(other);
}

/* --- The loop --------------------------------------------------------------------------------------------
 */

static void slice_over(struct timer *timer)
{
    (void)timer; /* having interrupted the guest is all it is for */
}

static const struct timer_ops slice_ops = {.expire = slice_over};

/* The timer interrupts the guest when its turn may be over; one that is armed too early is left alone. */
static void bound_turn(struct cpu *cpu, struct vcpu *vcpu, struct timer *slice, uint64_t now)
{
    uint64_t budget = queue_entry_budget(&vcpu->entry, now);
    uint64_t end = cpu->sliced ? cpu->queue.slice_end_ns : UINT64_MAX;

    if (UNLIKELY(budget != UINT64_MAX))
        end = min_u64(end, now + budget);
    if (end != UINT64_MAX && (!timer_is_armed(slice) || slice->deadline_ns > end))
        timer_arm(slice, end);
}

/* Nothing waits in the queue. Waits for an interrupt, unless somebody elsewhere can run here. */
static struct vcpu *idle(struct cpu *cpu)
{
    struct vcpu *vcpu;

    atomic_cpu_set_add(&idle_cpus, cpu->id);
    /* Pairs with add() and offer(): whoever queues sees this CPU idle, or is seen here. */
    vcpu = steal(cpu);
    if (vcpu == NULL)
        arch_cpu_idle(cpu);
    (void)atomic_cpu_set_take(&idle_cpus, cpu->id);
    return vcpu;
}

void sched_loop(struct cpu *cpu)
{
    struct timer slice;

    timer_init(&slice, &slice_ops);
    nmi_storm_start(cpu);
    for (;;) {
        struct vcpu *vcpu;
        uint64_t now;

        /* Cleared before looking, so that what comes in while we look makes the next round. */
        atomic_store_explicit(&cpu->attention, 0, memory_order_seq_cst);
        cpu->choosing = true;
        host_nmi_act(cpu);
        now = timers_expire(cpu);
        if (cpu->id == 0) {
            if (console_is_due())
                console_poll();
            gdb_poll();
            vm_housekeeping();
        }
        vcpu = choose(cpu, now);
        cpu->choosing = false;
        if (vcpu == NULL)
            vcpu = idle(cpu);
        if (vcpu == NULL)
            continue;
        if (cpu->current != vcpu) {
            load(cpu, vcpu);
            if (UNLIKELY(run_queue_count(&cpu->queue) >= 2))
                balance(cpu);
        }
        bound_turn(cpu, vcpu, &slice, now);
        arch_vcpu_run(vcpu);
    }
}
