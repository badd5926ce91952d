/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thin layer between the guest's interrupt controller (vgic.h, pure) and the virtual CPU interface of
 * this CPU: moves list registers, ICH_HCR_EL2, ICH_VMCR_EL2 and active priorities. The VMCR rule:
 * ICH_VMCR_EL2 is read in gic_read_cpuif() and by vgic_ops.vmcr only, that is on the way into WFI, when a
 * vCPU leaves its CPU and for decisions about the loaded vCPU.
 */
#pragma once

#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/gic/vgic.h"
#include "lib/bits.h"

extern const struct vgic_ops gic_ops;

/* Boot CPU: number of list registers, host interrupts. E_NOTSUP: the CPU interface has no virtual side. */
MUST_CHECK int ich_init(void);
uint32_t ich_lr_count(void);
uint32_t ich_preemption_bits(void);

/* The calling CPU's interface: no guest loaded, its two interrupts on. */
void ich_cpu_init(void);

/* Physical interrupts of this machine behind the virtual timer and the virtual interface. */
uint32_t gic_host_cntv_intid(void);

/* A vCPU that is being loaded. */
void ich_load_cpuif(const struct vgic_cpuif *cpuif);

/* List registers of a loaded vCPU back into vgic, which has to fill them again before the next entry. */
void gic_fold(struct arm64_vcpu *vcpu);

/* VMCR and active priorities of the loaded vCPU. */
void gic_read_cpuif(struct vgic_cpuif *cpuif);

/* What gic_enter() does where there is anything to do. */
void gic_refill(struct arm64_vcpu *vcpu);

/* Before an entry of a loaded vCPU. */
static inline void gic_enter(struct arm64_vcpu *vcpu)
{
    if (UNLIKELY(vgic_is_dirty(&vcpu->gic)))
        gic_refill(vcpu);
}
