/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power-off and reset by the firmware's PSCI; there is no other way that all boards have.
 */
#include "arch/arm64/host_console.h"
#include "arch/arm64/psci.h"
#include "core/arch.h"

void arch_machine_poweroff(void)
{
    host_console_drain();
    psci_system_off();
}

void arch_machine_reset(void)
{
    host_console_drain();
    psci_system_reset();
}
