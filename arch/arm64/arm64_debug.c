/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/arm64_debug.h"

#include "arch/arm64/gic/ich_regs.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/vm.h"

const uint8_t arch_guest_break[] = {0x00, 0x00, 0x20, 0xd4}; /* BRK #0 */
const uint32_t arch_guest_break_size = sizeof(arch_guest_break);

uint32_t arch_guest_debug_most(enum guest_debug_kind kind)
{
    uint32_t breakpoints, watchpoints;

    guest_debug_counts(&breakpoints, &watchpoints);
    if (kind == GUEST_DEBUG_SOFT || kind == GUEST_DEBUG_STEP)
        return GUEST_DEBUG_SOFT_MAX;
    return kind == GUEST_DEBUG_EXEC ? breakpoints : watchpoints;
}

/*
 * To the point of coherency, since the guest may run with its caches off. All instruction caches: by address
 * would miss other virtual addresses of the same page (Arm ARM, "VIPT instruction caches").
 */
void arch_guest_code_changed(struct vm *vm, gpa_t at, size_t size)
{
    uint64_t line = UINT64_C(4) << field_get(SYSREG_READ(ctr_el0), CTR_DMINLINE);
    uint64_t start = (uint64_t)(uintptr_t)guest_ptr(vm, at, size);

    if (start == 0)
        return;
    for (uint64_t i = start & ~(line - 1); i < start + size; i += line)
        insn_dc_civac(i);
    insn_dsb_ish();
    insn_ic_ialluis();
    insn_dsb_ish();
    insn_isb();
}

/* --- Points into registers ---------------------------------------------------------------------------------
 */

/* Of `count` registers one that the guest does not use; where it uses all it loses the last ones. */
static uint32_t take_slot(uint64_t *controls, uint32_t count, uint32_t *taken)
{
    uint32_t slot = count - 1;

    for (uint32_t i = 0; i < count; i++)
        if ((*taken & BIT(i)) == 0 && ((controls[i] & DBGCR_E) == 0 || (controls[slot] & DBGCR_E) != 0))
            slot = i;
    *taken |= (uint32_t)BIT(slot);
    return slot;
}

static void add_points(const struct guest_debug *debug, struct arm64_debug *hw)
{
    static const uint8_t accesses[GUEST_DEBUG_KINDS] = {
        [GUEST_DEBUG_READ] = DBGWCR_LOAD,
        [GUEST_DEBUG_WRITE] = DBGWCR_STORE,
        [GUEST_DEBUG_ACCESS] = DBGWCR_LOAD | DBGWCR_STORE,
    };
    uint32_t breakpoints, watchpoints, breaks_taken = 0, watches_taken = 0, slot;

    guest_debug_counts(&breakpoints, &watchpoints);
    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++) {
        const struct guest_debug_point *point = &debug->hard[i];
        uint64_t offset = point->at.v & 7;

        if (!point->used)
            continue;
        if (point->kind == GUEST_DEBUG_EXEC) {
            slot = take_slot(hw->bcr, breakpoints, &breaks_taken);
            hw->bvr[slot] = point->at.v & ~UINT64_C(3);
            hw->bcr[slot] = DBGCR_E | DBGCR_EL0 | DBGCR_EL1 | DBGBCR_BAS;
        } else {
            slot = take_slot(hw->wcr, watchpoints, &watches_taken);
            hw->wvr[slot] = point->at.v - offset;
            hw->wcr[slot] = DBGCR_E | DBGCR_EL0 | DBGCR_EL1 | accesses[point->kind] |
                            (BIT(point->size) - 1) << offset << DBGWCR_BAS_SHIFT;
        }
    }
}

/* The guest's own points that could not hit anything stay out, and so do those at EL1 where none may hit. */
static uint64_t own_control(const struct arm64_vcpu *vcpu, uint64_t control)
{
    if ((vcpu->sys.mdscr & MDSCR_MDE) == 0 || (vcpu->debugger.pass & ARM64_PASS_OWN) != 0)
        return 0;
    if ((vcpu->sys.mdscr & MDSCR_KDE) == 0)
        control &= ~DBGCR_EL1;
    return (control & (DBGCR_EL0 | DBGCR_EL1)) != 0 ? control : 0;
}

void arm64_debug_program(struct arm64_vcpu *vcpu)
{
    const struct arm64_debugger *debugger = &vcpu->debugger;
    struct arm64_debug hw = vcpu->debug;
    uint64_t mdscr = vcpu->sys.mdscr & ~MDSCR_SS;

    for (uint32_t i = 0; i < ARM64_DEBUG_REGS; i++) {
        hw.bcr[i] = own_control(vcpu, hw.bcr[i]);
        hw.wcr[i] = own_control(vcpu, hw.wcr[i]);
    }
    if ((debugger->flags & ARM64_DEBUG_HARD) != 0 && (debugger->pass & ARM64_PASS_OURS) == 0) {
        add_points(vcpu->core.vm->debug, &hw);
        mdscr |= MDSCR_MDE;
    }
    if ((debugger->flags & ARM64_DEBUG_STEP) != 0 || debugger->pass != 0 || (vcpu->sys.mdscr & MDSCR_SS) != 0)
        mdscr |= MDSCR_SS;
    guest_debug_load(&hw);
    guest_debug_control(vcpu, mdscr);
}

void arm64_debug_load(struct arm64_vcpu *vcpu)
{
    struct arm64_debugger *debugger = &vcpu->debugger;

    /* Where a point of ours has just hit, the guest goes on from it. */
    if (debugger->has_hit && debugger->hit_pc == vcpu->sw.regs.pc) {
        debugger->pass |= ARM64_PASS_OURS;
        debugger->rearm = true;
    }
    if (debugger->rearm)
        arm64_debug_arm(vcpu);
    else
        arm64_debug_program(vcpu);
}

/* The enable bit keeps the virtual interface's state as it is; only what acknowledges would see it. */
void arm64_debug_enter(const struct arm64_vcpu *vcpu)
{
    const struct arm64_debugger *debugger = &vcpu->debugger;

    if (((debugger->flags & ARM64_DEBUG_STEP) | (debugger->pass & ARM64_PASS_OURS)) != 0 &&
        !debugger->at_acknowledge)
        SYSREG_WRITE(ich_hcr_el2, vcpu->ich_hcr & ~ICH_HCR_EN);
}

void arch_guest_debug_apply(struct vcpu *core)
{
    struct arm64_vcpu *vcpu = arm64_vcpu_of(core);
    struct arm64_debugger *debugger = &vcpu->debugger;
    const struct guest_debug *debug = core->vm->debug;
    uint32_t wanted = 0;

    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_HARD_MAX; i++)
        wanted |= debug->hard[i].used ? ARM64_DEBUG_HARD : 0;
    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_SOFT_MAX; i++)
        wanted |= debug->soft[i].used ? ARM64_DEBUG_SOFT : 0;
    if (guest_debug_is_stepping(core))
        wanted |= ARM64_DEBUG_STEP;
    if (debugger->flags == 0)
        *debugger = (struct arm64_debugger){.own_ss = (vcpu->sw.regs.pstate & PSTATE_SS) != 0, .rearm = true};
    if ((wanted & ~debugger->flags & ARM64_DEBUG_STEP) != 0)
        debugger->rearm = true;
    debugger->flags = (uint8_t)wanted;
    if (wanted == 0)
        vcpu->sw.regs.pstate = (vcpu->sw.regs.pstate & ~PSTATE_SS) | (debugger->own_ss ? PSTATE_SS : 0);
}
