/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs where. The order on one CPU is core/run_queue.h's; here is how vCPUs come into queues, go
 * from one CPU to another, and the loop that each CPU runs. docs/scheduling.md.
 */
#pragma once

#include <stdbool.h>

#include "core/vcpu.h"

struct cpu;
struct vm_config;

/*
 * What the configuration says about a new vCPU of number `id`, and a CPU for it to begin on. E_INVAL: none of
 * the CPUs it is pinned to runs, one line printed. Boot CPU, all CPUs started.
 */
MUST_CHECK int sched_init_vcpu(struct vcpu *vcpu, const struct vm_config *config, uint32_t id);

/* Puts a runnable vCPU that is in no queue and does not run into one, and kicks that CPU if needed. Any CPU.
 */
void sched_enqueue(struct vcpu *vcpu);

/* The same if the vCPU is still in state `from`; false: somebody else has woken it. Any CPU. */
bool sched_wake(struct vcpu *vcpu, enum vcpu_state from);

/*
 * The vCPU that runs on this CPU leaves it: its registers go to memory, it is in no queue, and once the
 * caller publishes a state that says so another CPU may have it. For what is no mere wait: the end of its VM,
 * a hold.
 */
void sched_leave(struct vcpu *vcpu);

/*
 * The vCPU that runs here waits in a loop for something: another is to run for a while, best one of its VM,
 * which may be the one it waits for. Takes effect in the loop; no effect if nobody else can run here.
 */
void sched_yield(void);

/*
 * The architecture's run loop has seen cpu->attention and no vCPU is in its guest here. True: only timers
 * were due, they have expired, and the vCPU goes on: its requests are to be looked at again. False: back to
 * the loop.
 */
bool sched_attend(struct cpu *cpu);

/* This CPU's loop: timers, console, vCPUs, idle. Never returns. */
_Noreturn void sched_loop(struct cpu *cpu);
