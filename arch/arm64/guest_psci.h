/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What guests find behind HVC and SMC: the SMC Calling Convention (Arm DEN0028), and of its services the
 * Power State Coordination Interface (Arm DEN0022), version 1.1. Everything else is "not supported".
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "core/vm_exit.h"

/* An exit VM_EXIT_HYPERCALL of a loaded vCPU. */
void guest_psci_call(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
