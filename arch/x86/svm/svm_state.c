/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest state in the VMCB. EFER.SVME is always set there, as VMRUN demands, and hidden from everybody above.
 */
#include "arch/x86/svm/svm_state.h"

#include "arch/x86/msr.h"
#include "lib/assert.h"

#define RESET_CR0 (CR0_ET | CR0_NW | CR0_CD)
#define RESET_DR6 UINT64_C(0xffff0ff0)
#define RESET_DR7 UINT64_C(0x400)
#define RESET_EDX UINT64_C(0x00000f00)        /* family 15: only old software reads it */
#define ATTR_DATA (X86_SEG_P | X86_SEG_S | 3) /* read/write, accessed */
#define ATTR_CODE (X86_SEG_P | X86_SEG_S | 11)
#define ATTR_LDT  (X86_SEG_P | 2)
#define ATTR_TSS  (X86_SEG_P | 11) /* 32-bit, busy */
#define LIMIT_16  0xffffu

static struct x86_seg *seg_of(struct vmcb *vmcb, enum x86_sreg which)
{
    switch (which) {
    case X86_ES:
        return &vmcb->es;
    case X86_CS:
        return &vmcb->cs;
    case X86_SS:
        return &vmcb->ss;
    case X86_DS:
        return &vmcb->ds;
    case X86_FS:
        return &vmcb->fs;
    case X86_GS:
    case X86_SREGS:
        break;
    }
    ASSERT(which == X86_GS);
    return &vmcb->gs;
}

static struct x86_seg *table_of(struct vmcb *vmcb, enum x86_table which)
{
    switch (which) {
    case X86_TABLE_GDTR:
        return &vmcb->gdtr;
    case X86_TABLE_IDTR:
        return &vmcb->idtr;
    case X86_TABLE_LDTR:
        return &vmcb->ldtr;
    case X86_TABLE_TR:
    case X86_TABLES:
        break;
    }
    ASSERT(which == X86_TABLE_TR);
    return &vmcb->tr;
}

void svm_state_reset(struct svm_vcpu *svm)
{
    struct vmcb *vmcb = svm->vmcb;
    struct x86_regs *regs = &svm->x86.sw.regs;
    const struct x86_seg data = {.attr = ATTR_DATA, .limit = LIMIT_16};

    *regs = (struct x86_regs){.rip = 0xfff0, .rflags = RFLAGS_ONE};
    regs->gpr[X86_RDX] = RESET_EDX;
    for (enum x86_sreg s = X86_ES; s < X86_SREGS; s++)
        *seg_of(vmcb, s) = data;
    vmcb->cs = (struct x86_seg){.selector = 0xf000, .attr = ATTR_CODE, .limit = LIMIT_16, .base = 0xffff0000};
    vmcb->gdtr = (struct x86_seg){.limit = LIMIT_16};
    vmcb->idtr = (struct x86_seg){.limit = LIMIT_16};
    vmcb->ldtr = (struct x86_seg){.attr = ATTR_LDT, .limit = LIMIT_16};
    vmcb->tr = (struct x86_seg){.attr = ATTR_TSS, .limit = LIMIT_16};
    vmcb->cr0 = RESET_CR0;
    vmcb->efer = EFER_SVME;
    vmcb->dr6 = RESET_DR6;
    vmcb->dr7 = RESET_DR7;
    vmcb->rflags = regs->rflags;
    vmcb->g_pat = PAT_RESET;
    vmcb_dirty(vmcb, VMCB_CLEAN_ALL);
}

uint64_t svm_get(struct x86_vcpu *vcpu, enum x86_state which)
{
    const struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    switch (which) {
    case X86_STATE_CR0:
        return vmcb->cr0;
    case X86_STATE_CR2:
        return vmcb->cr2;
    case X86_STATE_CR3:
        return vmcb->cr3;
    case X86_STATE_CR4:
        return vmcb->cr4;
    case X86_STATE_EFER:
        return vmcb->efer & ~EFER_SVME;
    case X86_STATE_DR6:
        return vmcb->dr6;
    case X86_STATE_DR7:
        return vmcb->dr7;
    case X86_STATE_PAT:
        return vmcb->g_pat;
    case X86_STATE_FS_BASE:
        return vmcb->fs.base;
    case X86_STATE_GS_BASE:
        return vmcb->gs.base;
    case X86_STATE_KERNEL_GS_BASE:
        return vmcb->kernel_gs_base;
    case X86_STATE_COUNT:
        break;
    }
    panic("svm: no such state: %d", which);
}

void svm_set(struct x86_vcpu *vcpu, enum x86_state which, uint64_t value)
{
    struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    switch (which) {
    case X86_STATE_CR0:
        vmcb_set_cr0(vmcb, value);
        return;
    case X86_STATE_CR2:
        svm_set_cr2(svm_vcpu_of(vcpu), value);
        return;
    case X86_STATE_CR3:
        vmcb_set_cr3(vmcb, value);
        return;
    case X86_STATE_CR4:
        vmcb_set_cr4(vmcb, value);
        return;
    case X86_STATE_EFER:
        vmcb_set_efer(vmcb, value | EFER_SVME);
        return;
    case X86_STATE_DR6:
        vmcb_set_dr6(vmcb, value);
        return;
    case X86_STATE_DR7:
        vmcb_set_dr7(vmcb, value);
        return;
    case X86_STATE_PAT:
        vmcb_set_g_pat(vmcb, value);
        return;
    case X86_STATE_FS_BASE:
        vmcb->fs.base = value;
        return;
    case X86_STATE_GS_BASE:
        vmcb->gs.base = value;
        return;
    case X86_STATE_KERNEL_GS_BASE:
        vmcb->kernel_gs_base = value;
        return;
    case X86_STATE_COUNT:
        break;
    }
    panic("svm: no such state: %d", which);
}

void svm_get_segs(struct x86_vcpu *vcpu, struct x86_seg segs[X86_SREGS])
{
    struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    for (enum x86_sreg s = X86_ES; s < X86_SREGS; s++)
        segs[s] = *seg_of(vmcb, s);
}

void svm_set_seg(struct x86_vcpu *vcpu, enum x86_sreg which, const struct x86_seg *seg)
{
    struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    *seg_of(vmcb, which) = *seg;
    if (which == X86_SS)
        vmcb->cpl = (uint8_t)field_get(seg->attr, X86_SEG_DPL);
    vmcb_dirty(vmcb, VMCB_CLEAN_SEG);
}

void svm_get_table(struct x86_vcpu *vcpu, enum x86_table which, struct x86_seg *table)
{
    *table = *table_of(svm_vcpu_of(vcpu)->vmcb, which);
}

void svm_set_table(struct x86_vcpu *vcpu, enum x86_table which, const struct x86_seg *table)
{
    struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    *table_of(vmcb, which) = *table;
    vmcb_dirty(vmcb, VMCB_CLEAN_DT);
}

uint8_t svm_get_cpl(struct x86_vcpu *vcpu)
{
    return svm_vcpu_of(vcpu)->vmcb->cpl;
}

uint8_t svm_get_cr8(struct x86_vcpu *vcpu)
{
    return (uint8_t)field_get(svm_vcpu_of(vcpu)->vmcb->int_ctl, VMCB_V_TPR);
}

void svm_set_cr8(struct x86_vcpu *vcpu, uint8_t cr8)
{
    struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;

    vmcb_set_int_ctl(vmcb, field_set(vmcb->int_ctl, VMCB_V_TPR, cr8));
}
