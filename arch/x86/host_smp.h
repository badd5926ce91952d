/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the machine's other CPUs, one after the other, by INIT and start-up IPIs.
 */
#pragma once

#include "core/boot_info.h"

struct x86_cpu;

/* Boot CPU: finds the page below 1 MiB that secondary CPUs start in. */
void host_smp_prepare(const struct boot_info *info);

/* From ap_start.S on the new CPU, on its own stack, interrupts off. */
_Noreturn void host_ap_main(struct x86_cpu *cpu);
