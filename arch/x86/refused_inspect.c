/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why hardware refuses to enter a guest, as far as it can be told: what both vendors check about its state,
 * here, and the vendor's own. AMD64 APM volume 2, "Canonicalization and Consistency Checks"; Intel SDM volume
 * 3, "Checks on the Guest State Area".
 */
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_inspect.h"
#include "arch/x86/x86_vm.h"
#include "core/arch.h"
#include "lib/error.h"
#include "lib/printf.h"

static const char *const names[] = {
    "CR0.PG without CR0.PE",
    "CR0.NW without CR0.CD",
    "CR0 has a bit above 31",
    "CR4 has a bit that this CPU does not let guests set",
    "CR3 has a bit above physical addresses",
    "EFER.LMA is not EFER.LME and CR0.PG",
    "long mode without CR4.PAE",
    "CS has both L and D in long mode",
    "RFLAGS bit 1 is 0",
    "RFLAGS.VM in long mode",
    "DR6 or DR7 has a bit above 31",
    "RIP above 4 GiB outside 64-bit code",
};

/* Bit n: names[n]. */
static uint32_t faults_of(struct x86_vcpu *vcpu)
{
    uint64_t cr0 = x86_ops->get(vcpu, X86_STATE_CR0);
    uint64_t cr4 = x86_ops->get(vcpu, X86_STATE_CR4);
    uint64_t efer = x86_ops->get(vcpu, X86_STATE_EFER);
    uint64_t debug = x86_ops->get(vcpu, X86_STATE_DR6) | x86_ops->get(vcpu, X86_STATE_DR7);
    uint64_t rflags = vcpu->sw.regs.rflags;
    bool is_long = (efer & EFER_LMA) != 0;
    struct x86_seg segs[X86_SREGS];
    uint32_t cs;

    x86_ops->get_segs(vcpu, segs);
    cs = segs[X86_CS].attr;
    const bool faults[] = {
        (cr0 & CR0_PG) != 0 && (cr0 & CR0_PE) == 0,
        (cr0 & CR0_NW) != 0 && (cr0 & CR0_CD) == 0,
        cr0 >> 32 != 0,
        (cr4 & ~vcpu->cpuid.cr4_allowed) != 0,
        (x86_ops->get(vcpu, X86_STATE_CR3) & FIELD(62, 0)) >> vcpu->cpuid.phys_bits != 0,
        is_long != ((efer & EFER_LME) != 0 && (cr0 & CR0_PG) != 0),
        is_long && (cr4 & CR4_PAE) == 0,
        is_long && (cs & X86_SEG_L) != 0 && (cs & X86_SEG_DB) != 0,
        (rflags & RFLAGS_ONE) == 0,
        is_long && (rflags & RFLAGS_VM) != 0,
        debug >> 32 != 0,
        (!is_long || (cs & X86_SEG_L) == 0) && vcpu->sw.regs.rip >> 32 != 0,
    };
    uint32_t found = 0;

    _Static_assert(ARRAY_COUNT(faults) == ARRAY_COUNT(names), "a name for each");
    for (uint32_t i = 0; i < ARRAY_COUNT(faults); i++)
        found |= (uint32_t)faults[i] << i;
    return found;
}

bool x86_refused_line(struct vcpu *core, uint32_t line, char *text, size_t size)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    const char *own = x86_ops->refused(vcpu);
    uint32_t found = faults_of(vcpu);

    if (own != NULL && line-- == 0) {
        fmt_snprintf(text, size, "%s", own);
        return true;
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++)
        if ((found & BIT(i)) != 0 && line-- == 0) {
            fmt_snprintf(text, size, "%s", names[i]);
            return true;
        }
    return false;
}
