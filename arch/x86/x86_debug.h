/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest under a debugger: the debug registers, the trap flag and #BP are shared between the debugger and
 * the guest, which is to notice nothing. All of it costs nothing while x86_vcpu.debug.flags is 0.
 *
 * While the debugger has a breakpoint or watchpoint (X86_DEBUG_HARD), the hardware's DR0-DR3 and DR7 are the
 * debugger's; every access by the guest exits and sees its own, which are not in force meanwhile. DR6 stays
 * the guest's, B0-B3 excepted. A step is one of the injection scheduler's (INJECT_VIEW_STEP), so that the two
 * never fight over TF.
 *
 * A guest without breakpoints has not got their registers in the hardware, so that a switch spends nothing on
 * them: DR0-DR3 are 0, DR7 is as after a reset, and what would change or show that exits. The first such
 * access gives it the registers, until it is put with all of them as they were.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/x86_vcpu.h"
#include "core/vm_exit.h"

/* What the step's exit asked for: look whether it is done. */
void x86_debug_exit(struct x86_vcpu *vcpu, bool trapped);

/*
 * Vendor, at an intercepted #DB: `dr6` are the bits that it set, INJECT_DR6_*. Takes the debugger's out and
 * notes its hit; what is left is the guest's. `stepping`: the scheduler stepped, so no bit at all is nothing
 * odd.
 */
uint32_t x86_debug_filter_db(struct x86_vcpu *vcpu, uint32_t dr6, bool stepping);

/* Vendor, at an intercepted #BP: true if it was a debugger's, whose hit is noted. */
bool x86_debug_filter_bp(struct x86_vcpu *vcpu);

/* VCPU_REQ_DEBUG: what was noted holds the VM now, or a step goes on. Owner, the vCPU loaded. */
void x86_debug_act(struct x86_vcpu *vcpu);

/* VM_EXIT_DEBUG_REG: the guest's own access to a debug register. */
void x86_debug_reg_exit(struct x86_vcpu *vcpu, struct vm_exit *exit);

/* DR0-DR3, DR6, DR7 as the guest has them, of a vCPU that is held or whose access has just exited. */
uint64_t x86_debug_reg(struct x86_vcpu *vcpu, uint32_t number);

/* After a reset or INIT of the vCPU: no breakpoints but the debugger's. `loaded`: on this CPU. */
void x86_debug_after_reset(struct x86_vcpu *vcpu, bool loaded);

/* The breakpoints' registers of a vCPU that has_breakpoints, into and out of this CPU. Own CPU, loaded. */
void x86_debug_load(const struct x86_vcpu *vcpu);
void x86_debug_save(struct x86_vcpu *vcpu);

/* Bits for inject_view.flags. */
static inline uint32_t x86_debug_view(const struct x86_vcpu *vcpu)
{
    return (vcpu->debug.flags & X86_DEBUG_STEP) != 0 ? (uint32_t)(INJECT_VIEW_STEP | INJECT_VIEW_VNMI_REFUSED)
                                                     : 0;
}
