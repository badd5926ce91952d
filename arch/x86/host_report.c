/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Self-check lines, one fact group a line, `self-check: ` in front of each so that they can be found in a
 * log.
 */
#include "arch/x86/host_report.h"

#include "arch/x86/host_apic.h"
#include "arch/x86/host_console.h"
#include "arch/x86/host_platform.h"
#include "arch/x86/image.h"
#include "arch/x86/insn.h"
#include "arch/x86/tsc.h"
#include "core/boot_regions.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/version.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define CPUID_EXT_MAX    0x80000000
#define CPUID_BRAND      0x80000002
#define CPUID_BRAND_LAST 0x80000004

#define CPUID_1_STEPPING   FIELD(3, 0)
#define CPUID_1_MODEL      FIELD(7, 4)
#define CPUID_1_FAMILY     FIELD(11, 8)
#define CPUID_1_EXT_MODEL  FIELD(19, 16)
#define CPUID_1_EXT_FAMILY FIELD(27, 20)

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
    log_info("self-check: Latch " LATCH_VERSION " for x86, build %s", id);
}

static void print_cpu(void)
{
    struct insn_cpuid first = insn_cpuid(0, 0);
    uint64_t eax = insn_cpuid(1, 0).eax;
    uint64_t family = field_get(eax, CPUID_1_FAMILY);
    uint64_t model = field_get(eax, CPUID_1_MODEL) | field_get(eax, CPUID_1_EXT_MODEL) << 4;
    char vendor[13] = "";
    char brand[49] = "";
    const char *name = brand;

    if (family == 0xf)
        family += field_get(eax, CPUID_1_EXT_FAMILY);
    store_le32(vendor, first.ebx);
    store_le32(vendor + 4, first.edx);
    store_le32(vendor + 8, first.ecx);
    for (uint32_t leaf = CPUID_BRAND; leaf <= CPUID_BRAND_LAST && insn_cpuid(CPUID_EXT_MAX, 0).eax >= leaf;
         leaf++) {
        struct insn_cpuid r = insn_cpuid(leaf, 0);
        char *part = brand + 16 * (leaf - CPUID_BRAND);

        store_le32(part, r.eax);
        store_le32(part + 4, r.ebx);
        store_le32(part + 8, r.ecx);
        store_le32(part + 12, r.edx);
    }
    while (*name == ' ')
        name++;
    for (size_t end = strlen(brand); end > 0 && brand[end - 1] == ' '; end--)
        brand[end - 1] = '\0';
    log_info("self-check: CPU %s family %lu model %lu stepping %lu, %s", vendor, family, model,
             field_get(eax, CPUID_1_STEPPING), name);
}

static void print_memory(const struct boot_info *info)
{
    uint64_t ram = boot_regions_ram(info);
    uint64_t image = (uintptr_t)image_end - (uintptr_t)image_start;

    log_info("self-check: memory %lu MiB in %u regions, %lu MiB free", ram / MIB, info->region_count,
             pmem_free_pages() * PAGE_SIZE / MIB);
    log_info("self-check: image %lu KiB, %u modules, loader %s", image / KIB, info->module_count,
             info->loader_name[0] == '\0' ? "unknown" : info->loader_name);
}

static const char *yes_no(bool value)
{
    return value ? "yes" : "no";
}

static void print_acpi(void)
{
    const struct acpi_info *acpi = &host_acpi;

    if (acpi->table_count == 0) {
        log_info("self-check: ACPI none");
        return;
    }
    log_info("self-check: ACPI revision %u (%s), %u tables, %u CPUs, %u IOAPICs", acpi->revision, acpi->oem,
             acpi->table_count, acpi->cpu_count, acpi->ioapic_count);
    log_info("self-check: ACPI MADT %s, FADT %s, MCFG %s, power-off %s, reset register %s",
             yes_no(acpi->has_madt), yes_no(acpi->has_fadt), yes_no(acpi->ecam_count != 0),
             yes_no(acpi->has_s5), yes_no(acpi->reset.valid));
}

static void print_clock(void)
{
    log_info("self-check: TSC %lu kHz from %s, %s", tsc_khz(), tsc_source_name(),
             tsc_is_invariant() ? "invariant" : "not invariant");
    log_info("self-check: local APIC %s, ID %u, timer %s %lu kHz", host_apic_is_x2apic() ? "x2APIC" : "xAPIC",
             host_apic_id(), tsc_apic_timer_hz() == 0 ? "TSC deadline" : "one-shot",
             tsc_apic_timer_hz() == 0 ? tsc_khz() : tsc_apic_timer_hz() / 1000);
}

void host_report_print(const struct boot_info *info)
{
    print_build();
    print_cpu();
    print_memory(info);
    print_acpi();
    print_clock();
    log_info("self-check: console %s", host_console_name());
}
