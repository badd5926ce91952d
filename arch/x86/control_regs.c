/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of control register writes ("System-Control Registers", AMD64 APM volume 2; "Control Registers" and
 * "Exceptions
 * ... MOV to Control Registers", Intel SDM volumes 3 and 2), in one place for both vendors.
 */
#include "arch/x86/control_regs.h"

#include "arch/x86/exit.h"
#include "arch/x86/guest_emulate.h"
#include "arch/x86/insn.h"
#include "arch/x86/vcpu_ops.h"
#include "core/vm.h"
#include "lib/error.h"

#define CR0_KNOWN \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_LMSW     FIELD(3, 0)
#define CR3_PCID     FIELD(11, 0)
#define CR3_NO_FLUSH BIT(63)
#define XCR0_X87     BIT(0)
#define XCR0_SSE     BIT(1)
#define XCR0_AVX     BIT(2)
#define XCR0_AVX512  FIELD(7, 5)

static bool cs_is_long(struct x86_vcpu *vcpu)
{
    struct x86_seg segs[X86_SREGS];

    x86_ops->get_segs(vcpu, segs);
    return (segs[X86_CS].attr & X86_SEG_L) != 0;
}

static void flush_translations(struct x86_vcpu *vcpu)
{
    x86_ops->flush_tlb(vcpu);
    insn_cache_flush(&vcpu->insns);
}

int control_set_cr0(struct x86_vcpu *vcpu, uint64_t value)
{
    uint64_t old = x86_ops->get(vcpu, X86_STATE_CR0);
    uint64_t cr4 = x86_ops->get(vcpu, X86_STATE_CR4);
    uint64_t efer = x86_ops->get(vcpu, X86_STATE_EFER);

    if ((value >> 32) != 0)
        return E_INVAL;
    value = (value & CR0_KNOWN) | CR0_ET;
    if ((value & CR0_PG) != 0 && (value & CR0_PE) == 0)
        return E_INVAL;
    if ((value & CR0_NW) != 0 && (value & CR0_CD) == 0)
        return E_INVAL;
    if ((value & CR0_PG) == 0 && (cr4 & CR4_PCIDE) != 0)
        return E_INVAL;
    if (((value ^ old) & CR0_PG) != 0 && (efer & EFER_LME) != 0) {
        if ((value & CR0_PG) != 0) {
            if ((cr4 & CR4_PAE) == 0 || cs_is_long(vcpu))
                return E_INVAL;
            x86_ops->set(vcpu, X86_STATE_EFER, efer | EFER_LMA);
        } else {
            if (cs_is_long(vcpu))
                return E_INVAL;
            x86_ops->set(vcpu, X86_STATE_EFER, efer & ~EFER_LMA);
        }
    }
    x86_ops->set(vcpu, X86_STATE_CR0, value);
    if (((value ^ old) & (CR0_PG | CR0_PE | CR0_WP)) != 0)
        flush_translations(vcpu);
    return 0;
}

int control_set_cr3(struct x86_vcpu *vcpu, uint64_t value)
{
    uint64_t cr4 = x86_ops->get(vcpu, X86_STATE_CR4);

    if ((x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0) {
        if ((cr4 & CR4_PCIDE) != 0)
            value &= ~CR3_NO_FLUSH;
        if ((value >> vcpu->cpuid.phys_bits) != 0)
            return E_INVAL;
    }
    x86_ops->set(vcpu, X86_STATE_CR3, value);
    flush_translations(vcpu);
    return 0;
}

int control_set_cr4(struct x86_vcpu *vcpu, uint64_t value)
{
    uint64_t old = x86_ops->get(vcpu, X86_STATE_CR4);
    bool long_mode = (x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0;

    if ((value & ~vcpu->cpuid.cr4_allowed) != 0)
        return E_INVAL;
    if (long_mode && ((value & CR4_PAE) == 0 || ((value ^ old) & CR4_LA57) != 0))
        return E_INVAL;
    if ((value & CR4_PCIDE) != 0 && (old & CR4_PCIDE) == 0 &&
        (!long_mode || (x86_ops->get(vcpu, X86_STATE_CR3) & CR3_PCID) != 0))
        return E_INVAL;
    x86_ops->set(vcpu, X86_STATE_CR4, value);
    if (((value ^ old) & CR4_OSXSAVE) != 0)
        guest_cpuid_update(&vcpu->cpuid, value);
    if (((value ^ old) & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)) != 0)
        flush_translations(vcpu);
    return 0;
}

int control_set_cr8(struct x86_vcpu *vcpu, uint64_t value)
{
    if ((value & ~FIELD(3, 0)) != 0)
        return E_INVAL;
    vlapic_set_tpr(&vcpu->lapic, (uint8_t)(value << 4));
    x86_ops->set_cr8(vcpu, (uint8_t)value);
    /* What waits for the TPR may go now. */
    (void)inject_post_irq(&vcpu->core.inject.posted);
    return 0;
}

int control_set_efer(struct x86_vcpu *vcpu, uint64_t value)
{
    uint64_t old = x86_ops->get(vcpu, X86_STATE_EFER);

    if ((value & ~(vcpu->cpuid.efer_allowed | EFER_LMA)) != 0)
        return E_INVAL;
    if (((value ^ old) & EFER_LME) != 0 && (x86_ops->get(vcpu, X86_STATE_CR0) & CR0_PG) != 0)
        return E_INVAL;
    /* LMA cannot be written. */
    x86_ops->set(vcpu, X86_STATE_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
    if (((value ^ old) & EFER_NXE) != 0)
        flush_translations(vcpu);
    return 0;
}

int control_set_xcr(struct x86_vcpu *vcpu, uint32_t index, uint64_t value)
{
    if (index != 0 || (value & ~vcpu->cpuid.xcr0_allowed) != 0 || (value & XCR0_X87) == 0)
        return E_INVAL;
    if ((value & XCR0_AVX) != 0 && (value & XCR0_SSE) == 0)
        return E_INVAL;
    if ((value & XCR0_AVX512) != 0 && ((value & XCR0_AVX512) != XCR0_AVX512 || (value & XCR0_AVX) == 0))
        return E_INVAL;
    vcpu->ext.xcr0 = (uint32_t)value;
    /* The vCPU is loaded: its XCR0 lives in the hardware. */
    insn_xsetbv(0, value);
    return 0;
}

static int write_cr(struct x86_vcpu *vcpu, unsigned int number, uint64_t value)
{
    switch (number) {
    case 0:
        return control_set_cr0(vcpu, value);
    case 3:
        return control_set_cr3(vcpu, value);
    case 4:
        return control_set_cr4(vcpu, value);
    case 8:
        return control_set_cr8(vcpu, value);
    default:
        return E_INVAL;
    }
}

void control_handle_exit(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    uint64_t cr0 = x86_ops->get(vcpu, X86_STATE_CR0);
    uint64_t value;
    struct insn insn;
    unsigned int number = exit->u.control.cr;

    if (!x86_decode_current(vcpu, exit, &insn))
        return;
    switch (insn.op) {
    case INSN_MOV_TO_CR:
        number = insn.reg;
        value = vcpu->sw.regs.gpr[insn.rm];
        if (!cs_is_long(vcpu))
            value = (uint32_t)value;
        break;
    case INSN_CLTS:
        value = cr0 & ~CR0_TS;
        break;
    case INSN_LMSW:
        if (!insn.rm_is_reg) {
            vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, "LMSW from memory is not emulated");
            return;
        }
        /* LMSW sets PE but never clears it. */
        value = (cr0 & ~CR0_LMSW) | (vcpu->sw.regs.gpr[insn.rm] & CR0_LMSW) | (cr0 & CR0_PE);
        break;
    default:
        vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, "control register written by an unknown instruction");
        return;
    }
    if (write_cr(vcpu, number, value) != 0)
        x86_raise_error(vcpu, X86_GP, 0);
    else
        x86_skip(vcpu, insn.length);
}
