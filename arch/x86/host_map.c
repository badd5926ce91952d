/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four-level page tables (AMD APM volume 2, "Long-Mode Page Translation"). Tables are never freed: the map
 * only gets finer. Only the boot CPU writes, before other CPUs could hold translations that matter.
 */
#include "arch/x86/host_map.h"

#include "arch/x86/image.h"
#include "arch/x86/insn.h"
#include "core/pmem.h"
#include "lib/error.h"

#define PTE_P       BIT(0)
#define PTE_W       BIT(1)
#define PTE_PWT     BIT(3)
#define PTE_PCD     BIT(4)
#define PTE_A       BIT(5)
#define PTE_D       BIT(6)
#define PTE_PS      BIT(7) /* a leaf above the lowest level */
#define PTE_ADDRESS FIELD(51, 12)
#define PTE_NX      BIT(63)

#define LEVELS      4
#define ENTRIES     512
#define MAP_LIMIT   BIT(47)
#define LOW_MAP_END (4 * GIB)

#define CPUID_EXT_MAX           0x80000000
#define CPUID_EXT               0x80000001
#define CPUID_EXT_EDX_1GIB_PAGE BIT(26)

static uint64_t *root;
static bool has_1gib_pages;

/* Bytes that one entry of a level covers; level 0 holds 4 KiB pages. */
static uint64_t level_size(uint32_t level)
{
    return PAGE_SIZE << (9 * level);
}

static uint64_t *table_entry(uint64_t *table, uint64_t at, uint32_t level)
{
    return &table[at / level_size(level) % ENTRIES];
}

static uint64_t *entry_table(uint64_t entry)
{
    return hpa_to_ptr(hpa(entry & PTE_ADDRESS));
}

static bool entry_is_table(uint64_t entry, uint32_t level)
{
    return level > 0 && (entry & PTE_P) != 0 && (entry & PTE_PS) == 0;
}

static uint64_t kind_bits(enum host_map_kind kind)
{
    const uint64_t common = PTE_P | PTE_A | PTE_D;

    switch (kind) {
    case HOST_MAP_RW:
        return common | PTE_W | PTE_NX;
    case HOST_MAP_RO:
        return common | PTE_NX;
    case HOST_MAP_RX:
        return common;
    case HOST_MAP_DEVICE:
        return common | PTE_W | PTE_NX | PTE_PCD | PTE_PWT;
    case HOST_MAP_NONE:
    default:
        return 0;
    }
}

/* Replaces a leaf or an empty entry by a table that maps the same. */
static uint64_t *entry_split(uint64_t *entry, uint32_t level)
{
    uint64_t *table = page_alloc();
    uint64_t old = *entry;

    if (table == NULL)
        return NULL;
    if ((old & PTE_P) != 0) {
        if (level == 1)
            old &= ~PTE_PS;
        for (uint64_t i = 0; i < ENTRIES; i++)
            table[i] = old + i * level_size(level - 1);
    }
    *entry = ptr_to_hpa(table).v | PTE_P | PTE_W | PTE_A;
    return table;
}

/* The largest piece at `at` that one entry can hold: writes it and returns its size, 0 without memory. */
static uint64_t set_one(uint64_t at, uint64_t left, uint64_t bits)
{
    uint32_t top = has_1gib_pages ? 2 : 1;
    uint64_t *table = root;

    for (uint32_t level = LEVELS - 1;; level--) {
        uint64_t *entry = table_entry(table, at, level);
        uint64_t size = level_size(level);
        bool fits = level <= top && is_aligned(at, size) && left >= size;

        if (fits && !entry_is_table(*entry, level)) {
            *entry = bits == 0 ? 0 : at | bits | (level > 0 ? PTE_PS : 0);
            return size;
        }
        table = entry_is_table(*entry, level) ? entry_table(*entry) : entry_split(entry, level);
        if (table == NULL)
            return 0;
    }
}

int host_map_set(hpa_t start, uint64_t size, enum host_map_kind kind)
{
    uint64_t bits = kind_bits(kind);
    uint64_t at = start.v;
    uint64_t left = size;

    if (at > MAP_LIMIT || size > MAP_LIMIT - at)
        return E_RANGE;
    while (left > 0) {
        uint64_t done = set_one(at, left, bits);

        if (done == 0)
            return E_NOMEM;
        at += done;
        left -= done;
    }
    if (insn_read_cr3() == host_map_root())
        insn_write_cr3(host_map_root()); /* no global pages: this drops every stale translation */
    return 0;
}

/* RAM and ACPI memory above what is mapped anyway, rounded out so that large pages do. */
static int map_high(const struct boot_info *info)
{
    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->regions[i];
        uint64_t start = max_u64(align_down(region->start.v, 2 * MIB), LOW_MAP_END);
        uint64_t end = region->start.v + region->size;
        int error;

        if (end <= LOW_MAP_END || (region->kind != BOOT_REGION_RAM && region->kind != BOOT_REGION_ACPI))
            continue;
        end = min_u64(align_up(end, 2 * MIB), MAP_LIMIT);
        if (start >= end)
            continue;
        error = host_map_set(hpa(start), end - start, HOST_MAP_RW);
        if (error != 0)
            return error;
    }
    return 0;
}

static int map_image(void)
{
    const struct {
        const uint8_t *start;
        const uint8_t *end;
        enum host_map_kind kind;
    } parts[] = {
        {image_start, text_end, HOST_MAP_RX},
        {text_end, rodata_end, HOST_MAP_RO},
        {rodata_end, data_end, HOST_MAP_RW},
        {data_end, image_end, HOST_MAP_RO},
    };

    for (uint32_t i = 0; i < ARRAY_COUNT(parts); i++) {
        uint64_t size = (uintptr_t)parts[i].end - (uintptr_t)parts[i].start;
        int error = host_map_set(ptr_to_hpa(parts[i].start), size, parts[i].kind);

        if (error != 0)
            return error;
    }
    return 0;
}

int host_map_init(const struct boot_info *info)
{
    int error;

    if (insn_cpuid(CPUID_EXT_MAX, 0).eax >= CPUID_EXT)
        has_1gib_pages = (insn_cpuid(CPUID_EXT, 0).edx & CPUID_EXT_EDX_1GIB_PAGE) != 0;
    root = page_alloc();
    if (root == NULL)
        return E_NOMEM;
    error = host_map_set(hpa(0), LOW_MAP_END, HOST_MAP_RW);
    if (error == 0)
        error = map_high(info);
    if (error == 0)
        error = map_image();
    if (error == 0)
        error = host_map_set(hpa(0), PAGE_SIZE, HOST_MAP_NONE);
    if (error == 0)
        insn_write_cr3(host_map_root());
    return error;
}

bool host_map_readable(hpa_t start, uint64_t size)
{
    uint64_t at = start.v;

    if (at >= MAP_LIMIT || size > MAP_LIMIT - at)
        return false;
    while (at < start.v + size) {
        uint64_t *table = root;
        uint32_t level = LEVELS - 1;
        uint64_t entry;

        for (;; level--) {
            entry = *table_entry(table, at, level);
            if (!entry_is_table(entry, level))
                break;
            table = entry_table(entry);
        }
        if ((entry & PTE_P) == 0)
            return false;
        at = align_down(at, level_size(level)) + level_size(level);
    }
    return true;
}

uint64_t host_map_root(void)
{
    return ptr_to_hpa(root).v;
}
