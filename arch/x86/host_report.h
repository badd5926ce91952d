/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The self-check that Latch prints once at boot, made to be pasted into a bug report: what build, what
 * machine, what was found on it. The virtualization back end adds its own lines later.
 */
#pragma once

#include "core/boot_info.h"

void host_report_print(const struct boot_info *info);
