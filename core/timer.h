/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers. A timer belongs to the physical CPU that armed it last; expiry runs in that CPU's loop
 * between guest entries, never in interrupt context, so it may call anything that an exit handler may.
 *
 * Whoever owns a timer serialises arming and cancelling it (a device model: by its VM's device lock). Expiry
 * runs outside of that lock and takes it; since another CPU may cancel or re-arm meanwhile, expire() looks at
 * the model's own state under the lock and does nothing if nothing is due.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

struct cpu;
struct timer;

struct timer_ops {
    /* Called once after the deadline has passed; the timer is disarmed and may be armed again from here. */
    void (*expire)(struct timer *timer);
};

struct timer {
    const struct timer_ops *ops;
    struct list_node node; /* in the owning CPU's queue, sorted by deadline; self-linked when not armed */
    uint64_t deadline_ns;
    uint32_t cpu; /* owner, meaningful while armed */
};

void timer_init(struct timer *timer, const struct timer_ops *ops);

/* (Re)arms for an absolute time on the calling CPU; a deadline in the past expires at the next look. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
void timer_cancel(struct timer *timer); /* any CPU; no effect when not armed */
static inline bool timer_is_armed(const struct timer *timer)
{
    return !list_is_empty(&timer->node);
}

/* Runs what is due on this CPU, then programs the hardware for what comes next; the time when it began. Own
 * CPU, in its loop or between exit and entry. */
uint64_t timers_expire(struct cpu *cpu);

/* Deadline of the earliest timer armed on `cpu`, UINT64_MAX: none. */
uint64_t timers_next_deadline(struct cpu *cpu);
