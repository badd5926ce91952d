/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/guest_sysreg.h"

#include "arch/arm64/arm64_debug.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_id.h"
#include "arch/arm64/guest_inject.h"
#include "arch/arm64/guest_timer.h"
#include "arch/arm64/sysregs.h"
#include "core/log.h"
#include "core/vm.h"

#define OSLAR_EL1      ESR_SYSREG(2, 0, 1, 0, 4)
#define OSLSR_EL1      ESR_SYSREG(2, 0, 1, 1, 4)
#define OSDLR_EL1      ESR_SYSREG(2, 0, 1, 3, 4)
#define DBGPRCR_EL1    ESR_SYSREG(2, 0, 1, 4, 4)
#define MDRAR_EL1      ESR_SYSREG(2, 0, 1, 0, 0)
#define ACTLR_EL1      ESR_SYSREG(3, 0, 1, 0, 1)
#define ICC_DIR_EL1    ESR_SYSREG(3, 0, 12, 11, 1)
#define ICC_SGI1R_EL1  ESR_SYSREG(3, 0, 12, 11, 5)
#define ICC_ASGI1R_EL1 ESR_SYSREG(3, 0, 12, 11, 6)
#define ICC_SGI0R_EL1  ESR_SYSREG(3, 0, 12, 11, 7)
#define CNTP_TVAL_EL0  ESR_SYSREG(3, 3, 14, 2, 0)
#define CNTP_CTL_EL0   ESR_SYSREG(3, 3, 14, 2, 1)
#define CNTP_CVAL_EL0  ESR_SYSREG(3, 3, 14, 2, 2)

#define OSLSR_OSLM_IMPLEMENTED BIT(3)

/* An unknown register is worth a line the first few times: it is how one learns what a new kernel wants. */
#define UNKNOWN_LINES 4

static uint32_t place_field(uint32_t place, uint64_t mask)
{
    return (uint32_t)field_get(place, mask);
}

/* Registers (3, 0, 0, 1..7, op2). */
static bool is_id(uint32_t place)
{
    uint32_t crm = place_field(place, ESR_SYSREG_CRM);

    return (place & ~(uint32_t)(ESR_SYSREG_CRM | ESR_SYSREG_OP2)) == ESR_SYSREG(3, 0, 0, 0, 0) && crm >= 1 &&
           crm <= 7;
}

/* (2, 0, 0, *, *), (2, 3, 0, *, *) and what else MDCR_EL2.TDA traps. */
static bool is_debug(uint32_t place)
{
    return place_field(place, ESR_SYSREG_OP0) == 2 && place_field(place, ESR_SYSREG_CRN) == 0 &&
           place_field(place, ESR_SYSREG_OP1) != 1;
}

#define READ_ID(crm, op2)      \
    case ((crm) << 3 | (op2)): \
        return SYSREG_READ(s3_0_c0_c##crm##_##op2);
#define READ_ID_ROW(crm) \
    READ_ID(crm, 0)      \
    READ_ID(crm, 1)      \
    READ_ID(crm, 2)      \
    READ_ID(crm, 3)      \
    READ_ID(crm, 4)      \
    READ_ID(crm, 5)      \
    READ_ID(crm, 6)      \
    READ_ID(crm, 7)

/* Those that the manual has not named yet read as zero, by its rule. */
static uint64_t hardware_id(uint32_t crm, uint32_t op2)
{
    switch (crm << 3 | op2) {
        READ_ID_ROW(1)
        READ_ID_ROW(2)
        READ_ID_ROW(4)
        READ_ID_ROW(5)
        READ_ID_ROW(6)
        READ_ID_ROW(7)
    default:
        return 0;
    }
}

static void unknown(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    uint32_t place = exit->u.sysreg.number;

    if (vcpu->core.inject.undefined_count < UNKNOWN_LINES)
        log_info("vm %s vcpu %u: %s of system register S%u_%u_C%u_C%u_%u at 0x%lx: undefined",
                 vcpu->core.vm->config->name, vcpu->core.id,
                 (exit->raw & ESR_SYSREG_READ) != 0 ? "read" : "write", place_field(place, ESR_SYSREG_OP0),
                 place_field(place, ESR_SYSREG_OP1), place_field(place, ESR_SYSREG_CRN),
                 place_field(place, ESR_SYSREG_CRM), place_field(place, ESR_SYSREG_OP2), vcpu->sw.regs.pc);
    guest_inject_undefined(vcpu);
}

/* The debug registers open at the first access, which runs again. */
static void other(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    if (is_debug(exit->u.sysreg.number) && arm64_debug_is_on(vcpu)) {
        if (arm64_debug_access(vcpu, exit))
            return;
    } else if (is_debug(exit->u.sysreg.number) && !vcpu->debug.used) {
        guest_debug_open(vcpu);
        return;
    }
    unknown(vcpu, exit);
}

/* False: no register with a value of its own here. */
static bool read_value(struct arm64_vcpu *vcpu, uint32_t place, uint64_t *value)
{
    switch (place) {
    case OSLSR_EL1:
        *value = OSLSR_OSLM_IMPLEMENTED;
        return true;
    case OSDLR_EL1:
    case DBGPRCR_EL1:
    case MDRAR_EL1:
    case ACTLR_EL1:
        *value = 0;
        return true;
    case CNTP_TVAL_EL0:
        *value = guest_timer_read_tval(vcpu);
        return true;
    case CNTP_CTL_EL0:
        *value = guest_timer_read_ctl(vcpu);
        return true;
    case CNTP_CVAL_EL0:
        *value = vcpu->timers.cntp_cval;
        return true;
    default:
        return false;
    }
}

void guest_sysreg_read(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    uint32_t place = exit->u.sysreg.number;
    uint64_t value;

    if (is_id(place)) {
        uint32_t crm = place_field(place, ESR_SYSREG_CRM);
        uint32_t op2 = place_field(place, ESR_SYSREG_OP2);

        value = guest_id_value(crm, op2, hardware_id(crm, op2));
    } else if (!read_value(vcpu, place, &value)) {
        other(vcpu, exit);
        return;
    }
    arm64_reg_write(vcpu, (uint32_t)field_get(exit->raw, ESR_SYSREG_RT), value);
    arm64_skip(vcpu, exit->length);
}

void guest_sysreg_write(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    uint64_t value = arm64_reg_read(vcpu, (uint32_t)field_get(exit->raw, ESR_SYSREG_RT));

    switch (exit->u.sysreg.number) {
    case ICC_SGI1R_EL1:
        vgic_sgi(&vcpu->gic, value, true);
        break;
    case ICC_SGI0R_EL1:
        vgic_sgi(&vcpu->gic, value, false);
        break;
    case ICC_DIR_EL1:
        vgic_deactivate(&vcpu->gic, value);
        break;
    case CNTP_TVAL_EL0:
        guest_timer_write_tval(vcpu, value);
        break;
    case CNTP_CTL_EL0:
        guest_timer_write_ctl(vcpu, value);
        break;
    case CNTP_CVAL_EL0:
        guest_timer_write_cval(vcpu, value);
        break;
    case ICC_ASGI1R_EL1: /* interrupts of the other security state: there is none */
    case OSLAR_EL1:      /* the lock guards state that nobody saves behind the guest's back */
    case OSDLR_EL1:
    case DBGPRCR_EL1:
    case ACTLR_EL1:
        break;
    default:
        other(vcpu, exit);
        return;
    }
    arm64_skip(vcpu, exit->length);
}
