/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs next on this CPU. Each vCPU belongs to one physical CPU's queue; others may only add woken
 * ones.
 */
#pragma once

#include <stdbool.h>

#include "core/vcpu.h"

struct cpu;

/* Makes a vCPU runnable on its CPU and kicks that CPU if needed. Any CPU. */
void sched_enqueue(struct vcpu *vcpu);

/* The same if the vCPU is still in state `from`; false: somebody else has woken it. Any CPU. */
bool sched_wake(struct vcpu *vcpu, enum vcpu_state from);

/* Takes the next vCPU off this CPU's queue, NULL if none. */
struct vcpu *sched_pick(struct cpu *cpu);

/* This CPU's loop: timers, console, vCPUs, idle. Never returns. */
_Noreturn void sched_loop(struct cpu *cpu);
