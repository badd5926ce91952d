/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug exceptions of a guest that somebody debugs: whose they are, and what follows. One instruction at a
 * time runs between two calls of arm64_debug_arm() where the hardware steps: for the debugger, past a point,
 * or because the guest steps itself. The guest's own step state (Arm ARM, "Software Step exceptions") is
 * followed from instruction to instruction: `own_ss` is the PSTATE.SS that its CPU would have.
 */
#include "arch/arm64/arm64_debug.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_inject.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/vm.h"

#define MDSCR_EL1 ESR_SYSREG(2, 0, 0, 2, 2)

/* Op2 of DBG?R<n>_EL1, (2, 0, 0, n, Op2) */
#define OP2_BVR 4
#define OP2_BCR 5
#define OP2_WVR 6
#define OP2_WCR 7

#define INSN_ERET        UINT32_C(0xd69f03e0)
#define INSN_ERETAA      UINT32_C(0xd69f0bff)
#define INSN_ERETAB      UINT32_C(0xd69f0fff)
#define INSN_MRS_ICC     UINT32_C(0xd538c000) /* MRS Xt, S3_0_C12_* */
#define INSN_MRS_ICC_MSK UINT32_C(0xfffff000)

#define VECTORS_SIZE 0x800
#define VECTOR_SIZE  0x80

/* Where the guest's code at `pc` is. PAR_EL1 is the guest's. A read by EL1 may read what EL0 executes. */
static bool code_at(uint64_t pc, gpa_t *at)
{
    uint64_t saved = SYSREG_READ(par_el1);
    uint64_t par;

    insn_at_s1e1r(pc);
    insn_isb();
    par = SYSREG_READ(par_el1);
    SYSREG_WRITE(par_el1, saved);
    *at = gpa((par & PAR_PA) | (pc & (PAGE_SIZE - 1)));
    return (par & PAR_F) == 0;
}

static bool is_el0(uint64_t pstate)
{
    return (pstate & PSTATE_NRW) != 0 || (pstate & PSTATE_EL) == 0;
}

/* Natively, debug exceptions other than BRK are taken here. */
static bool are_own_open(const struct arm64_vcpu *vcpu, uint64_t pstate)
{
    return is_el0(pstate) || ((vcpu->sys.mdscr & MDSCR_KDE) != 0 && (pstate & PSTATE_D) == 0);
}

static bool steps_itself(const struct arm64_vcpu *vcpu, uint64_t pstate)
{
    return (vcpu->sys.mdscr & MDSCR_SS) != 0 && are_own_open(vcpu, pstate);
}

void arm64_debug_arm(struct arm64_vcpu *vcpu)
{
    struct arm64_debugger *debugger = &vcpu->debugger;
    struct arm64_regs *regs = &vcpu->sw.regs;
    uint32_t insn = 0;
    gpa_t at;

    debugger->rearm = false;
    debugger->at_access = false;
    debugger->before_pc = regs->pc;
    debugger->before_pstate = regs->pstate;
    if ((regs->pstate & PSTATE_NRW) != 0 || !code_at(regs->pc, &at) ||
        guest_read(vcpu->core.vm, at, &insn, sizeof(insn)) != 0)
        insn = 0; /* the fetch will fault, or it is none that matters */
    debugger->at_eret = insn == INSN_ERET || insn == INSN_ERETAA || insn == INSN_ERETAB;
    debugger->at_acknowledge = (insn & INSN_MRS_ICC_MSK) == INSN_MRS_ICC;
    /* 0 makes the CPU step at once, before any instruction: the guest's own step that is due. */
    regs->pstate |= PSTATE_SS;
    if (steps_itself(vcpu, regs->pstate) && !debugger->own_ss)
        regs->pstate &= ~PSTATE_SS;
    arm64_debug_program(vcpu);
}

/* --- The guest's own exceptions
 * -------------------------------------------------------------------------------- */

/* `iss` with the class for the level it comes from. */
static void inject_own(struct arm64_vcpu *vcpu, uint64_t class, uint64_t iss)
{
    struct arm64_debugger *debugger = &vcpu->debugger;
    uint64_t *pstate = &vcpu->sw.regs.pstate;

    if (class < ESR_EC_BKPT32 && !is_el0(*pstate))
        class ++;
    *pstate = (*pstate & ~PSTATE_SS) | (debugger->own_ss ? PSTATE_SS : 0);
    guest_inject_sync(vcpu, ESR_OF_CLASS(class) | iss);
    debugger->own_ss = false;
}

/* One instruction lies behind: what the guest's own stepping makes of it. */
static void follow_own_step(struct arm64_vcpu *vcpu, uint64_t esr)
{
    struct arm64_debugger *debugger = &vcpu->debugger;
    const struct arm64_regs *regs = &vcpu->sw.regs;
    bool was = steps_itself(vcpu, debugger->before_pstate);
    bool is = steps_itself(vcpu, regs->pstate);
    uint64_t offset = regs->pc - SYSREG_READ(vbar_el1);
    uint64_t spsr = SYSREG_READ(spsr_el1);

    if (offset < VECTORS_SIZE && offset % VECTOR_SIZE == 0 && !is_el0(regs->pstate) &&
        SYSREG_READ(elr_el1) - debugger->before_pc <= sizeof(uint32_t)) {
        /* An exception was taken: what the hardware kept of PSTATE.SS was not the guest's. */
        if (!was)
            SYSREG_WRITE(spsr_el1, spsr & ~PSTATE_SS);
        debugger->own_ss = false;
        return;
    }
    debugger->own_ss = !was && is && debugger->at_eret && (spsr & PSTATE_SS) != 0;
    if (is && !debugger->own_ss) {
        uint64_t known = was ? esr & (ESR_STEP_ISV | ESR_STEP_EX) : 0;

        if (debugger->at_access) /* it would not have left the guest */
            known = ESR_STEP_ISV;
        inject_own(vcpu, ESR_EC_STEP, ESR_IL_32BIT | known | ESR_STATUS_DEBUG);
    }
}

/* --- The debugger's ----------------------------------------------------------------------------------------
 */

static void stop(struct arm64_vcpu *vcpu, enum guest_debug_kind kind, uint64_t at)
{
    const struct guest_debug_stop told = {.vcpu = &vcpu->core, .kind = (uint8_t)kind, .at = gva(at)};
    struct arm64_debugger *debugger = &vcpu->debugger;

    debugger->flags = (uint8_t)((debugger->flags & ~ARM64_DEBUG_STEP) | ARM64_DEBUG_DONE);
    debugger->has_hit = kind != GUEST_DEBUG_STEP && kind != GUEST_DEBUG_SOFT;
    debugger->hit_pc = vcpu->sw.regs.pc;
    guest_debug_stopped(&told);
}

/* The instruction under way is over, or has ended in an exception that is delivered. */
static void end_instruction(struct arm64_vcpu *vcpu)
{
    struct arm64_debugger *debugger = &vcpu->debugger;

    if ((debugger->pass & ARM64_PASS_OURS) != 0) /* interrupts have waited */
        atomic_store_explicit(&vcpu->gic.dirty, true, memory_order_relaxed);
    debugger->pass = 0;
    debugger->has_hit = false;
    if ((debugger->flags & ARM64_DEBUG_STEP) != 0)
        stop(vcpu, GUEST_DEBUG_STEP, vcpu->sw.regs.pc);
}

/* A point of the guest's: its exception, or nothing where its CPU would not take it. */
static void take_own_point(struct arm64_vcpu *vcpu, uint64_t class, uint64_t iss)
{
    if ((vcpu->sys.mdscr & MDSCR_MDE) != 0 && are_own_open(vcpu, vcpu->sw.regs.pstate)) {
        inject_own(vcpu, class, iss);
        end_instruction(vcpu);
    } else {
        vcpu->debugger.pass |= ARM64_PASS_OWN;
    }
}

/* How far an address is from [start, start + size). */
static uint64_t distance(uint64_t address, uint64_t start, uint64_t size)
{
    if (address < start)
        return start - address;
    return address - start < size ? 0 : address - start - size + 1;
}

static bool wants(uint32_t kind, bool is_write)
{
    return kind == GUEST_DEBUG_ACCESS || kind == (is_write ? GUEST_DEBUG_WRITE : GUEST_DEBUG_READ);
}

/* The nearest watchpoint of the guest's own that may have hit at `address`. */
static uint64_t own_distance(const struct arm64_vcpu *vcpu, uint64_t address, bool is_write)
{
    uint64_t nearest = UINT64_MAX;

    for (uint32_t i = 0; (vcpu->sys.mdscr & MDSCR_MDE) != 0 && i < ARM64_DEBUG_REGS; i++) {
        uint64_t control = vcpu->debug.wcr[i];
        uint64_t bytes = field_get(control, DBGWCR_BAS);
        uint64_t mask = field_get(control, DBGWCR_MASK);
        uint64_t start = vcpu->debug.wvr[i];

        if ((control & DBGCR_E) == 0 || (control & (is_write ? DBGWCR_STORE : DBGWCR_LOAD)) == 0 ||
            bytes == 0)
            continue;
        if (mask == 0)
            start += (uint64_t)__builtin_ctzll(bytes);
        nearest = min_u64(nearest, distance(address, start, mask != 0 ? BIT(mask) : 8));
    }
    return nearest;
}

/* FAR_EL2 may be any address of the access that is not above the watched one's block ("Watchpoint
 * exceptions"): the nearest point it was. */
static void take_watch(struct arm64_vcpu *vcpu, uint64_t esr, uint64_t address)
{
    const struct guest_debug *debug = vcpu->core.vm->debug;
    const struct guest_debug_point *found = NULL;
    bool is_write = (esr & ESR_ABORT_WRITE) != 0;
    uint64_t nearest = UINT64_MAX;

    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_HARD_MAX; i++) {
        const struct guest_debug_point *point = &debug->hard[i];
        uint64_t far = distance(address, point->at.v, point->size);

        if (!point->used || !wants(point->kind, is_write) || far >= nearest)
            continue;
        nearest = far;
        found = point;
    }
    if (found != NULL && nearest <= own_distance(vcpu, address, is_write)) {
        stop(vcpu, (enum guest_debug_kind)found->kind, found->at.v);
        return;
    }
    if ((vcpu->sys.mdscr & MDSCR_MDE) != 0 && are_own_open(vcpu, vcpu->sw.regs.pstate))
        SYSREG_WRITE(far_el1, address);
    take_own_point(vcpu, ESR_EC_WATCH, esr & ESR_ISS_ALL);
}

static void take_break(struct arm64_vcpu *vcpu, uint64_t esr)
{
    const struct guest_debug *debug = vcpu->core.vm->debug;

    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_HARD_MAX; i++) {
        const struct guest_debug_point *point = &debug->hard[i];

        if (point->used && point->kind == GUEST_DEBUG_EXEC &&
            (point->at.v & ~UINT64_C(3)) == vcpu->sw.regs.pc) {
            stop(vcpu, GUEST_DEBUG_EXEC, point->at.v);
            return;
        }
    }
    take_own_point(vcpu, ESR_EC_BREAK, esr & ESR_ISS_ALL);
}

static void take_brk(struct arm64_vcpu *vcpu, uint64_t esr)
{
    gpa_t at;

    if (code_at(vcpu->sw.regs.pc, &at) && guest_debug_is_patched(vcpu->core.vm, at)) {
        stop(vcpu, GUEST_DEBUG_SOFT, vcpu->sw.regs.pc);
        return;
    }
    inject_own(vcpu, ESR_CLASS(esr), esr & ESR_ISS_ALL);
    end_instruction(vcpu);
}

static void take_step(struct arm64_vcpu *vcpu, uint64_t esr)
{
    follow_own_step(vcpu, esr);
    end_instruction(vcpu);
}

void arm64_debug_exit(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    switch (ESR_CLASS(exit->raw)) {
    case ESR_EC_STEP:
        take_step(vcpu, exit->raw);
        break;
    case ESR_EC_BREAK:
        take_break(vcpu, exit->raw);
        break;
    case ESR_EC_WATCH:
        take_watch(vcpu, exit->raw, SYSREG_READ(far_el2));
        break;
    default:
        take_brk(vcpu, exit->raw);
        break;
    }
    arm64_debug_arm(vcpu);
}

/* --- The guest's own accesses ------------------------------------------------------------------------------
 */

/* The guest's register behind (2, 0, 0, n, Op2). */
static uint64_t *own_register(struct arm64_vcpu *vcpu, uint32_t place)
{
    uint32_t number = (uint32_t)field_get(place, ESR_SYSREG_CRM);
    uint32_t breakpoints, watchpoints;

    guest_debug_counts(&breakpoints, &watchpoints);
    if (field_get(place, ESR_SYSREG_OP1) != 0)
        return NULL;
    switch (field_get(place, ESR_SYSREG_OP2)) {
    case OP2_BVR:
        return number < breakpoints ? &vcpu->debug.bvr[number] : NULL;
    case OP2_BCR:
        return number < breakpoints ? &vcpu->debug.bcr[number] : NULL;
    case OP2_WVR:
        return number < watchpoints ? &vcpu->debug.wvr[number] : NULL;
    case OP2_WCR:
        return number < watchpoints ? &vcpu->debug.wcr[number] : NULL;
    default:
        return NULL;
    }
}

/* Through the hardware, which makes of a value what it makes of it. */
static void write_own(struct arm64_vcpu *vcpu, uint64_t *to, uint64_t value)
{
    vcpu->debug.used = true;
    *to = value;
    guest_debug_load(&vcpu->debug);
    SYSREG_WRITE(mdscr_el1, vcpu->sys.mdscr);
    insn_isb();
    guest_debug_save(&vcpu->debug);
    vcpu->sys.mdscr = SYSREG_READ(mdscr_el1);
}

bool arm64_debug_access(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    uint32_t place = exit->u.sysreg.number;
    uint32_t rt = (uint32_t)field_get(exit->raw, ESR_SYSREG_RT);
    uint64_t *reg = place == MDSCR_EL1 ? &vcpu->sys.mdscr : own_register(vcpu, place);
    bool stepped =
        ((vcpu->debugger.flags & ARM64_DEBUG_STEP) | vcpu->debugger.pass | (vcpu->sys.mdscr & MDSCR_SS)) != 0;
    bool is_pair = field_get(place, ESR_SYSREG_OP2) >= OP2_BVR && field_get(place, ESR_SYSREG_OP1) == 0;

    if (reg == NULL && is_pair)
        return false;
    if ((exit->raw & ESR_SYSREG_READ) != 0)
        arm64_reg_write(vcpu, rt, reg != NULL ? *reg : 0); /* no external debugger talks to the guest */
    else if (reg != NULL)
        write_own(vcpu, reg, arm64_reg_read(vcpu, rt));
    arm64_skip(vcpu, exit->length);
    if ((vcpu->sys.mdscr & MDSCR_SS) == 0)
        vcpu->debugger.own_ss = false;
    /* A step that is under way ends behind this instruction, and arms then. */
    vcpu->debugger.at_access = stepped;
    if (stepped)
        arm64_debug_program(vcpu);
    else
        arm64_debug_arm(vcpu);
    return true;
}
