/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC that Latch runs on: ACPI, clock, interrupt controllers, console interrupt; and how it is turned off.
 */
#pragma once

#include "core/boot_info.h"
#include "drivers/acpi.h"

/* What ACPI told; filled by host_platform_init(), constant afterwards. */
extern struct acpi_info host_acpi;

/* Boot CPU, once, on the final page tables. Ends in a panic where the machine lacks what Latch cannot do
 * without. */
void host_platform_init(const struct boot_info *info);

/* The local interrupt pins (bit n: LINTn) through which the CPU with this APIC ID gets NMIs. */
uint32_t host_platform_nmi_pins(uint32_t apic_id);
