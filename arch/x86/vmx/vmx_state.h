/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to the guest state in the VMCS; the contracts are those of struct vcpu_ops.
 */
#pragma once

#include "arch/x86/vcpu_ops.h"
#include "arch/x86/vmx/vmx.h"

uint64_t vmx_get(struct x86_vcpu *vcpu, enum x86_state which);
void vmx_set(struct x86_vcpu *vcpu, enum x86_state which, uint64_t value);
void vmx_get_segs(struct x86_vcpu *vcpu, struct x86_seg segs[X86_SREGS]);
void vmx_set_seg(struct x86_vcpu *vcpu, enum x86_sreg which, const struct x86_seg *seg);
void vmx_get_table(struct x86_vcpu *vcpu, enum x86_table which, struct x86_seg *table);
void vmx_set_table(struct x86_vcpu *vcpu, enum x86_table which, const struct x86_seg *table);
uint8_t vmx_get_cpl(struct x86_vcpu *vcpu);
uint8_t vmx_get_cr8(struct x86_vcpu *vcpu);
void vmx_set_cr8(struct x86_vcpu *vcpu, uint8_t cr8);
struct code_context vmx_code_context(struct x86_vcpu *vcpu);
void vmx_flush_tlb(struct x86_vcpu *vcpu);
void vmx_set_tsc_offset(struct x86_vcpu *vcpu, uint64_t offset);

/* With the VMCS current, before an entry: the four PDPTEs of a guest in PAE paging, as a load of CR3 does. */
void vmx_load_pdptes(struct vmx_vcpu *vmx);
