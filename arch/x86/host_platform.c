/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brings up the boot CPU's surroundings in the order in which they need each other. Everything here is
 * written at boot, by the boot CPU, and constant afterwards.
 */
#include "arch/x86/host_platform.h"

#include "arch/x86/cpu.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/host_console.h"
#include "arch/x86/host_map.h"
#include "arch/x86/host_report.h"
#include "arch/x86/host_smp.h"
#include "arch/x86/traps.h"
#include "arch/x86/tsc.h"
#include "core/log.h"
#include "core/pmem.h"
#include "drivers/i8259.h"
#include "drivers/ioapic.h"
#include "lib/assert.h"
#include "lib/error.h"

#define BIOS_AREA      0xe0000 /* where a PC BIOS keeps its root pointer */
#define BIOS_AREA_SIZE 0x20000

struct acpi_info host_acpi;

static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static uint32_t ioapic_count;

static const void *acpi_map(hpa_t at, uint64_t size)
{
    return host_map_readable(at, size) ? hpa_to_ptr(at) : NULL;
}

static const struct acpi_memory_ops acpi_memory = {.map = acpi_map};

static void acpi_init(const struct boot_info *info)
{
    hpa_t rsdp = info->rsdp;

    if (rsdp.v == 0)
        rsdp = acpi_find_rsdp(&acpi_memory, hpa(BIOS_AREA), BIOS_AREA_SIZE);
    if (acpi_parse(&acpi_memory, rsdp, &host_acpi) != 0)
        log_warn("no usable ACPI tables: one CPU, no power-off, standard interrupt wiring");
    if (host_acpi.bad_count != 0)
        log_warn("%u ACPI tables are damaged and were left out", host_acpi.bad_count);
}

uint32_t host_platform_nmi_pins(uint32_t apic_id)
{
    uint32_t uid = UINT32_MAX;
    uint32_t pins = 0;

    for (uint32_t i = 0; i < host_acpi.cpu_count; i++)
        if (host_acpi.cpus[i].apic_id == apic_id)
            uid = host_acpi.cpus[i].uid;
    for (uint32_t i = 0; i < host_acpi.nmi_count; i++)
        if (!host_acpi.nmis[i].is_gsi && (host_acpi.nmis[i].all_cpus || host_acpi.nmis[i].uid == uid))
            pins |= 1u << host_acpi.nmis[i].lint;
    return pins != 0 ? pins : BIT(1); /* where nobody says, it is LINT1 as on all PCs */
}

static void clock_init(void)
{
    if (host_apic_init() != 0)
        panic("this machine has no local APIC, or the firmware disabled it");
    boot_cpu_area.cpu.base.hardware_id = host_apic_id();
    host_apic_enable(host_platform_nmi_pins(host_apic_id()));
    if (tsc_calibrate(&host_acpi) != 0)
        panic("no clock to measure the TSC with: neither the ACPI PM timer nor the 8254 runs");
    host_apic_timer_setup(tsc_apic_timer_hz());
}

static int route(uint32_t gsi, struct ioapic_route how)
{
    int error = -1;

    if (boot_cpu_area.cpu.base.hardware_id > XAPIC_LAST_ID)
        return E_RANGE; /* an IOAPIC's destination has 8 bits */
    for (uint32_t i = 0; i < ioapic_count && error != 0; i++)
        error = ioapic_route(&ioapics[i], gsi, how);
    return error;
}

static void nmi_sources_init(void)
{
    for (uint32_t i = 0; i < host_acpi.nmi_count; i++) {
        const struct acpi_nmi *nmi = &host_acpi.nmis[i];
        const struct ioapic_route how = {
            .delivery = IOAPIC_NMI,
            .apic_id = (uint8_t)boot_cpu_area.cpu.base.hardware_id,
            .active_low = nmi->active_low,
            .level = nmi->level,
        };

        if (nmi->is_gsi && route(nmi->gsi, how) != 0)
            log_warn("ACPI names an NMI input (GSI %u) that no IOAPIC can bring", nmi->gsi);
    }
}

static void console_irq_init(void)
{
    struct acpi_override irq = acpi_isa_irq(&host_acpi, host_console_irq());
    const struct ioapic_route how = {
        .delivery = IOAPIC_FIXED,
        .vector = HOST_VECTOR_SERIAL,
        .apic_id = (uint8_t)boot_cpu_area.cpu.base.hardware_id,
        .active_low = irq.active_low,
        .level = irq.level,
    };

    if (host_console_irq() == 0)
        return;
    if (route(irq.gsi, how) == 0)
        host_console_irq_enable();
    else
        log_warn("no IOAPIC input for the console: its input is polled");
}

static void interrupts_init(void)
{
    i8259_disable(HOST_VECTOR_PIC_BASE);
    for (uint32_t i = 0; i < host_acpi.ioapic_count; i++) {
        hpa_t base = hpa(host_acpi.ioapics[i].address);

        if (host_map_set(hpa(align_down(base.v, PAGE_SIZE)), PAGE_SIZE, HOST_MAP_DEVICE) == 0)
            ioapic_init(&ioapics[ioapic_count++], base.v, host_acpi.ioapics[i].gsi_base);
    }
    nmi_sources_init();
    console_irq_init();
}

void host_platform_init(const struct boot_info *info)
{
    acpi_init(info);
    clock_init();
    interrupts_init();
    host_smp_prepare(info);
    host_report_print(info);
}
