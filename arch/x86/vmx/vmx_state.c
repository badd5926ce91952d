/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest state in the VMCS. What the CPU demands of CR0 and CR4 in VMX operation is added to the real
 * registers and hidden by the read shadows; caching stays on whatever the guest's CR0 says.
 */
#include "arch/x86/vmx/vmx_state.h"

#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/vlapic.h"
#include "arch/x86/vmx/vmx_insn.h"
#include "core/guest_mem.h"
#include "lib/string.h"

#define CR3_PAE_TABLE   FIELD(31, 5)
#define PDPTE_COUNT     4
#define TPR_CLASS_SHIFT 4

/* Guest-state rows are in the order of enum x86_sreg, then LDTR and TR. */
_Static_assert(VMCS_GUEST_FS_BASE == VMCS_GUEST_ES_BASE + X86_FS * VMCS_STEP, "segment rows");
_Static_assert(VMCS_GUEST_SS_ACCESS == VMCS_GUEST_ES_ACCESS + X86_SS * VMCS_STEP, "segment rows");
#define ROW_LDTR X86_SREGS
#define ROW_TR   (X86_SREGS + 1)

/* Held by the VMCS, as they are. */
static const uint16_t plain_fields[X86_STATE_COUNT] = {
    [X86_STATE_CR3] = VMCS_GUEST_CR3,         [X86_STATE_EFER] = VMCS_GUEST_EFER,
    [X86_STATE_DR7] = VMCS_GUEST_DR7,         [X86_STATE_PAT] = VMCS_GUEST_PAT,
    [X86_STATE_FS_BASE] = VMCS_GUEST_FS_BASE, [X86_STATE_GS_BASE] = VMCS_GUEST_GS_BASE,
};

/* What a guest sees of a register with a read shadow. */
static uint64_t shadowed(uint64_t real, uint64_t mask, uint64_t shadow)
{
    return (real & ~mask) | (shadow & mask);
}

static uint64_t get_parked(struct vmx_vcpu *vmx, enum x86_state which)
{
    bool loaded = vmx_is_loaded(vmx);

    switch (which) {
    case X86_STATE_CR2:
        return loaded ? insn_read_cr2() : vmx->parked.cr2;
    case X86_STATE_DR6:
        return loaded ? insn_read_dr6() : vmx->parked.dr6;
    case X86_STATE_KERNEL_GS_BASE:
        return loaded ? insn_rdmsr(MSR_KERNEL_GS_BASE) : vmx->parked.kernel_gs_base;
    default:
        panic("vmx: no such state: %d", which);
    }
}

uint64_t vmx_get(struct x86_vcpu *vcpu, enum x86_state which)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);
    uint64_t value;

    if (which == X86_STATE_CR0)
        value = shadowed(vmcs_read(VMCS_GUEST_CR0), vmcs_read(VMCS_CR0_MASK), vmcs_read(VMCS_CR0_SHADOW));
    else if (which == X86_STATE_CR4)
        value = shadowed(vmcs_read(VMCS_GUEST_CR4), vmcs_read(VMCS_CR4_MASK), vmcs_read(VMCS_CR4_SHADOW));
    else if (which < X86_STATE_COUNT && plain_fields[which] != 0)
        value = vmcs_read_any(plain_fields[which]);
    else
        value = get_parked(vmx, which);
    vmx_return(vmx, borrowed);
    return value;
}

static void set_parked(struct vmx_vcpu *vmx, enum x86_state which, uint64_t value)
{
    bool loaded = vmx_is_loaded(vmx);

    switch (which) {
    case X86_STATE_CR2:
        vmx->parked.cr2 = value;
        if (loaded)
            insn_write_cr2(value);
        return;
    case X86_STATE_DR6:
        vmx->parked.dr6 = value;
        if (loaded)
            insn_write_dr6(value);
        return;
    case X86_STATE_KERNEL_GS_BASE:
        vmx->parked.kernel_gs_base = value;
        if (loaded)
            insn_wrmsr(MSR_KERNEL_GS_BASE, value);
        return;
    default:
        panic("vmx: no such state: %d", which);
    }
}

static void set_cr0(uint64_t value)
{
    /* Unrestricted guests are excused from PE and PG. */
    uint64_t needed = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);

    vmcs_write(VMCS_CR0_SHADOW, value);
    vmcs_write(VMCS_GUEST_CR0, ((value & ~(CR0_CD | CR0_NW)) | needed) & vmx_features.cr0_fixed1);
}

static void set_cr4(uint64_t value)
{
    vmcs_write(VMCS_CR4_SHADOW, value);
    vmcs_write(VMCS_GUEST_CR4, (value | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1);
}

static void set_efer(uint64_t value)
{
    uint32_t entry = vmx_features.entry;

    vmcs_write64(VMCS_GUEST_EFER, value);
    if ((value & EFER_LMA) != 0)
        entry |= (uint32_t)VMCS_ENTRY_GUEST_64;
    vmcs_write32(VMCS_ENTRY_CONTROLS, entry);
}

void vmx_set(struct x86_vcpu *vcpu, enum x86_state which, uint64_t value)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    if (which == X86_STATE_CR0)
        set_cr0(value);
    else if (which == X86_STATE_CR4)
        set_cr4(value);
    else if (which == X86_STATE_EFER)
        set_efer(value);
    else if (which < X86_STATE_COUNT && plain_fields[which] != 0)
        vmcs_write_any(plain_fields[which], value);
    else
        set_parked(vmx, which, value);
    if (which == X86_STATE_CR0 || which == X86_STATE_CR3 || which == X86_STATE_CR4)
        vmx->pdptes_stale = true;
    vmx_return(vmx, borrowed);
}

static void row_read(uint64_t row, struct x86_seg *seg)
{
    uint64_t access = vmcs_read_any(VMCS_GUEST_ES_ACCESS + row * VMCS_STEP);

    seg->selector = (uint16_t)vmcs_read_any(VMCS_GUEST_ES_SELECTOR + row * VMCS_STEP);
    seg->base = vmcs_read_any(VMCS_GUEST_ES_BASE + row * VMCS_STEP);
    seg->limit = (uint32_t)vmcs_read_any(VMCS_GUEST_ES_LIMIT + row * VMCS_STEP);
    seg->attr = (uint16_t)((access & VMCS_ACCESS_LOW) | (field_get(access, VMCS_ACCESS_HIGH) << 8));
    if ((access & VMCS_ACCESS_UNUSABLE) != 0)
        seg->attr = (uint16_t)(seg->attr & ~X86_SEG_P);
}

static void row_write(uint64_t row, const struct x86_seg *seg)
{
    uint64_t access = (seg->attr & VMCS_ACCESS_LOW) | field_make((uint64_t)seg->attr >> 8, VMCS_ACCESS_HIGH);

    if ((seg->attr & X86_SEG_P) == 0)
        access |= VMCS_ACCESS_UNUSABLE;
    vmcs_write_any(VMCS_GUEST_ES_SELECTOR + row * VMCS_STEP, seg->selector);
    vmcs_write_any(VMCS_GUEST_ES_BASE + row * VMCS_STEP, seg->base);
    vmcs_write_any(VMCS_GUEST_ES_LIMIT + row * VMCS_STEP, seg->limit);
    vmcs_write_any(VMCS_GUEST_ES_ACCESS + row * VMCS_STEP, access);
}

void vmx_get_segs(struct x86_vcpu *vcpu, struct x86_seg segs[X86_SREGS])
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    for (uint64_t row = 0; row < X86_SREGS; row++)
        row_read(row, &segs[row]);
    vmx_return(vmx, borrowed);
}

void vmx_set_seg(struct x86_vcpu *vcpu, enum x86_sreg which, const struct x86_seg *seg)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    row_write(which, seg);
    vmx_return(vmx, borrowed);
}

void vmx_get_table(struct x86_vcpu *vcpu, enum x86_table which, struct x86_seg *table)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    if (which == X86_TABLE_LDTR || which == X86_TABLE_TR)
        row_read(which == X86_TABLE_LDTR ? ROW_LDTR : ROW_TR, table);
    else if (which == X86_TABLE_GDTR)
        *table = (struct x86_seg){.base = vmcs_read(VMCS_GUEST_GDTR_BASE),
                                  .limit = vmcs_read32(VMCS_GUEST_GDTR_LIMIT)};
    else
        *table = (struct x86_seg){.base = vmcs_read(VMCS_GUEST_IDTR_BASE),
                                  .limit = vmcs_read32(VMCS_GUEST_IDTR_LIMIT)};
    vmx_return(vmx, borrowed);
}

void vmx_set_table(struct x86_vcpu *vcpu, enum x86_table which, const struct x86_seg *table)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    if (which == X86_TABLE_LDTR || which == X86_TABLE_TR) {
        row_write(which == X86_TABLE_LDTR ? ROW_LDTR : ROW_TR, table);
    } else if (which == X86_TABLE_GDTR) {
        vmcs_write(VMCS_GUEST_GDTR_BASE, table->base);
        vmcs_write32(VMCS_GUEST_GDTR_LIMIT, table->limit);
    } else {
        vmcs_write(VMCS_GUEST_IDTR_BASE, table->base);
        vmcs_write32(VMCS_GUEST_IDTR_LIMIT, table->limit);
    }
    vmx_return(vmx, borrowed);
}

uint8_t vmx_get_cpl(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);
    uint64_t access = vmcs_read32(VMCS_GUEST_SS_ACCESS);

    vmx_return(vmx, borrowed);
    return (uint8_t)field_get(access, X86_SEG_DPL);
}

uint8_t vmx_get_cr8(struct x86_vcpu *vcpu)
{
    return vmx_vcpu_of(vcpu)->virtual_apic[VIRTUAL_APIC_TPR] >> TPR_CLASS_SHIFT;
}

void vmx_set_cr8(struct x86_vcpu *vcpu, uint8_t cr8)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed;

    if (vmx_get_cr8(vcpu) == cr8)
        return;
    vmx->virtual_apic[VIRTUAL_APIC_TPR] = (uint8_t)(cr8 << TPR_CLASS_SHIFT);
    /* A threshold above the TPR makes the entry fail; the scheduler sets it anew. */
    borrowed = vmx_borrow(vmx);
    vmcs_write32(VMCS_TPR_THRESHOLD, 0);
    vmx_return(vmx, borrowed);
    (void)inject_post_irq(&vcpu->core.inject.posted);
}

struct code_context vmx_code_context(struct x86_vcpu *vcpu)
{
    uint64_t rip = vcpu->sw.regs.rip;
    uint64_t cr3 = vmcs_read(VMCS_GUEST_CR3);
    struct x86_seg cs;

    ASSERT(vmx_is_current(vmx_vcpu_of(vcpu)));
    row_read(X86_CS, &cs);
    if ((vmcs_read64(VMCS_GUEST_EFER) & EFER_LMA) != 0 && (cs.attr & X86_SEG_L) != 0)
        return (struct code_context){.linear = rip, .cr3 = cr3, .mode = INSN_MODE_64};
    return (struct code_context){.linear = (cs.base + rip) & FIELD(31, 0),
                                 .cr3 = cr3,
                                 .mode = (cs.attr & X86_SEG_DB) != 0 ? INSN_MODE_32 : INSN_MODE_16};
}

void vmx_flush_tlb(struct x86_vcpu *vcpu)
{
    vmx_vcpu_of(vcpu)->flush = true;
}

void vmx_set_tsc_offset(struct x86_vcpu *vcpu, uint64_t offset)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);

    vmcs_write64(VMCS_TSC_OFFSET, offset);
    vmx_return(vmx, borrowed);
}

/* A table outside memory reads as not present, as all ones would on the bus: the guest's next access faults.
 */
void vmx_load_pdptes(struct vmx_vcpu *vmx)
{
    uint64_t pdptes[PDPTE_COUNT] = {0};
    uint64_t table = vmcs_read(VMCS_GUEST_CR3) & CR3_PAE_TABLE;

    vmx->pdptes_stale = false;
    if ((vmcs_read(VMCS_GUEST_CR0) & CR0_PG) == 0 || (vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) == 0 ||
        (vmcs_read64(VMCS_GUEST_EFER) & EFER_LMA) != 0)
        return;
    if (guest_read(vmx->x86.core.vm, gpa(table), pdptes, sizeof(pdptes)) != 0)
        memset(pdptes, 0, sizeof(pdptes));
    for (uint64_t i = 0; i < PDPTE_COUNT; i++)
        vmcs_write_any(VMCS_GUEST_PDPTE0 + i * VMCS_STEP, (pdptes[i] & BIT(0)) != 0 ? pdptes[i] : 0);
}
