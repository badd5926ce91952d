/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the guest that stay in the hardware while Latch runs, because Latch uses none of them: x87,
 * SSE, AVX, XCR0, debug address registers, TSC_AUX. They change hands when another vCPU is loaded on the CPU.
 */
#pragma once

#include "arch/x86/x86_vcpu.h"

/* Allocates the save area. 0 or E_NOMEM. */
MUST_CHECK int ext_state_init(struct x86_extended_state *ext);

/* Power-on values into the save area; the vCPU must not be loaded. */
void ext_state_reset(struct x86_extended_state *ext);

/* Into / out of this CPU's registers. */
void ext_state_load(const struct x86_extended_state *ext);
void ext_state_save(struct x86_extended_state *ext);

/* INIT of the vCPU that is loaded clears the breakpoints' addresses and leaves the rest. */
void ext_state_clear_breakpoints(void);
