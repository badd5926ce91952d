/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's battery clock (MC146818), read once for the guests' clocks.
 */
#pragma once

#include <stdint.h>

/* Seconds since 1970 UTC at the time when time_now_ns() was 0; 0 if the clock gives no valid date. */
uint64_t cmos_clock_boot_utc(void);
