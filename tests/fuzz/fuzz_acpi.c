/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI parser over a hostile memory: the input is the contents of physical memory from MEMORY_BASE on. So
 * that the fuzzer gets past them, checksums are right whatever the bytes are: map() fixes up what looks like
 * a header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi.h"
#include "drivers/acpi_table.h"

#define MEMORY_BASE 0x1000
#define MAX_COPIES  2048

static const uint8_t *memory;
static size_t memory_size;
static void *copies[MAX_COPIES];
static uint32_t copy_count;

/* An exact copy with byte 9 (of a table) or 8 (of a root pointer) making the sum 0. */
static const void *map(hpa_t at, uint64_t size)
{
    uint8_t *copy;
    uint8_t sum = 0;
    uint32_t sum_at;

    if (at.v < MEMORY_BASE || at.v - MEMORY_BASE > memory_size || size > memory_size - (at.v - MEMORY_BASE) ||
        copy_count == MAX_COPIES)
        return NULL;
    copy = malloc(size + 1);
    copies[copy_count++] = copy;
    memcpy(copy, memory + at.v - MEMORY_BASE, size);
    sum_at = memcmp(copy, "RSD ", size < 4 ? size : 4) == 0 ? (size == 36 ? 32 : 8) : 9;
    if (sum_at < size) {
        copy[sum_at] = 0;
        for (uint64_t i = 0; i < size; i++)
            sum = (uint8_t)(sum + copy[i]);
        copy[sum_at] = (uint8_t)-sum;
    }
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct acpi_memory_ops ops = {.map = map};
    struct acpi_info info;

    memory = data;
    memory_size = size;
    (void)acpi_find_rsdp(&ops, hpa(MEMORY_BASE), size);
    if (acpi_parse(&ops, hpa(MEMORY_BASE), &info) == 0)
        for (uint32_t irq = 0; irq < 16; irq++)
            (void)acpi_isa_irq(&info, (uint8_t)irq);
    if (info.cpu_count > ACPI_MAX_CPUS || info.ioapic_count > ACPI_MAX_IOAPICS ||
        info.override_count > ACPI_MAX_OVERRIDES || info.nmi_count > ACPI_MAX_NMIS ||
        info.ecam_count > ACPI_MAX_ECAMS)
        abort();
    while (copy_count > 0)
        free(copies[--copy_count]);
    return 0;
}
