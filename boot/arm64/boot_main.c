/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the loader's jump to core_main(): own page tables, device tree, console, memory, modules, and the host
 * side of arch/arm64. Each step that fails here ends the boot with one line.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/host_console.h"
#include "arch/arm64/host_map.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/image.h"
#include "arch/arm64/psci.h"
#include "arch/arm64/sysregs.h"
#include "boot/arm64/bundle.h"
#include "boot/arm64/devicetree.h"
#include "boot/arm64/layout.h"
#include "core/arch.h"
#include "core/boot_regions.h"
#include "core/log.h"
#include "core/pmem.h"
#include "drivers/pl011.h"
#include "lib/assert.h"
#include "lib/string.h"

#define EL2       2
#define DTB_ALIGN 8

/* QEMU's `virt` has its PL011 here: looked at when the device tree leads to none, before giving up. */
#define LAST_RESORT_CONSOLE UINT64_C(0x09000000)

_Noreturn void arm64_boot_main(uint64_t dtb, uint64_t entry_state);

static struct boot_info boot_info;
static struct bundle bundle;

static void last_resort_console(void)
{
    if (pl011_probe(LAST_RESORT_CONSOLE))
        host_console_init(LAST_RESORT_CONSOLE);
}

/* Without EL2, or with an EL2 of another shape: no MMU, no traps, no core. One line by the device tree's
 * console, then off. */
_Noreturn static void refuse(uint64_t dtb, const char *line)
{
    const void *tree = (const void *)dtb; /* NOLINT: the loader's address */
    uint32_t size = dtb % DTB_ALIGN == 0 ? devicetree_size(tree) : 0;

    if (size != 0)
        devicetree_read(tree, size, &host_devices);
    if (host_devices.console.base != 0)
        host_console_init(host_devices.console.base);
    else
        last_resort_console();
    for (; *line != '\0'; line++)
        arch_panic_putc((uint8_t)*line);
    host_console_drain();
    arch_panic_halt();
}

/* The tree's address as a pointer, its pages mapped; NULL: it cannot be read. `*size` is 0 unless it is one.
 */
static const void *tree_map(uint64_t dtb, uint32_t *size)
{
    uint64_t page = align_down(dtb, PAGE_SIZE);
    const void *tree = (const void *)dtb; /* NOLINT: the map is the identity */

    *size = 0;
    if (dtb == 0 || dtb % DTB_ALIGN != 0 || dtb + DEVICETREE_MAX_SIZE < dtb)
        return NULL;
    if (host_map_set(hpa(page), 2 * PAGE_SIZE, HOST_MAP_RO) != 0)
        return NULL;
    *size = devicetree_size(tree);
    if (host_map_set(hpa(page), align_up(dtb + *size, PAGE_SIZE) - page, HOST_MAP_RO) != 0)
        *size = 0;
    return tree;
}

static void warn_of(uint64_t problems)
{
    static const struct {
        uint64_t bit;
        const char *text;
    } texts[] = {
        {DEVICETREE_CPUS_CUT, "too many CPUs: the last ones are ignored"},
        {DEVICETREE_BAD_NODE, "a node makes no sense: ignored"},
        {DEVICETREE_TEXT_CUT, "bootargs is too long: cut"},
        {DEVICETREE_OLD_PSCI, "PSCI is older than version 0.2: ignored"},
    };

    for (uint32_t i = 0; i < ARRAY_COUNT(texts); i++)
        if ((problems & texts[i].bit) != 0)
            log_warn("device tree: %s", texts[i].text);
}

/* console=none among Latch's own words: the port is left alone, but for a panic before they are known. */
static bool console_unwanted(const char *words)
{
    for (const char *at = words; *at != '\0'; at++)
        if ((at == words || at[-1] == ' ') && str_starts(at, "console=none"))
            return true;
    return false;
}

static void tree_read(uint64_t dtb)
{
    struct devicetree *out = &host_devices;
    uint32_t size;
    const void *tree = tree_map(dtb, &size);

    if (size != 0)
        devicetree_read(tree, size, out);
    if (console_unwanted(out->text) && (out->problems & DEVICETREE_DAMAGED) == 0)
        out->console_intid = 0;
    else if (out->console.base != 0 && host_map_device(out->console.base, out->console.size) == 0)
        host_console_init(out->console.base);
    else if (host_map_device(LAST_RESORT_CONSOLE, PAGE_SIZE) == 0)
        last_resort_console();
    if (size == 0)
        panic("the loader passed no device tree (x0 = %lx)", dtb);
    if ((out->problems & DEVICETREE_DAMAGED) != 0)
        panic("the device tree is damaged");
    if ((out->problems & DEVICETREE_REGIONS_CUT) != 0)
        panic("the device tree has more memory regions than Latch can hold");
    warn_of(out->problems);
    boot_info.dtb = hpa(dtb);
    out->raw[out->raw_count++] = (struct boot_region){hpa(dtb), size, BOOT_REGION_RESERVED};
}

static bool is_ram(struct devicetree_range range)
{
    const struct devicetree *tree = &host_devices;

    for (uint32_t i = 0; i < tree->raw_count; i++)
        if (tree->raw[i].kind == BOOT_REGION_RAM && range.base >= tree->raw[i].start.v &&
            range.size <= tree->raw[i].size &&
            range.base - tree->raw[i].start.v <= tree->raw[i].size - range.size)
            return true;
    return false;
}

/* The loader's initrd, mapped for reading; false: there is none. */
static bool archive_map(void)
{
    struct devicetree *tree = &host_devices;
    uint64_t first = align_down(tree->initrd.base, PAGE_SIZE);
    uint64_t end = align_up(tree->initrd.base + tree->initrd.size, PAGE_SIZE);

    if (tree->initrd.size == 0)
        return false;
    if (!is_ram(tree->initrd) || host_map_set(hpa(first), end - first, HOST_MAP_RO) != 0) {
        log_warn("the initrd at %lx does not lie in memory: ignored", tree->initrd.base);
        return false;
    }
    tree->raw[tree->raw_count++] =
        (struct boot_region){hpa(tree->initrd.base), tree->initrd.size, BOOT_REGION_RESERVED};
    return true;
}

static void memory_init(void)
{
    struct devicetree *tree = &host_devices;

    if (boot_regions_resolve(tree->raw, tree->raw_count, &boot_info) != 0)
        log_warn("device tree: too many memory regions: the last ones are ignored");
    if (boot_regions_ram(&boot_info) == 0)
        panic("the device tree describes no memory");
    host_map_ram(&boot_info);
    if (host_map_set(hpa(0), PAGE_SIZE, HOST_MAP_NONE) != 0 || cpu_area_guard(&boot_cpu_area.cpu) != 0)
        panic("too many holes in the memory map");
    pmem_add_ram(&boot_info, PAGE_SIZE, UINT64_MAX);
}

void arm64_boot_main(uint64_t dtb, uint64_t entry_state)
{
    bool has_archive;

    if (field_get(entry_state, CURRENT_EL) != EL2)
        refuse(dtb, "latch: PANIC started at EL1 or EL3: Latch needs EL2, so switch virtualization on in the "
                    "firmware (QEMU: -M virt,virtualization=on)\r\n");
    if ((entry_state & HCR_E2H) != 0)
        refuse(dtb, "latch: PANIC this CPU's HCR_EL2.E2H is fixed to 1, and Latch runs with 0 only\r\n");
    cpu_area_init(&boot_cpu_area.cpu, 0, cpu_mpidr());
    cpu_count = 1;
    cpu_load(&boot_cpu_area.cpu);
    host_map_start();
    boot_info.loader_name = "";
    boot_info.cmdline = host_devices.text;
    boot_info.image_start = ptr_to_hpa(image_start);
    boot_info.image_size = (uintptr_t)image_end - (uintptr_t)image_start;
    tree_read(dtb);
    has_archive = archive_map();
    memory_init();
    if (has_archive && bundle_read(hpa_to_ptr(hpa(host_devices.initrd.base)), host_devices.initrd.size,
                                   &bundle, &boot_info) != 0)
        log_warn("some of what the boot archive describes is left out");
    host_platform_init(&boot_info);
    core_main(&boot_info);
}
