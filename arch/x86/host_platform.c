/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brings up the boot CPU's surroundings in the order in which they need each other.
 */
#include "arch/x86/host_platform.h"

#include "arch/x86/cpu.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/host_map.h"
#include "arch/x86/tsc.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"

struct acpi_info host_acpi;

static void clock_init(void)
{
    if (host_apic_init() != 0)
        panic("this machine has no local APIC, or the firmware disabled it");
    host_apic_enable();
    boot_cpu_area.cpu.base.hardware_id = host_apic_id();
    if (tsc_calibrate(&host_acpi) != 0)
        panic("no clock to measure the TSC with: neither the ACPI PM timer nor the 8254 runs");
    host_apic_timer_setup(tsc_apic_timer_hz());
}

void host_platform_init(const struct boot_info *info)
{
    (void)info;
    clock_init();
}

void arch_machine_poweroff(void)
{
}

void arch_machine_reset(void)
{
}
