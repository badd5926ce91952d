/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC by MSR: IA32_APIC_BASE and its mode transitions, IA32_TSC_DEADLINE, x2APIC
 * registers. Whatever is reserved, read-only or in the wrong mode is E_INVAL and changes nothing. Intel SDM
 * vol. 3, "x2APIC Register Address Space", "x2APIC State Transitions".
 */
#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic_internal.h"

#define APIC_BASE_LOW    (APIC_BASE_BSP | APIC_BASE_X2APIC | APIC_BASE_ENABLE)
#define X2APIC_ICR_FIXED (FIELD(31, 20) | FIELD(17, 16) | BIT(13)) /* reserved bits */
#define X2APIC_LVT_STATE (BIT(12) | BIT(14))                       /* read-only, not reserved */
#define X2APIC_REG(msr)  (((msr)-MSR_X2APIC_FIRST) << 4)

static int write_base(struct vlapic *vl, uint64_t value)
{
    uint64_t address = FIELD(51, 12) & (BIT(vl->bus->phys_bits) - 1);
    bool enable = (value & APIC_BASE_ENABLE) != 0;
    bool x2apic = (value & APIC_BASE_X2APIC) != 0;

    if ((value & ~(address | APIC_BASE_LOW)) != 0 || (x2apic && !vl->bus->x2apic))
        return E_INVAL;
    if (x2apic && (!enable || !vlapic_is_enabled(vl)))
        return E_INVAL;
    if (vlapic_is_x2apic(vl) && enable && !x2apic)
        return E_INVAL;
    if (x2apic && !vlapic_is_x2apic(vl))
        vl->icr &= ~FIELD(63, 32);
    vl->base = value;
    if (!enable)
        vlapic_reset(vl, true);
    else
        vlapic_publish_route(vl);
    vlapic_notify(vl); /* an APIC that is off lets the PIC through */
    return 0;
}

static int x2apic_read(struct vlapic *vl, uint32_t reg, uint64_t *value)
{
    int64_t low;

    switch (reg) {
    case APIC_ID:
        *value = vlapic_id(vl);
        return 0;
    case APIC_LDR:
        *value = vlapic_x2apic_ldr(vlapic_id(vl));
        return 0;
    case APIC_ICR_LOW:
        *value = vl->icr;
        return 0;
    case APIC_APR:
    case APIC_EOI:
    case APIC_RRD:
    case APIC_DFR:
    case APIC_ICR_HIGH:
        return E_INVAL;
    default:
        low = vlapic_reg_read(vl, reg);
        if (low == VLAPIC_NO_REGISTER)
            return E_INVAL;
        *value = (uint64_t)low;
        return 0;
    }
}

/* Bits that may be written, 0 for what cannot be written at all (EOI and ESR: zero only). */
static bool x2apic_allows(uint32_t reg, uint64_t value)
{
    switch (reg) {
    case APIC_TPR:
        return value <= UINT8_MAX;
    case APIC_EOI:
    case APIC_ESR:
        return value == 0;
    case APIC_SVR:
        return (value & ~(uint64_t)APIC_SVR_WRITABLE) == 0;
    case APIC_ICR_LOW:
        return (value & X2APIC_ICR_FIXED) == 0;
    case APIC_TMR_INIT:
        return value <= UINT32_MAX;
    case APIC_TMR_DIVIDE:
        return (value & ~(uint64_t)APIC_DIVIDE_BITS) == 0;
    case APIC_SELF_IPI:
        return value <= UINT8_MAX;
    default:
        return reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR &&
               (value & ~(vlapic_lvt_writable(reg) | X2APIC_LVT_STATE)) == 0;
    }
}

static int x2apic_write(struct vlapic *vl, uint32_t reg, uint64_t value)
{
    if (!x2apic_allows(reg, value))
        return E_INVAL;
    if (reg == APIC_ICR_LOW) {
        vl->icr = value & (FIELD(63, 32) | APIC_ICR_WRITABLE);
        apic_bus_send_icr(vl, vl->icr);
    } else if (reg == APIC_SELF_IPI) {
        apic_bus_send_icr(vl, value | (uint64_t)APIC_TO_SELF << APIC_ICR_SHORTHAND_SHIFT);
    } else {
        (void)vlapic_reg_write(vl, reg, (uint32_t)value);
    }
    return 0;
}

int vlapic_msr_read(struct vlapic *vl, uint32_t msr, uint64_t *value)
{
    if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
        return vlapic_is_x2apic(vl) ? x2apic_read(vl, X2APIC_REG(msr), value) : E_INVAL;
    if (msr == MSR_TSC_DEADLINE) {
        *value = vlapic_timer_read_deadline(vl);
        return 0;
    }
    if (msr != MSR_APIC_BASE)
        return E_INVAL;
    *value = vl->base;
    return 0;
}

int vlapic_msr_write(struct vlapic *vl, uint32_t msr, uint64_t value)
{
    if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
        return vlapic_is_x2apic(vl) ? x2apic_write(vl, X2APIC_REG(msr), value) : E_INVAL;
    if (msr == MSR_TSC_DEADLINE) {
        vlapic_timer_write_deadline(vl, value);
        return 0;
    }
    return msr == MSR_APIC_BASE ? write_base(vl, value) : E_INVAL;
}
