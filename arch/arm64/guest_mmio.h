/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to guest-physical addresses without RAM: devices, or nothing, which answers with an external
 * abort.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/sysregs.h"
#include "core/vm.h"
#include "core/vm_exit.h"

/* Data in the guest's big-endian byte order, which the registers do not have. */
static inline bool guest_is_big_endian(const struct arm64_vcpu *vcpu)
{
    bool el0 = (vcpu->sw.regs.pstate & PSTATE_EL) == 0;

    return (SYSREG_READ(sctlr_el1) & (el0 ? SCTLR1_E0E : SCTLR1_EE)) != 0;
}

/* What guest_mmio_handle() does where it is more than the plain case. */
void guest_mmio_handle_slowly(struct arm64_vcpu *vcpu, const struct vm_exit *exit);

/* An exit VM_EXIT_MMIO of a loaded vCPU. Finishes the instruction, raises the abort, lets the guest try
 * again, or ends the VM with one record. The plain case at once: described by the syndrome, little-endian, a
 * load without sign, the device of last time. */
static inline void guest_mmio_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    const uint64_t odd = ESR_ABORT_ISV | ESR_ABORT_SSE;
    struct vm *vm = vcpu->core.vm;
    struct bus *bus = &vm->buses[BUS_MMIO];
    uint64_t at = exit->u.mmio.at.v;
    uint32_t reg = (uint32_t)field_get(exit->raw, ESR_ABORT_SRT);
    unsigned int size = 1u << field_get(exit->raw, ESR_ABORT_SAS);
    const struct bus_range *range;
    uint64_t value;

    if (UNLIKELY((exit->raw & odd) != ESR_ABORT_ISV || guest_is_big_endian(vcpu))) {
        guest_mmio_handle_slowly(vcpu, exit);
        return;
    }
    spin_lock(&vm->dev_lock);
    range = bus->last_hit;
    if (UNLIKELY(range == NULL || !bus_range_covers(range, at, size) || range == &bus->gap)) {
        spin_unlock(&vm->dev_lock);
        guest_mmio_handle_slowly(vcpu, exit);
        return;
    }
    if (exit->u.mmio.is_write) {
        bus_range_write(range, &vcpu->core, at, size, arm64_reg_read(vcpu, reg));
        spin_unlock(&vm->dev_lock);
    } else {
        value = bus_range_read(range, &vcpu->core, at, size);
        spin_unlock(&vm->dev_lock);
        arm64_reg_write(vcpu, reg, value & bytes_mask(size));
    }
    arm64_skip(vcpu, exit->length);
}
