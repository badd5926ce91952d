/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest writes of CR0, CR3, CR4, CR8, EFER and XCR0: the architecture's checks, then the effect.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/x86_vcpu.h"
#include "core/vm_exit.h"

/* Each: 0, or E_INVAL if the architecture answers #GP(0); nothing is changed then. */
MUST_CHECK int control_set_cr0(struct x86_vcpu *vcpu, uint64_t value);
MUST_CHECK int control_set_cr3(struct x86_vcpu *vcpu, uint64_t value);
MUST_CHECK int control_set_cr4(struct x86_vcpu *vcpu, uint64_t value);
MUST_CHECK int control_set_cr8(struct x86_vcpu *vcpu, uint64_t value);
MUST_CHECK int control_set_efer(struct x86_vcpu *vcpu, uint64_t value);
MUST_CHECK int control_set_xcr(struct x86_vcpu *vcpu, uint32_t index, uint64_t value);

/* A VM_EXIT_CONTROL_REG: MOV to CRn, CLTS, LMSW. */
void control_handle_exit(struct x86_vcpu *vcpu, struct vm_exit *exit);
