/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generic timer: the physical counter is the clock, CNTHP (EL2's own timer) the CPU's one-shot timer. The
 * guests' timers are not here.
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

/* Reads the frequency: 0, or E_NOTSUP if the firmware left none. Boot CPU, once. */
MUST_CHECK int host_timer_init(void);

/* The calling CPU's timer off, counter reads allowed. */
void host_timer_cpu_init(void);

/* Hz of the counter. */
uint64_t host_timer_frequency(void);

/* Counter values and core's time: ns since boot. Counts are rounded up, so that nothing is early; UINT64_MAX
 * stays itself. */
uint64_t host_timer_to_ns(uint64_t count);
uint64_t host_timer_from_ns(uint64_t ns);

/* CNTPCT_EL0 now, not read ahead of time. */
uint64_t host_timer_count(void);

/* The timer's interrupt has come: true if the deadline is over. Masks the timer. */
void host_timer_stop(void);
