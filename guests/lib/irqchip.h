/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt hardware for guest programs: local APIC (xAPIC), IOAPIC, 8259 pair, 8254. Registers at their
 * usual PC addresses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define APIC_BASE          0xFEE00000u
#define APIC_ID            0x020
#define APIC_VERSION       0x030
#define APIC_TPR           0x080
#define APIC_PPR           0x0A0
#define APIC_EOI           0x0B0
#define APIC_LDR           0x0D0
#define APIC_DFR           0x0E0
#define APIC_SVR           0x0F0
#define APIC_ISR           0x100
#define APIC_IRR           0x200
#define APIC_ICR_LOW       0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3E0

#define APIC_SVR_ENABLE       0x100
#define APIC_LVT_MASKED       0x10000
#define APIC_LVT_TSC_DEADLINE 0x40000
#define APIC_ICR_LOWEST       0x100
#define APIC_ICR_NMI          0x400
#define APIC_ICR_INIT         0x500
#define APIC_ICR_STARTUP      0x600
#define APIC_ICR_LOGICAL      0x800
#define APIC_ICR_PENDING      0x1000
#define APIC_ICR_ASSERT       0x4000
#define APIC_ICR_LEVEL        0x8000
#define APIC_ICR_SELF         0x40000
#define APIC_ICR_ALL          0x80000
#define APIC_ICR_OTHERS       0xC0000 /* all but this CPU */
#define APIC_DIVIDE_BY_1      0x0B
#define APIC_SPURIOUS         0xFF

#define IOAPIC_LOGICAL 0x800
#define IOAPIC_REMOTE  0x4000 /* remote IRR */
#define IOAPIC_LEVEL   0x8000

#define IOAPIC_BASE        0xFEC00000u
#define IOAPIC_WINDOW      0x10
#define IOAPIC_REG_ID      0x00
#define IOAPIC_REG_VERSION 0x01
#define IOAPIC_REG_ENTRY   0x10

#define PIT_HZ 1193182

/* Both 8259s masked, LVTs masked. */
void irqchip_mask_legacy(void);

uint32_t apic_read(uint32_t reg);
void apic_write(uint32_t reg, uint32_t value);

/* Software-enables the local APIC with the spurious vector, TPR 0, all LVTs masked. */
void apic_enable(void);
void apic_eoi(void);

/* To this CPU itself, by its physical destination (emulators drop some forms of the self shorthand). */
void apic_send_self(uint32_t icr_low);
void apic_self_nmi(void);
void apic_self_irq(uint8_t vector);

/* One shot after `ticks` of the undivided timer clock. */
void apic_timer_start(uint8_t vector, uint32_t ticks);
void apic_timer_stop(void);

uint32_t ioapic_read(uint32_t reg);
void ioapic_write(uint32_t reg, uint32_t value);

/* GSI to a vector of this CPU: edge, active high, fixed. */
void ioapic_route(unsigned int gsi, uint8_t vector);
void ioapic_mask(unsigned int gsi);

/* Channel 0, mode 0 (one interrupt at the end of the count) of `count` PIT ticks. */
void pit_start(uint16_t count);
