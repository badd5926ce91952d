/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to guest-physical addresses without RAM: devices, or nothing, which answers with an external
 * abort.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "core/vm_exit.h"

/* An exit VM_EXIT_MMIO of a loaded vCPU. Finishes the instruction, raises the abort, lets the guest try
 * again, or ends the VM with one record. */
void guest_mmio_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
