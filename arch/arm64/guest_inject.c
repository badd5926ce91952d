/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Arm ARM, shared pseudocode "AArch64.TakeException". */
#include "arch/arm64/guest_inject.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/sysregs.h"

#define VECTOR_CURRENT_SP0 0x000
#define VECTOR_CURRENT_SPX 0x200
#define VECTOR_LOWER_64    0x400
#define VECTOR_LOWER_32    0x600

static bool from_el0(const struct arm64_vcpu *vcpu)
{
    uint64_t pstate = vcpu->sw.regs.pstate;

    return (pstate & PSTATE_NRW) != 0 || (pstate & PSTATE_EL) == 0;
}

static uint64_t vector_offset(uint64_t pstate)
{
    if ((pstate & PSTATE_NRW) != 0)
        return VECTOR_LOWER_32;
    if ((pstate & PSTATE_EL) == 0)
        return VECTOR_LOWER_64;
    return (pstate & PSTATE_SP) != 0 ? VECTOR_CURRENT_SPX : VECTOR_CURRENT_SP0;
}

/* PSTATE of a handler at EL1; flags and DIT stay, the rest is as the exception makes it. */
static uint64_t handler_pstate(uint64_t old, uint64_t sctlr)
{
    uint64_t pstate = PSTATE_EL1H | PSTATE_DAIF;

    /* An AArch32 DIT is elsewhere (bit 21), and has no meaning for the handler. */
    if ((old & PSTATE_NRW) == 0)
        pstate |= old & (PSTATE_DIT | PSTATE_PAN);
    pstate |= old & PSTATE_NZCV;
    if ((sctlr & SCTLR1_SPAN) == 0)
        pstate |= PSTATE_PAN;
    if ((sctlr & SCTLR1_DSSBS) != 0)
        pstate |= PSTATE_SSBS;
    return pstate;
}

void guest_inject_sync(struct arm64_vcpu *vcpu, uint64_t syndrome)
{
    struct arm64_regs *regs = &vcpu->sw.regs;

    SYSREG_WRITE(esr_el1, syndrome);
    SYSREG_WRITE(elr_el1, regs->pc);
    SYSREG_WRITE(spsr_el1, regs->pstate);
    regs->pc = SYSREG_READ(vbar_el1) + vector_offset(regs->pstate);
    regs->pstate = handler_pstate(regs->pstate, SYSREG_READ(sctlr_el1));
}

void guest_inject_undefined(struct arm64_vcpu *vcpu)
{
    vcpu->core.inject.undefined_count++;
    guest_inject_sync(vcpu, ESR_OF_CLASS(ESR_EC_UNKNOWN) | ESR_IL_32BIT);
}

void guest_inject_external_abort(struct arm64_vcpu *vcpu, uint64_t esr, uint64_t far)
{
    bool is_fetch = ESR_CLASS(esr) == ESR_EC_IABT_LOW;
    uint64_t class = is_fetch ? ESR_EC_IABT_CUR : ESR_EC_DABT_CUR;
    uint64_t status = ESR_STATUS_EXTERNAL;

    if (from_el0(vcpu))
        class = is_fetch ? ESR_EC_IABT_LOW : ESR_EC_DABT_LOW;
    /* Of a walk: the level that it had reached is the fault's. */
    if ((esr & ESR_ABORT_S1PTW) != 0)
        status = ESR_STATUS_WALK | (esr & ESR_ABORT_STATUS & ~ESR_STATUS_KIND);
    vcpu->core.inject.abort_count++;
    SYSREG_WRITE(far_el1, far);
    guest_inject_sync(vcpu, ESR_OF_CLASS(class) | (esr & ESR_IL_32BIT) |
                                (is_fetch ? 0 : esr & (ESR_ABORT_WRITE | ESR_ABORT_CM)) | status);
}

void guest_inject_serror(struct arm64_vcpu *vcpu)
{
    (void)vcpu;
    SYSREG_WRITE(hcr_el2, SYSREG_READ(hcr_el2) | HCR_VSE);
}
