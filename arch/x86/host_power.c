/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turning the machine off, and starting it again: ACPI first, then what PCs have always understood. Each way
 * is given a moment; if it worked, nothing after it runs.
 */
#include "arch/x86/host_console.h"
#include "arch/x86/host_platform.h"
#include "arch/x86/insn.h"
#include "core/arch.h"
#include "core/time.h"
#include "lib/mmio.h"

#define PM1_SCI_ENABLE  BIT(0)
#define PM1_SLEEP_TYPE  FIELD(12, 10)
#define PM1_SLEEP       BIT(13)
#define SLEEP_CTRL_TYPE FIELD(4, 2) /* sleep control register of hardware-reduced machines */
#define SLEEP_CTRL_GO   BIT(5)

#define BOCHS_SHUTDOWN 0x8900 /* the emulator ends when it reads "Shutdown" here */
#define RESET_CONTROL  0xcf9
#define RESET_FULL     0x06
#define RESET_ARM      0x02
#define KBC_COMMAND    0x64
#define KBC_RESET      0xfe

#define MOMENT (50 * NS_PER_MS)

static void wait(uint64_t ns)
{
    uint64_t since = time_now_ns();

    while (time_now_ns() - since < ns)
        arch_cpu_relax();
}

static uint16_t register_read16(const struct acpi_register *r)
{
    return r->space == ACPI_SPACE_IO ? pio_read16((uint16_t)r->address) : mmio_read16(r->address);
}

static void register_write16(const struct acpi_register *r, uint16_t value)
{
    if (r->space == ACPI_SPACE_IO)
        pio_write16((uint16_t)r->address, value);
    else
        mmio_write16(r->address, value);
}

static void register_write8(const struct acpi_register *r, uint8_t value)
{
    if (r->space == ACPI_SPACE_IO)
        pio_write8((uint16_t)r->address, value);
    else
        mmio_write8(r->address, value);
}

/* The firmware owns the PM1 registers until it is asked to hand them over. */
static void acpi_mode_enter(const struct acpi_info *acpi)
{
    if (acpi->smi_command == 0 || acpi->smi_command > UINT16_MAX || acpi->acpi_enable == 0)
        return;
    if ((register_read16(&acpi->pm1a_control) & PM1_SCI_ENABLE) != 0)
        return;
    pio_write8((uint16_t)acpi->smi_command, acpi->acpi_enable);
    for (uint32_t i = 0; i < 20 && (register_read16(&acpi->pm1a_control) & PM1_SCI_ENABLE) == 0; i++)
        wait(MOMENT);
}

static void pm1_sleep(const struct acpi_register *control, uint8_t type)
{
    uint64_t value = control->valid ? register_read16(control) : 0;

    if (!control->valid)
        return;
    value = field_set(value, PM1_SLEEP_TYPE, type);
    register_write16(control, (uint16_t)(value & ~PM1_SLEEP));
    register_write16(control, (uint16_t)(value | PM1_SLEEP));
}

void arch_machine_poweroff(void)
{
    const struct acpi_info *acpi = &host_acpi;

    insn_cli();
    host_console_drain();
    if (acpi->has_s5 && acpi->sleep_control.valid) {
        register_write8(&acpi->sleep_control,
                        (uint8_t)(field_make(acpi->s5_type_a, SLEEP_CTRL_TYPE) | SLEEP_CTRL_GO));
        wait(MOMENT);
    }
    if (acpi->has_s5 && acpi->pm1a_control.valid) {
        acpi_mode_enter(acpi);
        pm1_sleep(&acpi->pm1a_control, acpi->s5_type_a);
        pm1_sleep(&acpi->pm1b_control, acpi->s5_type_b);
        wait(20 * MOMENT);
    }
    for (const char *word = "Shutdown"; *word != '\0'; word++)
        pio_write8(BOCHS_SHUTDOWN, (uint8_t)*word);
}

void arch_machine_reset(void)
{
    const struct acpi_info *acpi = &host_acpi;
    const struct insn_table_pointer nothing = {0, 0};

    insn_cli();
    host_console_drain();
    if (acpi->reset.valid) {
        register_write8(&acpi->reset, acpi->reset_value);
        wait(MOMENT);
    }
    pio_write8(RESET_CONTROL, RESET_ARM);
    pio_write8(RESET_CONTROL, RESET_FULL);
    wait(MOMENT);
    pio_write8(KBC_COMMAND, KBC_RESET);
    wait(MOMENT);
    insn_lidt(&nothing);
    insn_int3(); /* no IDT: triple fault */
}
