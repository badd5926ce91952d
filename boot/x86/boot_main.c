/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From 64-bit mode on temporary page tables to core_main(): boot information, page allocator, final page
 * tables, traps, clock, interrupts. Each step that fails here ends the boot with one line.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/host_console.h"
#include "arch/x86/host_map.h"
#include "arch/x86/host_platform.h"
#include "arch/x86/image.h"
#include "arch/x86/insn.h"
#include "arch/x86/traps.h"
#include "boot/x86/layout.h"
#include "boot/x86/multiboot2.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define LOW_RAM_END (1 * MIB) /* left to the firmware, the trampoline of secondary CPUs excepted */

_Noreturn void x86_boot_main(uint64_t multiboot2_info);

static struct boot_info boot_info;
static struct multiboot2_copies copies;

static void warn_of(uint64_t problems)
{
    static const struct {
        uint64_t bit;
        const char *text;
    } texts[] = {
        {MULTIBOOT2_TEXT_CUT, "the command lines are too long together: the last ones are cut"},
        {MULTIBOOT2_MODULES_CUT, "too many modules: the last ones are ignored"},
        {MULTIBOOT2_REGIONS_CUT, "the memory map has too many entries: the last ones are ignored"},
        {MULTIBOOT2_BAD_TAG, "the loader passed a malformed tag: ignored"},
        {MULTIBOOT2_UNENDED, "the loader's information ends too early"},
    };

    for (uint32_t i = 0; i < ARRAY_COUNT(texts); i++)
        if ((problems & texts[i].bit) != 0)
            log_warn("boot: %s", texts[i].text);
}

static void boot_info_init(uint64_t multiboot2_info)
{
    uint64_t problems;
    int error = multiboot2_parse((const void *)multiboot2_info, &boot_info, &copies, &problems);

    boot_info.image_start = ptr_to_hpa(image_start);
    boot_info.image_size = (uintptr_t)image_end - (uintptr_t)image_start;
    host_console_init(boot_info.cmdline);
    warn_of(problems);
    if (error == E_NOENT)
        panic("the loader passed no memory map");
    if (error != 0)
        panic("the loader passed no multiboot2 information");
}

static void memory_init(void)
{
    pmem_add_ram(&boot_info, LOW_RAM_END, BOOT_MAP_GIB * GIB);
    if (host_map_init(&boot_info) != 0 || cpu_area_guard(&boot_cpu_area.cpu) != 0)
        panic("not enough memory below 4 GiB for page tables");
    pmem_add_ram(&boot_info, BOOT_MAP_GIB * GIB, BIT(47));
}

void x86_boot_main(uint64_t multiboot2_info)
{
    traps_init();
    cpu_area_init(&boot_cpu_area.cpu, 0, 0);
    cpu_count = 1;
    cpu_load(&boot_cpu_area.cpu);
    boot_info_init(multiboot2_info);
    memory_init();
    host_platform_init(&boot_info);
    core_main(&boot_info);
}
