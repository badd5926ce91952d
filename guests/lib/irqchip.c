/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs the interrupt hardware; holds no state of its own. */
#include "guests/lib/irqchip.h"

#include "guests/lib/cpu.h"

#define PIC1_DATA   0x21
#define PIC2_DATA   0xA1
#define PIT_CHANNEL 0x40
#define PIT_COMMAND 0x43
#define PIT_MODE0   0x30 /* channel 0, low then high byte, mode 0 */

void irqchip_mask_legacy(void)
{
    out8(PIC1_DATA, 0xFF);
    out8(PIC2_DATA, 0xFF);
}

uint32_t apic_read(uint32_t reg)
{
    return mmio_get32(APIC_BASE + reg);
}

void apic_write(uint32_t reg, uint32_t value)
{
    mmio_put32(APIC_BASE + reg, value);
}

void apic_enable(void)
{
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS);
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_send_self(uint32_t icr_low)
{
    apic_write(APIC_ICR_HIGH, apic_read(APIC_ID));
    apic_write(APIC_ICR_LOW, icr_low);
}

void apic_self_nmi(void)
{
    apic_send_self(APIC_ICR_NMI | APIC_ICR_ASSERT);
}

void apic_self_irq(uint8_t vector)
{
    apic_send_self(vector | APIC_ICR_ASSERT);
}

void apic_timer_start(uint8_t vector, uint32_t ticks)
{
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, vector);
    apic_write(APIC_TIMER_INITIAL, ticks);
}

void apic_timer_stop(void)
{
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
}

uint32_t ioapic_read(uint32_t reg)
{
    mmio_put32(IOAPIC_BASE, reg);
    return mmio_get32(IOAPIC_BASE + IOAPIC_WINDOW);
}

void ioapic_write(uint32_t reg, uint32_t value)
{
    mmio_put32(IOAPIC_BASE, reg);
    mmio_put32(IOAPIC_BASE + IOAPIC_WINDOW, value);
}

void ioapic_route(unsigned int gsi, uint8_t vector)
{
    ioapic_write(IOAPIC_REG_ENTRY + 2 * gsi + 1, apic_read(APIC_ID));
    ioapic_write(IOAPIC_REG_ENTRY + 2 * gsi, vector);
}

void ioapic_mask(unsigned int gsi)
{
    ioapic_write(IOAPIC_REG_ENTRY + 2 * gsi, APIC_LVT_MASKED);
}

void pit_start(uint16_t count)
{
    out8(PIT_COMMAND, PIT_MODE0);
    out8(PIT_CHANNEL, (uint8_t)count);
    out8(PIT_CHANNEL, (uint8_t)(count >> 8));
}
