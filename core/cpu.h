/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A physical CPU. Everything here belongs to that CPU alone, except `attention`, which others may set.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch_inline.h"
#include "core/run_queue.h"
#include "core/spinlock.h"
#include "lib/list.h"

#define MAX_CPUS 256

/* Bits of cpu.attention: why the CPU leaves its guest or its sleep. */
#define ATTENTION_TIMER BIT(0) /* its timer has gone off; alone it is acted on between exit and entry */
#define ATTENTION_QUEUE BIT(1) /* somebody else may have to run */
#define ATTENTION_ALL   BIT(2) /* host NMIs; on the boot CPU console, debugger and ended VMs too */
#define ATTENTION_NMI   BIT(3) /* an NMI has come between a last look and the entry */

struct vcpu;

struct cpu {
    struct cpu *self;           /* must stay first: read through the per-CPU base register */
    uint32_t id;                /* 0..cpu_count-1, 0 is the boot CPU */
    uint32_t hardware_id;       /* APIC ID, MPIDR affinity */
    _Atomic uint32_t attention; /* ATTENTION_*; raised by interrupt handlers and other CPUs */
    struct vcpu *current;       /* the vCPU whose registers are loaded here, NULL: none */
    bool choosing;              /* in sched_loop() and about to look at run_queue: no need to be told of it */
    struct spinlock timer_lock; /* protects timers: models may cancel from other CPUs */
    struct list_node timers;    /* armed timers by deadline */
    uint64_t timer_programmed_ns; /* what the hardware timer is set to; UINT64_MAX: off; 0: has gone off */
    uint64_t timers_ns;           /* when timers were last looked at: nothing is armed for then or before */
    uint64_t all_due_ns;          /* boot CPU: ATTENTION_ALL's work is due without it */
    uint64_t chosen_ns;           /* when core/sched_choose.c last said who runs */
    struct run_queue queue;
    bool sliced;         /* whoever runs is interrupted at the end of its slice; under the queue's lock */
    bool preempt;        /* somebody was queued who does not wait for its end; under the queue's lock */
    bool yielding;       /* sched_yield() was called */
    uint32_t balance_at; /* CPU that was compared with last */
    uint32_t home_count; /* vCPUs that began here; boot CPU */
    uint32_t locks_held; /* core/lock_check.c */
};

extern struct cpu *cpus[MAX_CPUS];
extern uint32_t cpu_count;

static inline struct cpu *this_cpu(void)
{
    return arch_this_cpu();
}

/* Core's part of a CPU's structure (zeroed memory), and its entry in cpus[]. Boot CPU. */
void cpu_init(struct cpu *cpu, uint32_t id, uint32_t hardware_id);

/* For interrupt handlers, on their own CPU: what was raised before stays. */
static inline void cpu_note(struct cpu *cpu, uint32_t why)
{
    atomic_fetch_or_explicit(&cpu->attention, why, memory_order_release);
}

/* Makes `cpu` leave its guest or its idle state soon for one of ATTENTION_*; lock-free, any CPU. */
void cpu_raise(struct cpu *cpu, uint32_t why);

/* For all there is to look at. */
void cpu_kick(struct cpu *cpu);
