/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine that Latch runs on: clock, firmware, interrupt controller, console interrupt; how it is turned
 * off; and the lines that say what was found.
 */
#pragma once

#include "boot/arm64/devicetree.h"
#include "core/boot_info.h"

/* What the device tree told; filled by boot/arm64, constant afterwards. */
extern struct devicetree host_devices;

/* Boot CPU, once, on the final page tables. Ends in a panic where the machine lacks what Latch cannot do
 * without. */
void host_platform_init(const struct boot_info *info);

/* Self-check lines, one group of facts a line. */
void host_report_print(const struct boot_info *info);
