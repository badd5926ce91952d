/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs next on this CPU. Each vCPU belongs to one physical CPU's queue; others may only add woken
 * ones.
 */
#pragma once

struct cpu;
struct vcpu;

/* Makes a vCPU runnable on its CPU and kicks that CPU if needed. Any CPU. */
void sched_enqueue(struct vcpu *vcpu);

/* Takes the next vCPU off this CPU's queue, NULL if none. */
struct vcpu *sched_pick(struct cpu *cpu);

/* This CPU's loop: timers, console, vCPUs, idle. Never returns. */
_Noreturn void sched_loop(struct cpu *cpu);
