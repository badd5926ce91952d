/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's battery clock (MC146818), for the guests' clocks.
 */
#pragma once

#include <stdint.h>

/* Seconds since 1970 UTC, now; 0 if the clock gives no valid date. */
uint64_t cmos_clock_utc(void);
