/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the guest that stay in the hardware while Latch runs, because Latch uses none of them: x87,
 * SSE, AVX, XCR0, debug address registers, TSC_AUX. They change hands when another vCPU is loaded on the CPU.
 */
#pragma once

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/x86_vcpu.h"

/* Allocates the save area. 0 or E_NOMEM. */
MUST_CHECK int ext_state_init(struct x86_extended_state *ext);

/* Power-on values into the save area; the vCPU must not be loaded. */
void ext_state_reset(struct x86_extended_state *ext);

/* Once on each CPU: while no vCPU is loaded XCR0 is open fully. */
void ext_state_cpu_enable(void);

/* Into / out of this CPU's registers, all but the breakpoints. */
static inline void ext_state_load(const struct x86_extended_state *ext)
{
    if (LIKELY(cpu_features.has_xsave)) {
        insn_xrstor(ext->xsave, cpu_features.xcr0);
        if (ext->xcr0 != cpu_features.xcr0)
            insn_xsetbv(0, ext->xcr0);
    } else {
        insn_fxrstor(ext->xsave);
    }
    if (LIKELY(cpu_features.has_rdtscp))
        insn_wrmsr(MSR_TSC_AUX, ext->tsc_aux);
}

static inline void ext_state_save(struct x86_extended_state *ext)
{
    if (LIKELY(cpu_features.has_xsave)) {
        ext->xcr0 = insn_xgetbv(); /* one emulator lets guests write it without an exit */
        if (ext->xcr0 != cpu_features.xcr0)
            insn_xsetbv(0, cpu_features.xcr0);
        insn_xsave(ext->xsave, cpu_features.xcr0);
    } else {
        insn_fxsave(ext->xsave);
    }
}
