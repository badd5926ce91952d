/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Self-check lines, one fact group a line, `self-check: ` in front of each so that they can be found in a
 * log.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/image.h"
#include "arch/arm64/sysregs.h"
#include "boot/arm64/layout.h"
#include "core/boot_regions.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/version.h"

#define BUILD_ID_SHOWN 8 /* bytes of the linker's build id */

static void print_build(void)
{
    char id[2 * BUILD_ID_SHOWN + 1];

    for (uint32_t i = 0; i < BUILD_ID_SHOWN; i++) {
        static const char digits[] = "0123456789abcdef";

        id[2 * i] = digits[build_id[i] >> 4];
        id[2 * i + 1] = digits[build_id[i] & 0xf];
    }
    id[2 * BUILD_ID_SHOWN] = '\0';
    log_info("self-check: Latch " LATCH_VERSION " for arm64, build %s", id);
}

static const char *cpu_name(uint64_t midr)
{
    static const struct {
        uint16_t id; /* implementer and part number, which is 12 bits */
        const char *name;
    } names[] = {{0xd03, "Cortex-A53"},  {0xd07, "Cortex-A57"},  {0xd08, "Cortex-A72"}, {0xd0b, "Cortex-A76"},
                 {0xd0c, "Neoverse N1"}, {0xd40, "Neoverse V1"}, {0xd49, "Neoverse N2"}};

    for (uint32_t i = 0; field_get(midr, MIDR_IMPLEMENTER) == MIDR_ARM && i < ARRAY_COUNT(names); i++)
        if (names[i].id == field_get(midr, MIDR_PART))
            return names[i].name;
    return "CPU";
}

static void print_cpu(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
    uint64_t midr = SYSREG_READ(midr_el1);
    uint64_t range = field_get(SYSREG_READ(id_aa64mmfr0_el1), MMFR0_PARANGE);

    log_info("self-check: %s, MIDR %08lx, EL2 %s, %u-bit physical addresses", cpu_name(midr), midr,
             field_get(SYSREG_READ(id_aa64mmfr1_el1), MMFR1_VH) != 0 ? "with VHE (left off)" : "without VHE",
             bits[range & 7]);
}

static void print_memory(const struct boot_info *info)
{
    uint64_t image = (uintptr_t)image_end - (uintptr_t)image_start;

    log_info("self-check: memory %lu MiB in %u regions, %lu MiB free", boot_regions_ram(info) / MIB,
             info->region_count, pmem_free_pages() * PAGE_SIZE / MIB);
    log_info("self-check: image %lu KiB at %p, %u modules", image / KIB, (const void *)image_start,
             info->module_count);
}

static void print_gic(void)
{
    const struct gicv3_info *gic = &gicv3_info;

    log_info("self-check: GICv%u%s, %u interrupts, %s, %u redistributor regions", gic->has_vlpis ? 4 : 3,
             gic->has_rvpeid ? ".1" : "", gic->intid_count, gic->has_lpis ? "LPIs" : "no LPIs",
             host_devices.gicr_count);
}

static void print_firmware(void)
{
    uint32_t version = psci_version();

    if (version == 0)
        log_info("self-check: PSCI none");
    else
        log_info("self-check: PSCI %u.%u by %s", version >> 16, version & 0xffff, psci_method_name());
}

void host_report_print(const struct boot_info *info)
{
    print_build();
    print_cpu();
    print_memory(info);
    print_gic();
    print_firmware();
    log_info("self-check: generic timer %lu kHz", host_timer_frequency() / 1000);
    log_info("self-check: console pl011 at %lx", host_devices.console.base);
}
