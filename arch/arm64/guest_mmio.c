/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/guest_mmio.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/guest_inject.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/mmio_decode.h"
#include "arch/arm64/sysregs.h"
#include "core/vm.h"
#include "lib/printf.h"

static uint64_t swap(uint64_t value, unsigned int size)
{
    return __builtin_bswap64(value) >> (64 - 8 * size);
}

/* The stack pointer that the current mode calls SP. */
static void add_to_base(struct arm64_vcpu *vcpu, uint32_t base, int64_t step)
{
    bool own = (vcpu->sw.regs.pstate & PSTATE_EL1H) == PSTATE_EL1H;

    if (base < 31)
        vcpu->sw.regs.x[base] += (uint64_t)step;
    else if (own)
        SYSREG_WRITE(sp_el1, SYSREG_READ(sp_el1) + (uint64_t)step);
    else
        SYSREG_WRITE(sp_el0, SYSREG_READ(sp_el0) + (uint64_t)step);
}

/* One element. False: nothing is there. */
static inline bool access_one(struct arm64_vcpu *vcpu, const struct mmio_access *access, uint64_t at,
                              uint32_t reg, bool big_endian)
{
    struct vm *vm = vcpu->core.vm;
    struct bus *bus = &vm->buses[BUS_MMIO];
    uint64_t value;
    bool found;

    spin_lock(&vm->dev_lock);
    if (access->is_write) {
        value = arm64_reg_read(vcpu, reg);
        if (UNLIKELY(big_endian))
            value = swap(value, access->size);
        bus_write(bus, &vcpu->core, at, access->size, value);
    } else {
        value = bus_read(bus, &vcpu->core, at, access->size);
        if (UNLIKELY(big_endian))
            value = swap(value, access->size);
    }
    found = bus->last_hit != &bus->gap;
    spin_unlock(&vm->dev_lock);
    if (!access->is_write && found)
        arm64_reg_write(vcpu, reg, mmio_extend(access, value));
    return found;
}

enum fetched {
    FETCHED,
    FETCH_AGAIN, /* the guest's tables do not map it any more: it will see by itself */
    FETCH_FAILED,
};

/* The instruction at PC, through the guest's first stage. PAR_EL1 is the guest's. */
static enum fetched fetch(struct arm64_vcpu *vcpu, uint32_t *insn)
{
    uint64_t pc = vcpu->sw.regs.pc;
    uint64_t saved = SYSREG_READ(par_el1);
    uint64_t par;

    if ((vcpu->sw.regs.pstate & PSTATE_NRW) != 0)
        return FETCH_FAILED;
    if ((vcpu->sw.regs.pstate & PSTATE_EL) == 0)
        insn_at_s1e0r(pc);
    else
        insn_at_s1e1r(pc);
    insn_isb();
    par = SYSREG_READ(par_el1);
    SYSREG_WRITE(par_el1, saved);
    if ((par & PAR_F) != 0)
        return FETCH_AGAIN;
    return guest_read(vcpu->core.vm, gpa((par & PAR_PA) | (pc & (PAGE_SIZE - 1))), insn, sizeof(*insn)) == 0
               ? FETCHED
               : FETCH_FAILED;
}

static void end_undecoded(struct arm64_vcpu *vcpu, const struct vm_exit *exit, uint32_t insn)
{
    char detail[100];

    fmt_snprintf(detail, sizeof(detail),
                 "device at 0x%lx accessed by an instruction that is not emulated (%08x)", exit->u.mmio.at.v,
                 insn);
    vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, detail);
}

/* Without a description in the syndrome. False: nothing more to do. */
static __attribute__((noinline)) bool decode_slowly(struct arm64_vcpu *vcpu, const struct vm_exit *exit,
                                                    struct mmio_access *access)
{
    uint32_t insn = 0;
    enum fetched fetched;

    /* Cache maintenance of a device's address: there is nothing to maintain. */
    if ((exit->raw & ESR_ABORT_CM) != 0) {
        arm64_skip(vcpu, exit->length);
        return false;
    }
    fetched = fetch(vcpu, &insn);
    if (fetched == FETCH_AGAIN)
        return false;
    if (fetched == FETCHED && mmio_from_instruction(insn, access))
        return true;
    if (bus_covers(&vcpu->core.vm->buses[BUS_MMIO], exit->u.mmio.at.v))
        end_undecoded(vcpu, exit, insn);
    else
        guest_inject_external_abort(vcpu, exit->raw, SYSREG_READ(far_el2));
    return false;
}

void guest_mmio_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    struct mmio_access access;
    bool big_endian, found;

    if (exit->u.mmio.is_fetch || exit->u.mmio.during_walk) {
        guest_inject_external_abort(vcpu, exit->raw, SYSREG_READ(far_el2));
        return;
    }
    if (!mmio_from_syndrome(exit->raw, &access) && !decode_slowly(vcpu, exit, &access))
        return;
    big_endian = guest_is_big_endian(vcpu);
    found = access_one(vcpu, &access, exit->u.mmio.at.v, access.reg[0], big_endian);
    if (access.count == 2 && found)
        found = access_one(vcpu, &access, exit->u.mmio.at.v + access.size, access.reg[1], big_endian);
    if (!found) {
        guest_inject_external_abort(vcpu, exit->raw, SYSREG_READ(far_el2));
        return;
    }
    if (access.write_back)
        add_to_base(vcpu, access.base, access.step);
    arm64_skip(vcpu, exit->length);
}
