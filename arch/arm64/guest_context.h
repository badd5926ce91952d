/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's registers between memory and the CPU. Most stay in the hardware as long as their vCPU is the
 * CPU's current one, since Latch itself uses neither EL1's registers nor FP.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"
#include "lib/bits.h"

/* Checks what guests need on the boot CPU and notes what this kind of CPU has; one line a missing thing. 0 or
 * E_NOTSUP. */
MUST_CHECK int guest_context_init(void);

/* Width of guest-physical addresses. */
uint32_t guest_ipa_bits(void);

/* The hardware notes accesses in stage 2 tables. */
bool guest_stage2_notes(void);

/* Power-on state of everything that guest_load() loads. Not loaded. */
void guest_context_reset(struct arm64_vcpu *vcpu);

/* Registers, stage 2, timers, interrupt interface: onto this CPU, where no vCPU is loaded; and back. */
void guest_load(struct arm64_vcpu *vcpu);
void guest_put(struct arm64_vcpu *vcpu);

/* Of the loaded vCPU: a virtual SError that the guest has not taken yet. */
bool guest_serror_pending(void);

/* WFE of the loaded vCPU exits, or waits. */
void guest_trap_wfe(struct arm64_vcpu *vcpu, bool trap);

/* Drops all translations of a VM, on all CPUs; makes changed tables visible. Its vCPUs may run. */
void guest_forget_translations(uint64_t vttbr);

/* The guest may use breakpoint registers from now on. Loaded. */
void guest_debug_open(struct arm64_vcpu *vcpu);

/* For arm64_debug.h. Breakpoint and watchpoint registers: how many, and to and from the hardware. */
void guest_debug_counts(uint32_t *breakpoints, uint32_t *watchpoints);
void guest_debug_load(const struct arm64_debug *debug);
void guest_debug_save(struct arm64_debug *debug);
/* MDSCR_EL1, and what traps in MDCR_EL2. Loaded. */
void guest_debug_control(const struct arm64_vcpu *vcpu, uint64_t mdscr);
