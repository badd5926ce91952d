/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC: registers by offset, and the page that xAPIC mode shows. x2APIC mode uses the same
 * registers for all that it does not have in a form of its own (vlapic_msr.c).
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

/* Registers in rows: bit arrays and the LVT. */
static int64_t row_read(struct vlapic *vl, uint32_t reg)
{
    if (reg >= APIC_ISR && reg < APIC_TMR)
        return bits_read(vl->isr, reg, APIC_ISR);
    if (reg >= APIC_TMR && reg < APIC_IRR)
        return bits_read(vl->tmr, reg, APIC_TMR);
    if (reg >= APIC_IRR && reg < APIC_ESR) {
        vlapic_sync(vl);
        return bits_read(vl->irr, reg, APIC_IRR);
    }
    if (reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR)
        return vl->lvt[lvt_of(reg)];
    return VLAPIC_NO_REGISTER;
}

static __attribute__((noinline, cold)) int64_t read_any(struct vlapic *vl, uint32_t reg)
{
    switch (reg >> 4) {
    case APIC_VERSION >> 4:
        return APIC_VERSION_VALUE;
    case APIC_TPR >> 4:
        return vl->tpr;
    case APIC_APR >> 4:
        vlapic_sync(vl);
        return arbitration_priority(vl);
    case APIC_PPR >> 4:
        return atomic_load_explicit(&vl->ppr, memory_order_relaxed);
    case APIC_EOI >> 4: /* write-only */
    case APIC_RRD >> 4:
        return 0;
    case APIC_LDR >> 4:
        return (uint32_t)(vl->ldr << APIC_LDR_SHIFT);
    case APIC_DFR >> 4:
        return vl->dfr << APIC_DFR_SHIFT | APIC_DFR_ONES;
    case APIC_SVR >> 4:
        return vl->svr;
    case APIC_ESR >> 4:
        return vl->esr;
    case APIC_ICR_HIGH >> 4:
        return (int64_t)(vl->icr >> 32);
    case APIC_TMR_INIT >> 4:
        return vl->timer.initial;
    case APIC_TMR_NOW >> 4:
        return vlapic_timer_read_count(vl);
    case APIC_TMR_DIVIDE >> 4:
        return vl->timer.divide;
    default:
        return row_read(vl, reg);
    }
}

/* What guests read often comes first, the rest without a table of jumps, which would be large. */
int64_t vlapic_reg_read(struct vlapic *vl, uint32_t reg)
{
    if (reg == APIC_ICR_LOW)
        return (uint32_t)vl->icr;
    if (reg == APIC_ID)
        return (uint32_t)(vlapic_id(vl) << APIC_LDR_SHIFT);
    return read_any(vl, reg);
}

uint64_t vlapic_mmio_read(struct vlapic *vl, uint32_t offset, unsigned int size)
{
    uint32_t byte = offset & 0xf;
    int64_t value;

    if (UNLIKELY(byte + size > sizeof(uint32_t)))
        return 0;
    value = vlapic_reg_read(vl, offset & 0xff0);
    if (UNLIKELY(value == VLAPIC_NO_REGISTER)) {
        vlapic_log_error(vl, APIC_ESR_REGISTER);
        return 0;
    }
    if (LIKELY(size == sizeof(uint32_t)))
        return (uint64_t)value;
    return ((uint64_t)value >> (8 * byte)) & bytes_mask(size);
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

void vlapic_write_icr_low(struct vlapic *vl, uint32_t value)
{
    vl->icr = (vl->icr & FIELD(63, 32)) | (value & APIC_ICR_WRITABLE);
    apic_bus_send_icr(vl, vl->icr);
}

/* The LVT; read-only registers are known and ignore what is written. */
static bool row_write(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    if (reg >= APIC_LVT_TIMER && reg <= APIC_LVT_ERROR) {
        write_lvt(vl, reg, value);
        return true;
    }
    return vlapic_reg_read(vl, reg) != VLAPIC_NO_REGISTER;
}

static __attribute__((noinline, cold)) bool write_any(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    switch (reg >> 4) {
    case APIC_TPR >> 4:
        vlapic_set_tpr(vl, (uint8_t)value);
        return true;
    case APIC_LDR >> 4:
        vl->ldr = value >> APIC_LDR_SHIFT;
        vlapic_publish_route(vl);
        return true;
    case APIC_DFR >> 4:
        vl->dfr = value >> APIC_DFR_SHIFT;
        vlapic_publish_route(vl);
        return true;
    case APIC_SVR >> 4:
        write_svr(vl, value);
        return true;
    case APIC_ESR >> 4:
        vl->esr = atomic_exchange_explicit(&vl->posted.error, 0, memory_order_relaxed);
        return true;
    case APIC_TMR_DIVIDE >> 4:
        vlapic_timer_write_divide(vl, value);
        return true;
    default:
        return row_write(vl, reg, value);
    }
}

bool vlapic_reg_write(struct vlapic *vl, uint32_t reg, uint32_t value)
{
    if (reg == APIC_ICR_LOW)
        vlapic_write_icr_low(vl, value);
    else if (reg == APIC_EOI)
        vlapic_eoi(vl);
    else if (reg == APIC_ICR_HIGH)
        vl->icr = (uint32_t)vl->icr | (uint64_t)(value & APIC_ICR_HIGH_DEST) << 32;
    else if (reg == APIC_TMR_INIT)
        vlapic_timer_write_initial(vl, value);
    else
        return write_any(vl, reg, value);
    return true;
}

void vlapic_mmio_write(struct vlapic *vl, uint32_t offset, unsigned int size, uint64_t value)
{
    if (UNLIKELY(size != sizeof(uint32_t) || (offset & 0xf) != 0))
        return;
    if (UNLIKELY(!vlapic_reg_write(vl, offset, (uint32_t)value)))
        vlapic_log_error(vl, APIC_ESR_REGISTER);
}
