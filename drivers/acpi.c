/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root pointer, root table, and who gets which table. Of tables that should be there once the first valid one
 * counts. Used at boot only, by one CPU.
 */
#include "drivers/acpi.h"

#include "drivers/acpi_table.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define RSDP_SIGNATURE "RSD PTR "
#define RSDP_OEM       9
#define RSDP_REVISION  15
#define RSDP_RSDT      16
#define RSDP_SIZE      20 /* what the first checksum covers */
#define RSDP_LENGTH    20
#define RSDP_XSDT      24
#define RSDP_SIZE_2    36

#define TABLE_LENGTH 4

#define MCFG_ENTRIES    44
#define MCFG_ENTRY_SIZE 16

bool acpi_checksum_ok(const void *bytes, uint32_t size)
{
    const uint8_t *b = bytes;
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + b[i]);
    return sum == 0;
}

bool acpi_table_is(const struct acpi_table *table, const char *signature)
{
    return memcmp(table->bytes, signature, 4) == 0;
}

bool acpi_table_open(const struct acpi_memory_ops *memory, hpa_t at, const char *signature,
                     struct acpi_table *table)
{
    const uint8_t *header = at.v == 0 ? NULL : memory->map(at, ACPI_HEADER_SIZE);

    if (header == NULL)
        return false;
    table->size = load_le32(header + TABLE_LENGTH);
    if (table->size < ACPI_HEADER_SIZE || table->size > ACPI_MAX_TABLE)
        return false;
    table->bytes = memory->map(at, table->size);
    return table->bytes != NULL && acpi_checksum_ok(table->bytes, table->size) &&
           (signature == NULL || acpi_table_is(table, signature));
}

static bool rsdp_ok(const uint8_t *rsdp)
{
    return memcmp(rsdp, RSDP_SIGNATURE, 8) == 0 && acpi_checksum_ok(rsdp, RSDP_SIZE);
}

hpa_t acpi_find_rsdp(const struct acpi_memory_ops *memory, hpa_t start, uint64_t size)
{
    for (uint64_t at = 0; at + RSDP_SIZE <= size; at += 16) {
        const uint8_t *rsdp = memory->map(hpa(start.v + at), RSDP_SIZE);

        if (rsdp != NULL && rsdp_ok(rsdp))
            return hpa(start.v + at);
    }
    return hpa(0);
}

static void mcfg_parse(const struct acpi_table *mcfg, struct acpi_info *info)
{
    for (uint32_t at = MCFG_ENTRIES; at + MCFG_ENTRY_SIZE <= mcfg->size; at += MCFG_ENTRY_SIZE) {
        const uint8_t *entry = mcfg->bytes + at;

        if (info->ecam_count == ACPI_MAX_ECAMS)
            return;
        if (entry[11] < entry[10])
            continue;
        info->ecams[info->ecam_count++] = (struct acpi_ecam){
            .base = load_le64(entry),
            .segment = load_le16(entry + 8),
            .first_bus = entry[10],
            .last_bus = entry[11],
        };
    }
}

static void table_parse(const struct acpi_memory_ops *memory, const struct acpi_table *table,
                        struct acpi_info *info)
{
    if (acpi_table_is(table, "APIC") && !info->has_madt) {
        acpi_madt_parse(table, info);
    } else if (acpi_table_is(table, "FACP") && !info->has_fadt) {
        struct acpi_table dsdt;

        acpi_fadt_parse(memory, table, info);
        if (acpi_table_open(memory, acpi_fadt_dsdt(table), "DSDT", &dsdt))
            acpi_s5_parse(&dsdt, info);
        else
            info->bad_count++;
    } else if (acpi_table_is(table, "MCFG") && info->ecam_count == 0) {
        mcfg_parse(table, info);
    } else if (acpi_table_is(table, "SSDT")) {
        acpi_s5_parse(table, info);
    }
}

/* `entry_size` 4 for the RSDT, 8 for the XSDT. */
static void root_parse(const struct acpi_memory_ops *memory, const struct acpi_table *root,
                       uint32_t entry_size, struct acpi_info *info)
{
    for (uint32_t at = ACPI_HEADER_SIZE; at + entry_size <= root->size; at += entry_size) {
        const uint8_t *entry = root->bytes + at;
        struct acpi_table table;

        if (info->table_count + info->bad_count >= ACPI_MAX_TABLES)
            return;
        if (acpi_table_open(memory, hpa(entry_size == 8 ? load_le64(entry) : load_le32(entry)), NULL,
                            &table)) {
            info->table_count++;
            table_parse(memory, &table, info);
        } else {
            info->bad_count++;
        }
    }
}

int acpi_parse(const struct acpi_memory_ops *memory, hpa_t rsdp_at, struct acpi_info *info)
{
    const uint8_t *rsdp = rsdp_at.v == 0 ? NULL : memory->map(rsdp_at, RSDP_SIZE);
    struct acpi_table root;

    memset(info, 0, sizeof(*info));
    if (rsdp == NULL || !rsdp_ok(rsdp))
        return E_NOENT;
    memcpy(info->oem, rsdp + RSDP_OEM, 6);
    if (rsdp[RSDP_REVISION] >= 2) {
        const uint8_t *rsdp2 = memory->map(rsdp_at, RSDP_SIZE_2);

        info->revision = rsdp[RSDP_REVISION];
        if (rsdp2 != NULL && load_le32(rsdp2 + RSDP_LENGTH) >= RSDP_SIZE_2 &&
            acpi_checksum_ok(rsdp2, RSDP_SIZE_2) &&
            acpi_table_open(memory, hpa(load_le64(rsdp2 + RSDP_XSDT)), "XSDT", &root)) {
            root_parse(memory, &root, 8, info);
            return 0;
        }
    }
    if (!acpi_table_open(memory, hpa(load_le32(rsdp + RSDP_RSDT)), "RSDT", &root))
        return E_INVAL;
    root_parse(memory, &root, 4, info);
    return 0;
}

struct acpi_override acpi_isa_irq(const struct acpi_info *info, uint8_t irq)
{
    for (uint32_t i = 0; i < info->override_count; i++)
        if (info->overrides[i].irq == irq)
            return info->overrides[i];
    return (struct acpi_override){.irq = irq, .gsi = irq};
}
