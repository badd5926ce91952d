/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers as the guest sees them: those that exit. docs/cpuid.md lists them.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/x86_vcpu.h"

/* 0, or E_INVAL: the architecture's answer is #GP(0). */
MUST_CHECK int guest_msr_read(struct x86_vcpu *vcpu, uint32_t msr, uint64_t *value);
MUST_CHECK int guest_msr_write(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value);

/* Power-on values. */
void guest_msr_reset(struct x86_msr_store *store);
