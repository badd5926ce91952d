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

struct vcpu;

struct cpu {
    struct cpu *self;     /* must stay first: read through the per-CPU base register */
    uint32_t id;          /* 0..cpu_count-1, 0 is the boot CPU */
    uint32_t hardware_id; /* APIC ID, MPIDR affinity */
    _Atomic uint32_t
        attention;        /* not 0: leave the inner run loop; set by interrupt handlers and other CPUs */
    struct vcpu *current; /* the vCPU whose registers are loaded here, NULL: none */
    bool choosing;        /* in sched_loop() and about to look at run_queue: no need to be told of it */
    struct spinlock timer_lock;   /* protects timers: models may cancel from other CPUs */
    struct list_node timers;      /* armed timers by deadline */
    uint64_t timer_programmed_ns; /* what the hardware timer is set to; UINT64_MAX: off */
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

/* Makes `cpu` leave its guest or its idle state soon; lock-free, any CPU. */
void cpu_kick(struct cpu *cpu);
