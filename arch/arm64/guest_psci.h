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

/* What guest_psci_call() does where it is more than that. */
void guest_psci_call_slowly(struct arm64_vcpu *vcpu, uint64_t raw);

/* An exit VM_EXIT_HYPERCALL of a loaded vCPU. */
static inline void guest_psci_call(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    uint64_t *x = vcpu->sw.regs.x;
    uint32_t function = (uint32_t)x[0];

    /* SMC traps before it is executed, HVC after. */
    if (exit->length != 0)
        arm64_skip(vcpu, exit->length);
    if ((function == GUEST_PSCI_VERSION || function == SMCCC_VERSION) && (exit->raw & ESR_IMM16) == 0)
        x[0] = GUEST_PSCI_1_1;
    else
        guest_psci_call_slowly(vcpu, exit->raw);
}
