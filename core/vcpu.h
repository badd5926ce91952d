/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual CPU as core sees it; the architecture's vCPU embeds this as its first member. Owner of everything
 * not marked otherwise: the physical CPU in whose run queue the vCPU is.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch_events.h"
#include "lib/bits.h"
#include "core/run_queue.h"
#include "core/timer.h"

struct vm;

enum vcpu_state {
    VCPU_OFF,      /* waits for INIT/SIPI or CPU_ON */
    VCPU_RUNNABLE, /* in a run queue or running */
    VCPU_BLOCKED,  /* halted until an event */
    VCPU_STOPPED,  /* its VM has ended */
    VCPU_HELD,     /* off its CPU for somebody who looks into it or has paused it: core/inspect.h */
};

/* Bits of vcpu.requests, set from anywhere, cleared by the owner. */
#define VCPU_REQ_EVENT BIT(0) /* look at interrupt controller and posted NMIs again */
#define VCPU_REQ_STOP  BIT(1) /* leave the CPU: the VM ends or resets */
#define VCPU_REQ_INIT  BIT(2) /* architecture's start-up request (INIT, SIPI, CPU_ON) is waiting */
#define VCPU_REQ_HOLD  BIT(3) /* leave the CPU until hold_count is 0 again */
#define VCPU_REQ_TELL  BIT(4) /* report_answer(): say what report_wanted says */
#define VCPU_REQ_DEBUG BIT(5) /* a breakpoint was hit, or a debugger's step may be done */
#define VCPU_REQ_FLUSH BIT(6) /* no nested translation from before may be used: core/nested.h */

/* What wakes a vCPU that waits for its start. */
#define VCPU_REQ_WAKES_OFF (VCPU_REQ_STOP | VCPU_REQ_INIT | VCPU_REQ_HOLD | VCPU_REQ_TELL)

struct vcpu {
    struct vm *vm;
    uint32_t id;                 /* 0..vm->vcpu_count-1 */
    _Atomic uint32_t cpu;        /* index of the physical CPU in whose queue it is, or where it ran last */
    _Atomic uint32_t state;      /* enum vcpu_state; transitions: owner, or whoever wakes it */
    struct cpu *_Atomic loaded;  /* where its registers are, NULL: in memory; written by core/sched.c there */
    _Atomic uint32_t requests;   /* VCPU_REQ_* */
    _Atomic uint32_t hold_count; /* holders, core/inspect.h; any CPU */
    _Atomic uint32_t report_wanted; /* core/report.c; any CPU */
    _Atomic bool in_guest;          /* between the last check of requests and the exit; see vcpu_request() */
    struct queue_entry entry;       /* core/run_queue.h */
    struct timer refill;            /* while its cap keeps it from running */
    uint64_t moved_count;           /* times it was taken to another CPU to run there at once */
    arch_events_t inject;           /* event state: owner only, posting excepted (arch_events.h) */
    uint64_t exit_count;
    uint32_t selftest_count; /* vcpu_events_round_trip() calls */
};

/*
 * Sets request bits, then makes the vCPU see them: wakes it if blocked (an INIT, a hold or the VM's end: also
 * if off), pokes its CPU if it is in its guest elsewhere. Any CPU. Protocol: the poster sets the bit, then
 * reads `state`, `in_guest`, and last `cpu`; the owner writes those in the opposite order, then re-reads the
 * bits.
 */
void vcpu_request(struct vcpu *vcpu, uint32_t requests);

/*
 * An event was posted to a vCPU whose registers are loaded on this CPU, by this CPU outside of the guest: the
 * vCPU looks at what is posted before it enters or blocks, so no request is needed. Wakes it if blocked.
 */
void vcpu_event_here(struct vcpu *vcpu);

/*
 * The owner gives the CPU up until a request arrives (VCPU_BLOCKED), or an INIT (VCPU_OFF). True: the CPU is
 * given up, and another may have the vCPU already. False: a request came in meanwhile and it stays running.
 * Its registers stay loaded. The vCPU that runs on this CPU; no lock held.
 */
bool vcpu_block(struct vcpu *vcpu, enum vcpu_state state);

/* Its VM has ended: the vCPU that runs on this CPU leaves it for good, registers in memory. */
void vcpu_stop(struct vcpu *vcpu);
