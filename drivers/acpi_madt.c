/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MADT: CPUs, IOAPICs, interrupt overrides, NMI pins. An entry that is too short for its type is skipped; one
 * of length 0 or beyond the table ends the walk.
 */
#include "drivers/acpi_table.h"

#include "lib/bytes.h"

#define MADT_LOCAL_APIC 36
#define MADT_FLAGS      40
#define MADT_ENTRIES    44
#define MADT_FLAG_8259  BIT(0)

enum madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_NMI_SOURCE = 3,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
    MADT_TYPES,
};

static const uint8_t min_length[MADT_TYPES] = {
    [MADT_LAPIC] = 8,     [MADT_IOAPIC] = 12,        [MADT_OVERRIDE] = 10, [MADT_NMI_SOURCE] = 8,
    [MADT_LAPIC_NMI] = 6, [MADT_LAPIC_ADDRESS] = 12, [MADT_X2APIC] = 16,   [MADT_X2APIC_NMI] = 12,
};

#define CPU_ENABLED        BIT(0)
#define CPU_ONLINE_CAPABLE BIT(1)

/* "MPS INTI flags"; a bus that conforms is ISA: active high, edge. */
#define INTI_POLARITY FIELD(1, 0)
#define INTI_TRIGGER  FIELD(3, 2)
#define INTI_REVERSED 3

static bool is_active_low(uint16_t flags)
{
    return field_get(flags, INTI_POLARITY) == INTI_REVERSED;
}

static bool is_level(uint16_t flags)
{
    return field_get(flags, INTI_TRIGGER) == INTI_REVERSED;
}

static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if ((flags & (CPU_ENABLED | CPU_ONLINE_CAPABLE)) == 0)
        return;
    for (uint32_t i = 0; i < info->cpu_count; i++)
        if (info->cpus[i].apic_id == apic_id)
            return; /* firmware may list a CPU both ways */
    if (info->cpu_count == ACPI_MAX_CPUS) {
        info->cpus_cut++;
        return;
    }
    info->cpus[info->cpu_count++] = (struct acpi_cpu){apic_id, uid, (flags & CPU_ENABLED) != 0};
}

static void add_nmi(struct acpi_info *info, struct acpi_nmi nmi)
{
    if (info->nmi_count < ACPI_MAX_NMIS)
        info->nmis[info->nmi_count++] = nmi;
}

static void add_lapic_nmi(struct acpi_info *info, uint32_t uid, bool all, uint16_t flags, uint8_t lint)
{
    if (lint <= 1)
        add_nmi(info, (struct acpi_nmi){.all_cpus = all,
                                        .uid = uid,
                                        .lint = lint,
                                        .active_low = is_active_low(flags),
                                        .level = is_level(flags)});
}

static void add_override(struct acpi_info *info, const uint8_t *entry)
{
    uint16_t flags = load_le16(entry + 8);

    if (entry[2] == 0 && entry[3] < 16 && info->override_count < ACPI_MAX_OVERRIDES)
        info->overrides[info->override_count++] =
            (struct acpi_override){entry[3], load_le32(entry + 4), is_active_low(flags), is_level(flags)};
}

static void add_ioapic(struct acpi_info *info, const uint8_t *entry)
{
    uint32_t address = load_le32(entry + 4);

    if (address != 0 && is_aligned(address, 16) && info->ioapic_count < ACPI_MAX_IOAPICS)
        info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){entry[2], address, load_le32(entry + 8)};
}

static void add_entry(struct acpi_info *info, const uint8_t *entry)
{
    switch (entry[0]) {
    case MADT_LAPIC:
        if (entry[3] != UINT8_MAX)
            add_cpu(info, entry[3], entry[2], load_le32(entry + 4));
        break;
    case MADT_X2APIC:
        if (load_le32(entry + 4) != UINT32_MAX)
            add_cpu(info, load_le32(entry + 4), load_le32(entry + 12), load_le32(entry + 8));
        break;
    case MADT_IOAPIC:
        add_ioapic(info, entry);
        break;
    case MADT_OVERRIDE:
        add_override(info, entry);
        break;
    case MADT_NMI_SOURCE:
        add_nmi(info, (struct acpi_nmi){.is_gsi = true,
                                        .gsi = load_le32(entry + 4),
                                        .active_low = is_active_low(load_le16(entry + 2)),
                                        .level = is_level(load_le16(entry + 2))});
        break;
    case MADT_LAPIC_NMI:
        add_lapic_nmi(info, entry[2], entry[2] == UINT8_MAX, load_le16(entry + 3), entry[5]);
        break;
    case MADT_X2APIC_NMI:
        add_lapic_nmi(info, load_le32(entry + 4), load_le32(entry + 4) == UINT32_MAX, load_le16(entry + 2),
                      entry[8]);
        break;
    case MADT_LAPIC_ADDRESS:
        info->local_apic = load_le64(entry + 4);
        break;
    default:
        break;
    }
}

void acpi_madt_parse(const struct acpi_table *madt, struct acpi_info *info)
{
    if (madt->size < MADT_ENTRIES)
        return;
    info->has_madt = true;
    info->local_apic = load_le32(madt->bytes + MADT_LOCAL_APIC);
    info->has_8259 = (load_le32(madt->bytes + MADT_FLAGS) & MADT_FLAG_8259) != 0;
    for (uint32_t at = MADT_ENTRIES; madt->size - at >= 2;) {
        const uint8_t *entry = madt->bytes + at;
        uint8_t length = entry[1];

        if (length < 2 || length > madt->size - at)
            return;
        if (entry[0] < MADT_TYPES && min_length[entry[0]] != 0 && length >= min_length[entry[0]])
            add_entry(info, entry);
        at += length;
    }
}
