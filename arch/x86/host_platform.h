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
