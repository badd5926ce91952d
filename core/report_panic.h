/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a panic says after its first lines: this CPU's registers and vCPU, the other CPUs, exits, log, VMs.
 * The CPU that panics; no lock. A panic in one part goes on with the next.
 */
#pragma once

#include <stdbool.h>

void report_panic(void);

/* For tests of that: the next report faults on the way. */
extern bool report_panic_breaks;
