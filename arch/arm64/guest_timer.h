/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The generic timer of a guest. The virtual one (CNTV) is the hardware's own while the vCPU is loaded, its
 * interrupt backed by the physical PPI; while it is not, a timer of Latch's stands in. The physical one
 * (CNTP) is emulated: its counter is the machine's, its registers trap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/sysregs.h"

#define GUEST_PPI_CNTV UINT32_C(27)
#define GUEST_PPI_CNTP UINT32_C(30)

/* Once per vCPU; then its power-on state. Not loaded. */
void guest_timer_init(struct arm64_vcpu *vcpu);
void guest_timer_reset(struct arm64_vcpu *vcpu);

/* Onto this CPU, and off. */
void guest_timer_load(struct arm64_vcpu *vcpu);
void guest_timer_put(struct arm64_vcpu *vcpu);

/*
 * Loaded, list registers just folded: an interrupt of CNTV whose condition has gone before the guest took it
 * is withdrawn, as its line would be. (A guest that turns its timer off and opens its interrupts without an
 * exit in between still gets it: docs/caveats.md.)
 */
void guest_timer_resample(struct arm64_vcpu *vcpu);

/* False: guest_timer_resample() after a fold may have something to withdraw. Loaded. */
static inline bool guest_timer_stands(const struct arm64_vcpu *vcpu)
{
    return !vcpu->gic.irqs[GUEST_PPI_CNTV].line ||
           (SYSREG_READ(cntv_ctl_el0) & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK | TIMER_CTL_ISTATUS)) ==
               (TIMER_CTL_ENABLE | TIMER_CTL_ISTATUS);
}

/* The host took the physical interrupt of CNTV on this CPU, and left it active. */
void guest_timer_fired(uint32_t hw_intid);

/* CNTP_CTL_EL0, CNTP_CVAL_EL0, CNTP_TVAL_EL0 of a loaded vCPU. */
uint64_t guest_timer_read_ctl(const struct arm64_vcpu *vcpu);
void guest_timer_write_ctl(struct arm64_vcpu *vcpu, uint64_t value);
void guest_timer_write_cval(struct arm64_vcpu *vcpu, uint64_t value);
uint64_t guest_timer_read_tval(const struct arm64_vcpu *vcpu);
void guest_timer_write_tval(struct arm64_vcpu *vcpu, uint64_t value);
