/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests find behind HVC and SMC: the SMC Calling Convention (Arm DEN0028), and of its services the
 * Power State Coordination Interface (Arm DEN0022), version 1.1. Everything else is "not supported".
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/esr.h"
#include "core/vm_exit.h"

/* The two questions for versions have the same answer, 1.1. */
#define GUEST_PSCI_VERSION UINT32_C(0x84000000)
#define SMCCC_VERSION      UINT32_C(0x80000000)
#define GUEST_PSCI_1_1     UINT64_C(0x10001)

/* An exit VM_EXIT_HYPERCALL of a loaded vCPU. */
void guest_psci_call(struct arm64_vcpu *vcpu, const struct vm_exit *exit);

/* HVC with what is asked most, the version, answered at once. False: nothing was done. */
static inline bool guest_psci_at_once(struct arm64_vcpu *vcpu, uint64_t esr)
{
    uint64_t *x = vcpu->sw.regs.x;
    uint32_t function = (uint32_t)x[0];

    if ((function != GUEST_PSCI_VERSION && function != SMCCC_VERSION) || (esr & ESR_IMM16) != 0)
        return false;
    x[0] = GUEST_PSCI_1_1;
    return true;
}
