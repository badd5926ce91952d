/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a vCPU that becomes runnable goes, and who is told of it. Any CPU. */
#include "core/config.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/sched_internal.h"
#include "core/time.h"
#include "lib/error.h"

struct atomic_cpu_set sched_idle_cpus;
struct atomic_cpu_set sched_waiting_cpus;

void sched_some_may_move(struct cpu *cpu)
{
    atomic_cpu_set_add(&sched_waiting_cpus, cpu->id);
}

void sched_none_may_move(struct cpu *cpu)
{
    (void)atomic_cpu_set_take(&sched_waiting_cpus, cpu->id);
}

/* Out of time until its period is over. It is in no queue. */
void sched_throttle(struct vcpu *vcpu)
{
    timer_arm(&vcpu->refill, vcpu->entry.period_start_ns + CAP_PERIOD_NS);
}

static void refill(struct timer *timer)
{
    sched_enqueue(CONTAINER_OF(timer, struct vcpu, refill));
}

static const struct timer_ops refill_ops = {.expire = refill};

/* An idle CPU of these, the first after `from`, which counts as busy from here on. CPU_SET_NONE: none. */
static __attribute__((noinline)) uint32_t take_idle(const struct cpu_set *allowed, uint32_t from)
{
    uint32_t idle = atomic_cpu_set_find(&sched_idle_cpus, allowed, from, sched_set_words());

    return idle != CPU_SET_NONE && atomic_cpu_set_take(&sched_idle_cpus, idle) ? idle : CPU_SET_NONE;
}

/* Where a vCPU that becomes runnable goes. An idle CPU that is chosen counts as busy from here on. */
static struct cpu *destination(struct vcpu *vcpu)
{
    /* Pairs with the release in unload(). */
    struct cpu *cpu = atomic_load_explicit(&vcpu->loaded, memory_order_acquire);
    uint32_t idle;

    if (cpu != NULL)
        return cpu;
    cpu = cpus[atomic_load_explicit(&vcpu->cpu, memory_order_relaxed)];
    if (!vcpu->entry.may_move || atomic_cpu_set_take(&sched_idle_cpus, cpu->id))
        return cpu;
    idle = take_idle(&vcpu->entry.allowed, cpu->id);
    return idle != CPU_SET_NONE ? cpus[idle] : cpu;
}

/* If somebody waits here who may move, an idle CPU is told. No lock held. */
void sched_offer(struct cpu *cpu)
{
    const struct cpu_set *allowed = NULL;
    uint32_t idle;

    spin_lock(&cpu->queue.lock);
    if (!list_is_empty(&cpu->queue.movable))
        allowed = &LIST_ENTRY(cpu->queue.movable.next, struct queue_entry, movable)->allowed;
    spin_unlock(&cpu->queue.lock);
    if (allowed == NULL)
        return;
    idle = take_idle(allowed, cpu->id);
    if (idle != CPU_SET_NONE)
        cpu_raise(cpus[idle], ATTENTION_QUEUE);
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

__attribute__((cold)) int sched_init_vcpu(struct vcpu *vcpu, const struct vm_config *vm, uint32_t id)
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

/* Where it has to wait. True: an idle CPU may want it. Lock held. */
static bool queue_up(struct cpu *cpu, struct vcpu *vcpu)
{
    struct run_queue *queue = &cpu->queue;

    if (queue->running == NULL && queue->handed == NULL && run_queue_count(queue) == 0) {
        atomic_store_explicit(&vcpu->cpu, cpu->id, memory_order_relaxed);
        queue->handed = &vcpu->entry;
        return false;
    }
    sched_add(cpu, vcpu);
    return vcpu->entry.may_move;
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
    busy = queue_up(cpu, vcpu);
    spin_unlock(&queue->lock);
    if (kick)
        cpu_raise(cpu, ATTENTION_QUEUE);
    if (busy)
        sched_offer(cpu);
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
