/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs next on a CPU, of those that wait in its queue, or in another's; and who goes over to another. */
#include "core/sched_internal.h"
#include "core/time.h"
#include "core/vm.h"
#include "lib/assert.h"

#define STEAL_LOOKS 8 /* vCPUs of another queue that are looked at */

/* Takes a vCPU that waits in this queue for this CPU to run. Lock of `from` held; NULL: none may move. */
static struct vcpu *take_movable(struct cpu *from, const struct cpu *to)
{
    uint32_t looks = 0;

    LIST_FOR_EACH(node, &from->queue.movable)
    {
        struct vcpu *vcpu = sched_vcpu_of(LIST_ENTRY(node, struct queue_entry, movable));

        if (cpu_set_has(&vcpu->entry.allowed, to->id) &&
            atomic_load_explicit(&vcpu->loaded, memory_order_acquire) == NULL) {
            sched_take_out(from, vcpu);
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
        sched_throttle(vcpu);
        return NULL;
    }
    atomic_store_explicit(&vcpu->cpu, cpu->id, memory_order_relaxed);
    run_queue_start(queue, &vcpu->entry, now);
    spin_unlock(&queue->lock);
    return vcpu;
}

/* For a CPU with nothing to do: somebody who waits elsewhere. */
struct vcpu *sched_steal(struct cpu *cpu)
{
    static const struct cpu_set any = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    uint32_t first = CPU_SET_NONE;
    uint32_t at = cpu->id;

    for (uint32_t i = 0; i < cpu_count; i++) {
        struct vcpu *vcpu;

        at = atomic_cpu_set_find(&sched_waiting_cpus, &any, at, sched_set_words());
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
static inline __attribute__((always_inline)) struct vcpu *next_of(struct cpu *cpu, struct vcpu *favoured,
                                                                  uint64_t now)
{
    for (;;) {
        struct queue_entry *best = favoured != NULL ? &favoured->entry : run_queue_best(&cpu->queue);

        if (best == NULL)
            return NULL;
        sched_take_out(cpu, sched_vcpu_of(best));
        if (LIKELY(queue_entry_budget(best, now) != 0))
            return sched_vcpu_of(best);
        sched_throttle(sched_vcpu_of(best));
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

/* The one handed over, if it can be started right away; else it waits like any other. Lock held. */
static struct vcpu *take_handed(struct cpu *cpu, uint64_t now)
{
    struct run_queue *queue = &cpu->queue;
    struct queue_entry *entry = queue->handed;

    if (entry == NULL)
        return NULL;
    queue->handed = NULL;
    if (LIKELY(queue->running == NULL && run_queue_count(queue) == 0 && queue_entry_budget(entry, now) != 0))
        return sched_vcpu_of(entry);
    sched_add(cpu, sched_vcpu_of(entry));
    return NULL;
}

/* Nobody runs: the next does. Lock held. */
static inline __attribute__((always_inline)) struct vcpu *start_next(struct cpu *cpu, struct vcpu *favoured,
                                                                     uint64_t now)
{
    struct vcpu *vcpu = next_of(cpu, favoured, now);

    if (vcpu != NULL)
        run_queue_start(&cpu->queue, &vcpu->entry, now);
    return vcpu;
}

/* Where that is not the hot way. */
static __attribute__((noinline)) struct vcpu *start_next_of_all(struct cpu *cpu, struct vcpu *favoured,
                                                                uint64_t now)
{
    return start_next(cpu, favoured, now);
}

/* What asked for a choice has been done. Lock held. */
static void chosen(struct cpu *cpu, uint64_t now)
{
    cpu->chosen_ns = now;
    cpu->yielding = false;
    cpu->preempt = false;
    cpu->sliced = run_queue_count(&cpu->queue) != 0;
}

/* Whoever wakes it queues it, and so waits for the lock until it has left the books. */
bool vcpu_block(struct vcpu *vcpu, enum vcpu_state state)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *queue = &cpu->queue;
    uint64_t now = time_now_ns();
    uint32_t expected = state;

    ASSERT(queue->running == &vcpu->entry);
    spin_lock(&queue->lock);
    atomic_store_explicit(&vcpu->state, state, memory_order_seq_cst);
    /* Something came in between? If the exchange fails, its poster queues the vCPU. */
    if (UNLIKELY(atomic_load_explicit(&vcpu->requests, memory_order_seq_cst) != 0) &&
        atomic_compare_exchange_strong_explicit(&vcpu->state, &expected, VCPU_RUNNABLE, memory_order_seq_cst,
                                                memory_order_seq_cst)) {
        spin_unlock(&queue->lock);
        return false;
    }
    run_queue_charge(queue, now);
    run_queue_stop(queue);
    (void)start_next(cpu, NULL, now);
    chosen(cpu, now);
    spin_unlock(&queue->lock);
    return true;
}

struct vcpu *sched_choose(struct cpu *cpu, uint64_t now)
{
    struct run_queue *queue = &cpu->queue;
    struct queue_entry *running, *handed;
    struct vcpu *favoured = NULL;
    struct vcpu *vcpu;

    spin_lock(&queue->lock);
    handed = queue->handed;
    run_queue_charge(queue, now);
    running = queue->running;
    vcpu = take_handed(cpu, now);
    if (vcpu != NULL) {
        run_queue_start(queue, &vcpu->entry, now);
    } else if (running != NULL && goes_on(cpu, now)) {
        vcpu = sched_vcpu_of(running);
    } else {
        if (running != NULL) {
            vcpu = sched_vcpu_of(running);
            if (cpu->yielding)
                favoured = sibling_here(cpu, vcpu);
            run_queue_stop(queue);
            if (queue_entry_budget(running, now) != 0)
                sched_add(cpu, vcpu);
            else
                sched_throttle(vcpu);
        }
        vcpu = start_next_of_all(cpu, favoured, now);
    }
    chosen(cpu, now);
    spin_unlock(&queue->lock);
    if (UNLIKELY(handed != NULL && (vcpu == NULL || handed != &vcpu->entry)))
        sched_offer(cpu);
    return vcpu;
}

/* One look at another queue at each switch: if two more run or wait here than there, one goes over. */
__attribute__((cold)) void sched_balance(struct cpu *cpu)
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
    sched_add(other, vcpu);
    spin_unlock(&other->queue.lock);
    cpu_raise(other, ATTENTION_QUEUE);
}
