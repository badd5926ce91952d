/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Latch needs to know from ACPI's static tables, found and checked once at boot. Nothing in the tables
 * is trusted: every length is checked against what is readable, every table against its checksum. ACPI
 * specification, "ACPI Software Programming Model".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

#define ACPI_MAX_CPUS      256
#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 24
#define ACPI_MAX_NMIS      32
#define ACPI_MAX_ECAMS     8
#define ACPI_MAX_TABLES    128
#define ACPI_MAX_TABLE     (UINT32_C(4) << 20) /* bytes of one table; DSDTs of big servers reach 1 MiB */

/* How tables are reached. */
struct acpi_memory_ops {
    /* `size` readable bytes at a physical address, or NULL. */
    const void *(*map)(hpa_t at, uint64_t size);
};

/* Generic Address Structure. */
enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI = 2,
};

struct acpi_register {
    bool valid;
    uint8_t space; /* enum acpi_space */
    uint8_t width; /* bits */
    uint64_t address;
};

struct acpi_cpu {
    uint32_t apic_id;
    uint32_t uid;
    bool enabled; /* false: may be plugged in later */
};

struct acpi_ioapic {
    uint8_t id;
    uint32_t address;
    uint32_t gsi_base;
};

/* An ISA interrupt that is not what the bus says. */
struct acpi_override {
    uint8_t irq;
    uint32_t gsi;
    bool active_low;
    bool level;
};

/* Where non-maskable interrupts come in: a local pin, or an IOAPIC input. */
struct acpi_nmi {
    bool is_gsi;
    bool all_cpus; /* local: all of them */
    uint8_t lint;  /* local: 0 or 1 */
    uint32_t uid;  /* local: the processor */
    uint32_t gsi;
    bool active_low;
    bool level;
};

struct acpi_ecam {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
};

struct acpi_info {
    uint8_t revision; /* of the root pointer; 0: ACPI 1.0 */
    char oem[7];
    uint32_t table_count;
    uint32_t bad_count; /* tables that were left out: unreadable, too short, wrong checksum */

    bool has_madt;
    bool has_8259;
    uint64_t local_apic;
    uint32_t cpu_count;
    uint32_t cpus_cut; /* CPUs beyond ACPI_MAX_CPUS */
    uint32_t ioapic_count;
    uint32_t override_count;
    uint32_t nmi_count;
    struct acpi_cpu cpus[ACPI_MAX_CPUS];
    struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
    struct acpi_override overrides[ACPI_MAX_OVERRIDES];
    struct acpi_nmi nmis[ACPI_MAX_NMIS];

    bool has_fadt;
    bool hardware_reduced;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable; /* written to smi_command */
    struct acpi_register pm1a_control;
    struct acpi_register pm1b_control;
    struct acpi_register pm_timer;
    bool pm_timer_32bit;
    struct acpi_register reset;
    uint8_t reset_value;
    struct acpi_register sleep_control; /* hardware-reduced machines */
    bool has_s5;
    uint8_t s5_type_a;
    uint8_t s5_type_b;

    uint32_t ecam_count;
    struct acpi_ecam ecams[ACPI_MAX_ECAMS];
};

/* Searches [start, start + size) on 16-byte boundaries for a valid root pointer; 0: none. */
hpa_t acpi_find_rsdp(const struct acpi_memory_ops *memory, hpa_t start, uint64_t size);

/* E_NOENT (no valid root pointer there), E_INVAL (no usable root table). Fills what it found in any case. */
MUST_CHECK int acpi_parse(const struct acpi_memory_ops *memory, hpa_t rsdp, struct acpi_info *info);

/* The GSI behind an ISA interrupt, with polarity and trigger. */
struct acpi_override acpi_isa_irq(const struct acpi_info *info, uint8_t irq);
