/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs next on this CPU. Each vCPU belongs to one physical CPU's queue; others may only add woken
 * ones.
 */
#pragma once

#include <stdbool.h>

#include "core/vcpu.h"

struct cpu;

/* A physical CPU for a new vCPU. Boot CPU. */
uint32_t sched_place(void);

/* Makes a vCPU runnable on its CPU and kicks that CPU if needed. Any CPU. */
void sched_enqueue(struct vcpu *vcpu);

/* The same if the vCPU is still in state `from`; false: somebody else has woken it. Any CPU. */
bool sched_wake(struct vcpu *vcpu, enum vcpu_state from);

/*
 * The vCPU that runs on this CPU leaves it: its registers go to memory, it is in no queue, and once the
 * caller publishes a state that says so another CPU may have it. For what is no mere wait: the end of its VM,
 * a hold.
 */
void sched_leave(struct vcpu *vcpu);

/* This CPU's loop: timers, console, vCPUs, idle. Never returns. */
_Noreturn void sched_loop(struct cpu *cpu);
