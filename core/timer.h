/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers. A timer belongs to the physical CPU that armed it last; expiry runs in that CPU's loop
 * between guest entries, never in interrupt context, so it may call anything that an exit handler may.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

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

/* (Re)arms for an absolute time on the calling CPU; a deadline in the past expires at the next loop. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
void timer_cancel(struct timer *timer);
bool timer_is_armed(const struct timer *timer);
