/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host IOAPIC. Inputs are masked until routed. No lock: set up at boot by the boot CPU.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

struct ioapic {
    uintptr_t base; /* register page, mapped uncached */
    uint32_t gsi_base;
    uint32_t pin_count;
};

enum ioapic_delivery {
    IOAPIC_FIXED = 0,
    IOAPIC_NMI = 4,
};

struct ioapic_route {
    enum ioapic_delivery delivery;
    uint8_t vector;
    uint8_t apic_id; /* physical destination */
    bool active_low;
    bool level;
};

/* Reads how many inputs there are and masks them all. */
void ioapic_init(struct ioapic *ioapic, uintptr_t base, uint32_t gsi_base);

/* E_RANGE: the GSI is not one of this IOAPIC's. */
MUST_CHECK int ioapic_route(const struct ioapic *ioapic, uint32_t gsi, struct ioapic_route route);
