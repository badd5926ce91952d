/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time-stamp counter as Latch's clock: its frequency, and conversions. Fixed once calibrated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/time.h"
#include "lib/bits.h"

struct acpi_info;

enum tsc_source {
    TSC_SOURCE_NONE,
    TSC_SOURCE_CPUID_CRYSTAL,    /* leaf 0x15 */
    TSC_SOURCE_CPUID_BASE,       /* leaf 0x16 */
    TSC_SOURCE_CPUID_HYPERVISOR, /* leaf 0x40000010 */
    TSC_SOURCE_PM_TIMER,
    TSC_SOURCE_PIT,
};

/*
 * Finds the frequency of the TSC, and of the local APIC's timer unless the CPU offers TSC-deadline mode; the
 * APIC must be enabled. `acpi` tells where the PM timer is. 0, or E_TIMEOUT (no reference clock runs).
 */
MUST_CHECK int tsc_calibrate(const struct acpi_info *acpi);

uint64_t tsc_khz(void);
bool tsc_is_invariant(void);
const char *tsc_source_name(void);

/* The local APIC timer's ticks per second with divider 1; 0 when the deadline mode is used. */
uint64_t tsc_apic_timer_hz(void);

uint64_t tsc_to_ns(uint64_t ticks);
uint64_t tsc_from_ns(uint64_t ns);

/* TSC value at a time of time_now_ns()'s clock; saturates at UINT64_MAX. */
uint64_t tsc_from_time(uint64_t time_ns);
