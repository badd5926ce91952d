/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FADT: registers for power-off, reset and the PM timer. Older tables are shorter: a field that is not there
 * reads as 0. The 64-bit form of a register wins over the 32-bit one.
 */
#include "drivers/acpi_table.h"

#include "lib/bytes.h"

enum fadt_field {
    FADT_DSDT = 40,
    FADT_SCI = 46,
    FADT_SMI_COMMAND = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_FLAGS = 112,
    FADT_RESET = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CONTROL = 172,
    FADT_X_PM1B_CONTROL = 184,
    FADT_X_PM_TIMER = 208,
    FADT_SLEEP_CONTROL = 244,
};

#define FADT_FLAG_TIMER_32BIT      BIT(8)
#define FADT_FLAG_RESET            BIT(10)
#define FADT_FLAG_HARDWARE_REDUCED BIT(20)

#define GAS_SIZE 12 /* space, width, offset, access size, 64-bit address */

static uint64_t field(const struct acpi_table *fadt, enum fadt_field at, uint32_t size)
{
    uint64_t value = 0;

    if (fadt->size < at + size)
        return 0;
    for (uint32_t i = size; i > 0; i--)
        value = value << 8 | fadt->bytes[at + i - 1];
    return value;
}

static bool register_usable(const struct acpi_memory_ops *memory, const struct acpi_register *r)
{
    if (r->space == ACPI_SPACE_IO)
        return r->address != 0 && r->address <= UINT16_MAX - 4;
    return r->space == ACPI_SPACE_MEMORY && r->address != 0 && is_aligned(r->address, 4) &&
           memory->map(hpa(r->address), 4) != NULL;
}

/* `old` 0: the register has no 32-bit form. */
static struct acpi_register register_at(const struct acpi_memory_ops *memory, const struct acpi_table *fadt,
                                        enum fadt_field extended, uint32_t old)
{
    struct acpi_register r = {.space = ACPI_SPACE_IO, .width = 32};

    if (fadt->size >= extended + GAS_SIZE) {
        r.space = fadt->bytes[extended];
        r.width = fadt->bytes[extended + 1];
        r.address = load_le64(fadt->bytes + extended + 4);
        r.valid = register_usable(memory, &r);
    }
    if (!r.valid && old != 0) {
        r = (struct acpi_register){.space = ACPI_SPACE_IO, .width = 32, .address = field(fadt, old, 4)};
        r.valid = register_usable(memory, &r);
    }
    return r;
}

hpa_t acpi_fadt_dsdt(const struct acpi_table *fadt)
{
    uint64_t extended = field(fadt, FADT_X_DSDT, 8);

    return hpa(extended != 0 ? extended : field(fadt, FADT_DSDT, 4));
}

void acpi_fadt_parse(const struct acpi_memory_ops *memory, const struct acpi_table *fadt,
                     struct acpi_info *info)
{
    uint64_t flags = field(fadt, FADT_FLAGS, 4);

    info->has_fadt = true;
    info->hardware_reduced = (flags & FADT_FLAG_HARDWARE_REDUCED) != 0;
    info->sci = (uint16_t)field(fadt, FADT_SCI, 2);
    info->smi_command = (uint32_t)field(fadt, FADT_SMI_COMMAND, 4);
    info->acpi_enable = (uint8_t)field(fadt, FADT_ACPI_ENABLE, 1);
    info->reset_value = (uint8_t)field(fadt, FADT_RESET_VALUE, 1);
    info->pm_timer_32bit = (flags & FADT_FLAG_TIMER_32BIT) != 0;
    if ((flags & FADT_FLAG_RESET) != 0)
        info->reset = register_at(memory, fadt, FADT_RESET, 0);
    if (info->hardware_reduced) {
        info->sleep_control = register_at(memory, fadt, FADT_SLEEP_CONTROL, 0);
        return;
    }
    info->pm1a_control = register_at(memory, fadt, FADT_X_PM1A_CONTROL, FADT_PM1A_CONTROL);
    info->pm1b_control = register_at(memory, fadt, FADT_X_PM1B_CONTROL, FADT_PM1B_CONTROL);
    info->pm_timer = register_at(memory, fadt, FADT_X_PM_TIMER, FADT_PM_TIMER);
}
