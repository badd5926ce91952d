# SPDX-License-Identifier: BSD-2-Clause
acpi-y := drivers/acpi.c drivers/acpi_madt.c drivers/acpi_fadt.c drivers/acpi_s5.c
drivers-x86-y := drivers/cmos_clock.c drivers/uart16550.c drivers/ioapic.c drivers/i8259.c $(acpi-y)
drivers-arm64-y := drivers/pl011.c
