/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System registers whose accesses trap: identification, software-generated interrupts, physical timer, debug.
 * What is not offered is undefined, as on a CPU that does not have it.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "core/vm_exit.h"

/* Exits VM_EXIT_SYSREG_READ and VM_EXIT_SYSREG_WRITE of a loaded vCPU. */
void guest_sysreg_read(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
void guest_sysreg_write(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
