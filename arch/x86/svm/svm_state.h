/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to the guest state in the VMCB; the contracts are those of struct vcpu_ops.
 */
#pragma once

#include "arch/x86/svm/svm.h"
#include "arch/x86/vcpu_ops.h"

/* Power-on values ("Processor Initialization State", AMD64 APM volume 2). */
void svm_state_reset(struct svm_vcpu *svm);

uint64_t svm_get(struct x86_vcpu *vcpu, enum x86_state which);
void svm_set(struct x86_vcpu *vcpu, enum x86_state which, uint64_t value);
void svm_get_segs(struct x86_vcpu *vcpu, struct x86_seg segs[X86_SREGS]);
void svm_set_seg(struct x86_vcpu *vcpu, enum x86_sreg which, const struct x86_seg *seg);
void svm_get_table(struct x86_vcpu *vcpu, enum x86_table which, struct x86_seg *table);
void svm_set_table(struct x86_vcpu *vcpu, enum x86_table which, const struct x86_seg *table);
uint8_t svm_get_cpl(struct x86_vcpu *vcpu);
uint8_t svm_get_cr8(struct x86_vcpu *vcpu);
void svm_set_cr8(struct x86_vcpu *vcpu, uint8_t cr8);
