/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debugging arm64 guests with the CPU's debug facilities, which the guest may use for itself meanwhile (Arm
 * ARM, "AArch64 Self-hosted Debug"). While anybody has a point or a step in a VM, all debug exceptions of its
 * vCPUs come to EL2 (MDCR_EL2.TDE), the guest's accesses to debug registers trap, and vcpu->debug and
 * sys.mdscr are its own values, loaded or not. The hardware has those and the debugger's points side by side;
 * what is the guest's is delivered to it as its CPU would.
 *
 * arm64_debug.c: points into registers. stop_debug.c: what came of them, steps, the guest's accesses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"
#include "core/vm_exit.h"

/* vcpu->debugger.flags */
#define ARM64_DEBUG_SOFT 1
#define ARM64_DEBUG_HARD 2
#define ARM64_DEBUG_STEP 4
#define ARM64_DEBUG_DONE 8 /* a stop has been told; until the vCPU is off its CPU and points are set anew */

/* vcpu->debugger.pass */
#define ARM64_PASS_OURS 1
#define ARM64_PASS_OWN  2

static inline bool arm64_debug_is_on(const struct arm64_vcpu *vcpu)
{
    return UNLIKELY(vcpu->debugger.flags != 0);
}

/* The rest of guest_load(), where arm64_debug_is_on(). */
void arm64_debug_load(struct arm64_vcpu *vcpu);

/* Loaded: the debug registers and controls that the CPU needs now. */
void arm64_debug_program(struct arm64_vcpu *vcpu);

/* Loaded: the next instruction, as things are now, and arm64_debug_program(). */
void arm64_debug_arm(struct arm64_vcpu *vcpu);

/* After the list registers have been filled: interrupts wait while the debugger's step is under way. */
void arm64_debug_enter(const struct arm64_vcpu *vcpu);

/* VM_EXIT_DEBUG */
void arm64_debug_exit(struct arm64_vcpu *vcpu, const struct vm_exit *exit);

/* VM_EXIT_SYSREG_* of a debug register while arm64_debug_is_on(); false: no such register. */
MUST_CHECK bool arm64_debug_access(struct arm64_vcpu *vcpu, const struct vm_exit *exit);
