/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct injection of LPIs by a GICv4: the host's ITS and redistributors bring a VM's LPIs to its vCPU
 * without an exit of that vCPU. Each vCPU is a virtual PE (vPE) with a pending table; it is *resident* on the
 * redistributor of the CPU where it is loaded and not waiting. What arrives for one that is not is kept
 * pending, and if it waits, a physical LPI of its own, the doorbell, wakes it.
 *
 * Residency changes where a vCPU is loaded, put, blocks and is woken, never on the way between exit and
 * entry.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/gic/vgic.h"

struct arm64_vm;

extern const struct vgic_direct_ops vgic_v4_ops;

/* Boot CPU: the host's ITS, unless direct=off; says in a line how LPIs will go. */
void vgic_v4_init(void);

/* A VM that is being built, then each of its vCPUs. Without direct injection v4.on stays false. E_NOMEM,
 * E_TIMEOUT. */
void vgic_v4_vm_init(struct arm64_vm *vm);
MUST_CHECK int vgic_v4_vcpu_init(struct arm64_vcpu *vcpu);

/* A physical LPI: false if it is not a doorbell. Any CPU. */
bool vgic_v4_doorbell(uint32_t intid);
