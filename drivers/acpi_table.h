/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the ACPI parser: one table whose length and checksum have been checked, and who takes it apart.
 */
#pragma once

#include "drivers/acpi.h"

#define ACPI_HEADER_SIZE 36

struct acpi_table {
    const uint8_t *bytes;
    uint32_t size; /* all of it readable, at least ACPI_HEADER_SIZE */
};

/* False: not readable, impossible length, wrong signature (unless NULL) or checksum. */
bool acpi_table_open(const struct acpi_memory_ops *memory, hpa_t at, const char *signature,
                     struct acpi_table *table);
bool acpi_table_is(const struct acpi_table *table, const char *signature);
bool acpi_checksum_ok(const void *bytes, uint32_t size);

/* Multiple APIC Description Table. */
void acpi_madt_parse(const struct acpi_table *madt, struct acpi_info *info);

/* Fixed ACPI Description Table. Registers in memory count only if `memory` maps them. */
void acpi_fadt_parse(const struct acpi_memory_ops *memory, const struct acpi_table *fadt,
                     struct acpi_info *info);

/* Where the FADT says that the DSDT is; 0: nowhere. */
hpa_t acpi_fadt_dsdt(const struct acpi_table *fadt);

/* Looks in a DSDT or SSDT for the package \_S5_ and takes the two sleep types from it. */
void acpi_s5_parse(const struct acpi_table *aml, struct acpi_info *info);
