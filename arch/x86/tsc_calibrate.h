/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frequencies of TSC and local APIC timer: from CPUID where it says them plausibly, else measured.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/tsc.h"

struct tsc_rates {
    uint64_t tsc_hz;
    uint64_t apic_hz; /* 0: not measured */
    enum tsc_source source;
};

/* 0, or E_TIMEOUT: no reference clock runs. */
MUST_CHECK int tsc_calibrate_rates(const struct acpi_info *acpi, bool want_apic, struct tsc_rates *rates);
