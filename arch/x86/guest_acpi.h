/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's description of its PC: ACPI tables (RSDP, RSDT, XSDT, FADT, FACS, DSDT, MADT) and, for kernels
 * without ACPI, an Intel MultiProcessor table. Written by Latch before the kernel is loaded; the guest may
 * scribble over them, nobody reads them back. Sources: ACPI specification 6.5, chapter 5.2; Intel
 * MultiProcessor Specification 1.4, chapter 4.
 *
 * Wiring that the tables tell: ISA interrupt 0 is GSI 2, interrupt 9 is the SCI (level triggered, active
 * high), the others have their own number, edge triggered, active high. LINT0 of every CPU takes the PIC's
 * output, LINT1 NMI.
 */
#pragma once

#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

#define GUEST_ACPI_SCI       9
#define GUEST_ACPI_TIMER_GSI 2

struct vm;

struct guest_acpi_params {
    uint32_t cpu_count; /* local APIC IDs 0..cpu_count-1, at most 64; all enabled */
    uint8_t ioapic_id;  /* 4 bits in the MP table */
    uint32_t lapic_address;
    uint32_t ioapic_address;
    uint16_t pm1_event_port; /* PM1a_EVT, 4 bytes */
    uint16_t pm1_control_port;
    uint16_t pm_timer_port; /* 32 bits wide */
    uint16_t reset_port;
    uint8_t reset_value;
    uint8_t sleep_type_s5; /* 0..7 */
    uint8_t century_index; /* in CMOS */
};

/* What the models of this project are wired to. */
struct guest_acpi_params guest_acpi_default(uint32_t cpu_count);

/*
 * Writes the tables: RSDP at GUEST_RSDP, the rest behind it in [GUEST_ACPI_START, + GUEST_ACPI_SIZE); MP
 * floating pointer at GUEST_BIOS_START, its table behind it. E_RANGE: parameters out of range, E_FAULT: no
 * RAM there.
 */
MUST_CHECK int guest_acpi_write(struct vm *vm, const struct guest_acpi_params *params);
MUST_CHECK int guest_mptable_write(struct vm *vm, const struct guest_acpi_params *params);
