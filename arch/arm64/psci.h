/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the firmware below us, by the Power State Coordination Interface (Arm DEN0022), version 0.2 and
 * later. Guests' PSCI is not here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

enum psci_method {
    PSCI_NONE,
    PSCI_SMC,
    PSCI_HVC,
};

/* Function numbers, SMC64 where there is one. */
#define PSCI_VERSION       0x84000000
#define PSCI_CPU_ON        0xc4000003
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_SYSTEM_OFF    0x84000008
#define PSCI_SYSTEM_RESET  0x84000009

#define PSCI_SUCCESS           0
#define PSCI_NOT_SUPPORTED     (-1)
#define PSCI_INVALID_PARAMETER (-2)
#define PSCI_DENIED            (-3)
#define PSCI_ALREADY_ON        (-4)

/* How to call it; boot CPU, once. */
void psci_init(enum psci_method method);
bool psci_is_present(void);

/* "PSCI 1.1 by smc"; major << 16 | minor, 0 without PSCI. */
uint32_t psci_version(void);
const char *psci_method_name(void);

/* Starts the CPU at `entry` (physical, EL2, MMU off) with x0 = context. PSCI_SUCCESS or an error above. */
MUST_CHECK int32_t psci_cpu_on(uint64_t mpidr, hpa_t entry, uint64_t context);

/* Both return only if the firmware refuses. */
void psci_system_off(void);
void psci_system_reset(void);
