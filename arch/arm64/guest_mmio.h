/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to guest-physical addresses without RAM: devices, or nothing, which answers with an external
 * abort.
 */
#pragma once

#include "arch/arm64/arm64_vcpu.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/exit_decode.h"
#include "arch/arm64/sysregs.h"
#include "core/vm.h"
#include "core/vm_exit.h"

/* Data in the guest's big-endian byte order, which the registers do not have. */
static inline bool guest_is_big_endian(const struct arm64_vcpu *vcpu)
{
    bool el0 = (vcpu->sw.regs.pstate & PSTATE_EL) == 0;

    return (SYSREG_READ(sctlr_el1) & (el0 ? SCTLR1_E0E : SCTLR1_EE)) != 0;
}

/*
 * An exit VM_EXIT_MMIO of a loaded vCPU. Finishes the instruction, raises the abort, lets the guest try
 * again, or ends the VM with one record.
 */
void guest_mmio_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit);

/*
 * The plain case of exit_is_access() at once: little-endian, a load without sign, the device of last time.
 * False: nothing was done.
 */
static inline bool guest_mmio_at_once(struct arm64_vcpu *vcpu, uint64_t esr, uint64_t at)
{
    struct vm *vm = vcpu->core.vm;
    struct bus *bus = &vm->buses[BUS_MMIO];
    uint32_t reg = (uint32_t)field_get(esr, ESR_ABORT_SRT);
    unsigned int size = 1u << field_get(esr, ESR_ABORT_SAS);
    const struct bus_range *range;
    uint64_t value;

    if (UNLIKELY((esr & ESR_ABORT_SSE) != 0 || guest_is_big_endian(vcpu)))
        return false;
    spin_lock(&vm->dev_lock);
    range = bus->last_hit;
    if (UNLIKELY(range == NULL || !bus_range_covers(range, at, size) || range == &bus->gap)) {
        spin_unlock(&vm->dev_lock);
        return false;
    }
    if ((esr & ESR_ABORT_WRITE) != 0) {
        bus_range_write(range, &vcpu->core, at, size, arm64_reg_read(vcpu, reg));
        spin_unlock(&vm->dev_lock);
    } else {
        value = bus_range_read(range, &vcpu->core, at, size);
        spin_unlock(&vm->dev_lock);
        arm64_reg_write(vcpu, reg, value & bytes_mask(size));
    }
    arm64_skip(vcpu, exit_length(esr));
    return true;
}
