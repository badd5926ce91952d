/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scheduler's files share. A vCPU is in exactly one place: a queue, running, under its cap, or
 * waiting (blocked, off, held, stopped). Queue and running are under the lock of the CPU's queue; whoever
 * takes a vCPU out of a place owns it until it has put it into the next. Registers stay loaded while the vCPU
 * waits and nobody else runs there; until they are put, only that CPU can run it, so it goes nowhere else.
 *
 * Two sets say which CPUs idle and in which queues somebody waits who may move. An idle CPU enters the one
 * and then looks at the other; whoever queues does it the other way round: one of them sees.
 */
#pragma once

#include "core/cpu.h"
#include "core/cpu_set.h"
#include "core/vcpu.h"

extern struct atomic_cpu_set sched_idle_cpus;
extern struct atomic_cpu_set sched_waiting_cpus; /* their queue has somebody who may move */

static inline uint32_t sched_set_words(void)
{
    return (cpu_count + 63) / 64;
}

static inline struct vcpu *sched_vcpu_of(struct queue_entry *entry)
{
    return CONTAINER_OF(entry, struct vcpu, entry);
}

/* The first who may move has come into the queue of `cpu`, the last has left it. With its lock. */
void sched_some_may_move(struct cpu *cpu);
void sched_none_may_move(struct cpu *cpu);

/* Into the queue of `cpu`, and out of it. With its lock. */
static inline void sched_add(struct cpu *cpu, struct vcpu *vcpu)
{
    struct run_queue *queue = &cpu->queue;
    bool nobody = list_is_empty(&queue->movable);

    atomic_store_explicit(&vcpu->cpu, cpu->id, memory_order_relaxed);
    run_queue_add(queue, &vcpu->entry);
    if (nobody && vcpu->entry.may_move)
        sched_some_may_move(cpu);
}

static inline void sched_take_out(struct cpu *cpu, struct vcpu *vcpu)
{
    run_queue_remove(&cpu->queue, &vcpu->entry);
    if (vcpu->entry.may_move && list_is_empty(&cpu->queue.movable))
        sched_none_may_move(cpu);
}

/* Out of time until its period is over. It is in no queue. Own CPU. */
void sched_throttle(struct vcpu *vcpu);

/* If somebody waits here who may move, an idle CPU is told. No lock held. */
void sched_offer(struct cpu *cpu);

/* Who runs now: the one that does, somebody from the queue, or nobody. Own CPU. */
struct vcpu *sched_choose(struct cpu *cpu, uint64_t now);

/* For a CPU with nothing to do: somebody who waits elsewhere; runs here from then on. Own CPU. */
struct vcpu *sched_steal(struct cpu *cpu);

/* One look at another queue at each switch: if two more run or wait here than there, one goes over. */
void sched_balance(struct cpu *cpu);
