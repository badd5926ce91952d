/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TSCs of all CPUs in step with the boot CPU's: measured as each secondary CPU starts, and set where they
 * are not. From then on no conversion knows which CPU it is on, neither of Latch's time nor of a guest's TSC.
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

/*
 * Boot CPU: compares and sets, until the CPU that answers in tsc_sync_follow() is in step. `ahead`: ticks by
 * which it was ahead at first, 0: none that could be seen. 0; E_NOTSUP: it is still not in step, and runs on;
 * E_TIMEOUT: it does not answer.
 */
MUST_CHECK int tsc_sync_lead(int64_t *ahead);

/* The secondary CPU, interrupts off: answers until the boot CPU is done. */
void tsc_sync_follow(void);
