/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: registers by offset, as xAPIC's page and x2APIC's MSRs share them, and the page
 * itself. What differs between the two modes (ID, LDR, ICR) is in the two entry points.
 */
#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic_internal.h"
#include "core/vcpu.h"

#define APIC_LVT_NO_MODE (APIC_LVT_VECTOR | APIC_LVT_MASKED)
#define APIC_DFR_ONES    UINT32_C(0x0fffffff)
#define APIC_LDR_SHIFT   24
#define APIC_DFR_SHIFT   28

static enum vlapic_lvt lvt_of(uint32_t reg)
{
    return (enum vlapic_lvt)((reg - APIC_LVT_TIMER) >> 4);
}

uint32_t vlapic_lvt_writable(uint32_t reg)
{
    switch (reg) {
    case APIC_LVT_TIMER:
        return APIC_LVT_NO_MODE | APIC_LVT_TIMER_MODE;
    case APIC_LVT_ERROR:
        return APIC_LVT_NO_MODE;
    case APIC_LVT_LINT0:
    case APIC_LVT_LINT1:
        return APIC_LVT_NO_MODE | APIC_LVT_MODE | APIC_LVT_POLARITY | APIC_LVT_TRIGGER;
    default:
        return APIC_LVT_NO_MODE | APIC_LVT_MODE;
    }
}

/* Eight 32-bit registers show 256 bits. */
static uint32_t bits_read(const uint64_t words[VLAPIC_WORDS], uint32_t reg, uint32_t first)
{
    uint32_t index = (reg - first) >> 4;

    return (uint32_t)(words[index >> 1] >> (32 * (index & 1)));
}

/* Arbitration priority, AMD APM vol. 2, "Arbitration Priority Register". */
static uint32_t arbitration_priority(const struct vlapic *vl)
{
    uint32_t irr = vl->irr_top < 0 ? 0 : (uint32_t)vl->irr_top >> 4;
    uint32_t isr = vl->isr_top < 0 ? 0 : (uint32_t)vl->isr_top >> 4;
    uint32_t tpr = vl->tpr >> 4;

    if (tpr >= irr && tpr >= isr)
        return vl->tpr;
    return (irr > isr ? irr : isr) << 4;
}

/* Registers that are 32 bits of something in groups of eight. */
static bool group_read(struct vlapic *vl, uint32_t reg, uint32_t *value)
{
    if (reg >= APIC_ISR && reg < APIC_TMR) {
        *value = bits_read(vl->isr, reg, APIC_ISR);
    } else if (reg >= APIC_TMR && reg < APIC_IRR) {
        *value = bits_read(vl->tmr, reg, APIC_TMR);
    } else if (reg >= APIC_IRR && reg < APIC_ESR) {
        vlapic_sync(vl);
        *value = bits_read(vl->irr, reg, APIC_IRR);
    } else if (reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR) {
        *value = vl->lvt[lvt_of(reg)];
    } else {
        return false;
    }
    return true;
}

bool vlapic_reg_read(struct vlapic *vl, uint32_t reg, uint32_t *value)
{
    switch (reg) {
    case APIC_VERSION:
        *value = APIC_VERSION_VALUE;
        return true;
    case APIC_TPR:
        *value = vl->tpr;
        return true;
    case APIC_PPR:
        *value = atomic_load_explicit(&vl->ppr, memory_order_relaxed);
        return true;
    case APIC_SVR:
        *value = vl->svr;
        return true;
    case APIC_ESR:
        *value = vl->esr;
        return true;
    case APIC_ICR_LOW:
        *value = (uint32_t)vl->icr;
        return true;
    case APIC_TMR_INIT:
        *value = vl->timer.initial;
        return true;
    case APIC_TMR_NOW:
        *value = vlapic_timer_read_count(vl);
        return true;
    case APIC_TMR_DIVIDE:
        *value = vl->timer.divide;
        return true;
    default:
        return group_read(vl, reg, value);
    }
}

/* Registers that only xAPIC mode has, or shows differently. */
static bool xapic_read(struct vlapic *vl, uint32_t reg, uint32_t *value)
{
    switch (reg) {
    case APIC_ID:
        *value = vlapic_id(vl) << 24;
        return true;
    case APIC_APR:
        vlapic_sync(vl);
        *value = arbitration_priority(vl);
        return true;
    case APIC_EOI: /* write-only */
    case APIC_RRD:
        *value = 0;
        return true;
    case APIC_LDR:
        *value = vl->ldr << APIC_LDR_SHIFT;
        return true;
    case APIC_DFR:
        *value = vl->dfr << APIC_DFR_SHIFT | APIC_DFR_ONES;
        return true;
    case APIC_ICR_HIGH:
        *value = (uint32_t)(vl->icr >> 32);
        return true;
    default:
        return false;
    }
}

uint64_t vlapic_mmio_read(struct vlapic *vl, uint32_t offset, unsigned int size)
{
    uint32_t reg = offset & 0xff0;
    uint32_t byte = offset & 0xf;
    uint32_t value = 0;

    if (byte + size > sizeof(uint32_t))
        return 0;
    if (UNLIKELY(!vlapic_reg_read(vl, reg, &value)) && !xapic_read(vl, reg, &value))
        vlapic_log_error(vl, APIC_ESR_REGISTER);
    return (value >> (8 * byte)) & bytes_mask(size);
}

static void write_svr(struct vlapic *vl, uint32_t value)
{
    vl->svr = value & APIC_SVR_WRITABLE;
    if (!vlapic_is_soft_enabled(vl)) {
        for (uint32_t i = VLAPIC_THERM; i < VLAPIC_LVTS; i++)
            vl->lvt[i] |= APIC_LVT_MASKED;
        vlapic_timer_write_lvt(vl, vl->lvt[VLAPIC_TIMER] | APIC_LVT_MASKED);
    }
    vlapic_publish_route(vl);
}

static void write_lvt(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    value &= vlapic_lvt_writable(reg);
    if (!vlapic_is_soft_enabled(vl))
        value |= APIC_LVT_MASKED;
    if (reg == APIC_LVT_TIMER) {
        vlapic_timer_write_lvt(vl, value);
        return;
    }
    vl->lvt[lvt_of(reg)] = value;
    if (reg == APIC_LVT_LINT0) {
        vlapic_publish_route(vl);
        vlapic_notify(vl); /* the PIC may have been waiting for this */
    }
}

/* Read-only registers are known and ignore what is written. */
bool vlapic_reg_write(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    uint32_t ignored;

    switch (reg) {
    case APIC_TPR:
        vlapic_set_tpr(vl, (uint8_t)value);
        return true;
    case APIC_EOI:
        vlapic_eoi(vl);
        return true;
    case APIC_SVR:
        write_svr(vl, value);
        return true;
    case APIC_ESR:
        vl->esr = atomic_exchange_explicit(&vl->posted.error, 0, memory_order_relaxed);
        return true;
    case APIC_TMR_INIT:
        vlapic_timer_write_initial(vl, value);
        return true;
    case APIC_TMR_DIVIDE:
        vlapic_timer_write_divide(vl, value);
        return true;
    default:
        if (reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR) {
            write_lvt(vl, reg, value);
            return true;
        }
        return vlapic_reg_read(vl, reg, &ignored);
    }
}

static bool xapic_write(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    uint32_t ignored;

    switch (reg) {
    case APIC_ICR_LOW:
        vl->icr = (vl->icr & FIELD(63, 32)) | (value & APIC_ICR_WRITABLE);
        apic_bus_send_icr(vl, vl->icr);
        return true;
    case APIC_ICR_HIGH:
        vl->icr = field_set(vl->icr, FIELD(63, 32), value & UINT32_C(0xff000000));
        return true;
    case APIC_LDR:
        vl->ldr = value >> APIC_LDR_SHIFT;
        vlapic_publish_route(vl);
        return true;
    case APIC_DFR:
        vl->dfr = value >> APIC_DFR_SHIFT;
        vlapic_publish_route(vl);
        return true;
    default:
        return vlapic_reg_write(vl, reg, value) || xapic_read(vl, reg, &ignored);
    }
}

void vlapic_mmio_write(struct vlapic *vl, uint32_t offset, unsigned int size, uint64_t value)
{
    if (size != sizeof(uint32_t) || (offset & 0xf) != 0)
        return;
    if (UNLIKELY(!xapic_write(vl, offset, (uint32_t)value)))
        vlapic_log_error(vl, APIC_ESR_REGISTER);
}
