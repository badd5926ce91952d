/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brings up the boot CPU's surroundings in the order in which they need each other. Everything here is
 * written at boot, by the boot CPU, and constant afterwards.
 */
#include "arch/arm64/host_platform.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/host_console.h"
#include "arch/arm64/host_map.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "core/log.h"
#include "lib/assert.h"
#include "lib/error.h"

struct devicetree host_devices;

static void clock_init(void)
{
    if (host_timer_init() != 0)
        panic("the firmware has not set the frequency of the generic timer (CNTFRQ_EL0)");
    host_timer_cpu_init();
    if (host_devices.hyp_timer_intid == 0)
        panic("the device tree names no interrupt for the hypervisor's timer (arm,armv8-timer)");
}

static void firmware_init(void)
{
    if (host_devices.psci == PSCI_HVC)
        log_warn("the device tree has PSCI by HVC, which at EL2 leads nowhere: one CPU, no power-off");
    else if (host_devices.psci == PSCI_NONE)
        log_warn("the device tree names no PSCI 0.2 or later: one CPU, no power-off");
    psci_init(host_devices.psci == PSCI_SMC ? PSCI_SMC : PSCI_NONE);
}

static void map_registers(struct devicetree_range range)
{
    if (host_map_device(range.base, range.size) != 0)
        panic("the GIC's registers at %lx cannot be mapped", range.base);
}

static void gic_init(void)
{
    const struct devicetree *tree = &host_devices;
    struct gicv3_config config = {
        .dist_base = tree->gicd.base, .region_count = tree->gicr_count, .stride = tree->gicr_stride};
    int error;

    if (tree->gic_version == 2)
        panic("this machine has a GICv2; Latch needs a GICv3 or later");
    if (tree->gic_version == 0 || tree->gicr_count == 0)
        panic("the device tree describes no GICv3");
    map_registers(tree->gicd);
    for (uint32_t i = 0; i < tree->gicr_count; i++) {
        map_registers(tree->gicr[i]);
        config.regions[i].base = tree->gicr[i].base;
        config.regions[i].size = tree->gicr[i].size;
    }
    error = gicv3_init(&config);
    if (error == 0)
        error = gicv3_cpu_init(&boot_cpu_area.cpu);
    if (error == E_NOENT)
        panic("the GIC has no redistributor for the boot CPU");
    if (error != 0)
        panic("the GIC at %lx is no GICv3 or does not work: %s", tree->gicd.base, error_name(error));
    gicv3_private_enable(tree->hyp_timer_intid);
}

static void console_irq_init(void)
{
    if (host_devices.console_intid == 0)
        return;
    if (gicv3_spi_enable(host_devices.console_intid, boot_cpu_area.cpu.mpidr) == 0)
        host_console_irq_enable();
    else
        log_warn("the GIC has no input for the console's interrupt: its input is polled");
}

void host_platform_init(const struct boot_info *info)
{
    insn_serror_unmask(); /* now there is a console to report one on */
    clock_init();
    firmware_init();
    gic_init();
    console_irq_init();
    host_report_print(info);
}
