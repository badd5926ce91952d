/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four levels of 4 KiB granule for the single range of EL2 (Arm ARM, "The AArch64 Virtual Memory System
 * Architecture"). Tables come from a pool in the image, which is mapped by pages: a block that is being split
 * never holds the table in question, nor the code or stack that does it. The map only gets finer.
 */
#include "arch/arm64/host_map.h"

#include "arch/arm64/asm_offsets.h"
#include "arch/arm64/image.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define PTE_VALID   BIT(0)
#define PTE_TABLE   BIT(1) /* with VALID: a table; in the last level: a page */
#define PTE_ATTR    FIELD(4, 2)
#define PTE_AP1     BIT(6) /* 1 by rule where there is no EL0 */
#define PTE_RO      BIT(7)
#define PTE_SH      FIELD(9, 8)
#define PTE_AF      BIT(10)
#define PTE_XN      BIT(54)
#define PTE_ADDRESS FIELD(47, 12)

#define ATTR_NORMAL 0 /* indices into MAIR_EL2 */
#define ATTR_DEVICE 1

#define LEVELS      4
#define ENTRIES     512
#define VA_BITS     48
#define BLOCK_TOP   2 /* 1 GiB */
#define TABLE_COUNT 64
#define TABLES_KEPT 24 /* not for RAM: devices, and the guard pages of 256 CPUs */

static uint64_t tables[TABLE_COUNT][ENTRIES] __attribute__((section(".bss.pages"), aligned(4096)));
static uint32_t table_count = 1; /* the first is the root */
static uint32_t table_limit = TABLE_COUNT;

struct host_map_registers host_map_registers;

/* In host_entry.S: cleans stale lines of [start, end), loads the registers and turns the MMU on. */
void host_map_enable(const struct host_map_registers *registers, uint64_t start, uint64_t end);

/* Bytes that one entry of a level covers; level 0 holds 4 KiB pages. */
static uint64_t level_size(uint32_t level)
{
    return PAGE_SIZE << (9 * level);
}

static uint64_t *table_entry(uint64_t *table, uint64_t at, uint32_t level)
{
    return &table[at / level_size(level) % ENTRIES];
}

static bool entry_is_table(uint64_t entry, uint32_t level)
{
    return level > 0 && (entry & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

static uint64_t kind_bits(enum host_map_kind kind)
{
    const uint64_t normal =
        PTE_VALID | PTE_AP1 | PTE_AF | field_make(SHARE_INNER, PTE_SH) | field_make(ATTR_NORMAL, PTE_ATTR);

    switch (kind) {
    case HOST_MAP_RW:
        return normal | PTE_XN;
    case HOST_MAP_RO:
        return normal | PTE_XN | PTE_RO;
    case HOST_MAP_RX:
        return normal | PTE_RO;
    case HOST_MAP_DEVICE:
        return PTE_VALID | PTE_AP1 | PTE_AF | PTE_XN | field_make(ATTR_DEVICE, PTE_ATTR);
    case HOST_MAP_NONE:
    default:
        return 0;
    }
}

/* "Break-before-make": between two valid entries that differ no CPU may see both. */
static void entry_write(uint64_t *entry, uint64_t at, uint64_t value)
{
    volatile uint64_t *slot = entry;

    if (*slot == value)
        return;
    if ((*slot & PTE_VALID) != 0) {
        *slot = 0;
        insn_dsb_ishst();
        insn_tlbi_vae2is(at);
        insn_dsb_ish();
    }
    *slot = value;
    insn_dsb_ishst();
    insn_isb();
}

/* Replaces a block or an empty entry by a table that maps the same. */
static uint64_t *entry_split(uint64_t *entry, uint64_t at, uint32_t level)
{
    uint64_t *table;
    uint64_t old = *entry;

    if (table_count >= table_limit)
        return NULL;
    table = tables[table_count++];
    if ((old & PTE_VALID) != 0) {
        if (level == 1)
            old |= PTE_TABLE;
        for (uint64_t i = 0; i < ENTRIES; i++)
            table[i] = old + i * level_size(level - 1);
        insn_dsb_ishst();
    }
    entry_write(entry, at, (uintptr_t)table | PTE_VALID | PTE_TABLE);
    return table;
}

/* The largest piece at `at` that one entry can hold: writes it and returns its size, 0 without a table. */
static uint64_t set_one(uint64_t at, uint64_t left, uint64_t bits)
{
    uint64_t *table = tables[0];

    for (uint32_t level = LEVELS - 1;; level--) {
        uint64_t *entry = table_entry(table, at, level);
        uint64_t size = level_size(level);
        bool fits = level <= BLOCK_TOP && is_aligned(at, size) && left >= size;

        if (fits && !entry_is_table(*entry, level)) {
            entry_write(entry, at, bits == 0 ? 0 : at | bits | (level == 0 ? PTE_TABLE : 0));
            return size;
        }
        if (bits == 0 && (*entry & PTE_VALID) == 0)
            return min_u64(left, size - at % size); /* nothing there as it is */
        if (entry_is_table(*entry, level))
            table = hpa_to_ptr(hpa(*entry & PTE_ADDRESS));
        else
            table = entry_split(entry, at, level);
        if (table == NULL)
            return 0;
    }
}

/* ID_AA64MMFR0_EL1.PARange in bits; 48 is what our tables can hold. */
static uint64_t address_bits(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t range = field_get(SYSREG_READ(id_aa64mmfr0_el1), MMFR0_PARANGE);

    return bits[min_u64(range, ARRAY_COUNT(bits) - 1)];
}

static int map_range(uint64_t at, uint64_t size, enum host_map_kind kind)
{
    uint64_t limit = BIT(address_bits());
    uint64_t bits = kind_bits(kind);
    uint64_t left = size;

    if (at > limit || size > limit - at)
        return E_RANGE;
    while (left > 0) {
        uint64_t done = set_one(at, left, bits);

        if (done == 0)
            return E_NOMEM;
        at += done;
        left -= done;
    }
    return 0;
}

int host_map_set(hpa_t start, uint64_t size, enum host_map_kind kind)
{
    if (kind != HOST_MAP_NONE && start.v < (uintptr_t)image_end && start.v + size > (uintptr_t)image_start)
        return E_OVERLAP;
    return map_range(start.v, size, kind);
}

int host_map_device(uint64_t start, uint64_t size)
{
    uint64_t first = align_down(start, PAGE_SIZE);

    if (size == 0 || start + size < start || start + size > BIT(VA_BITS))
        return E_RANGE;
    return host_map_set(hpa(first), align_up(start + size, PAGE_SIZE) - first, HOST_MAP_DEVICE);
}

static void map_image(void)
{
    const struct {
        const uint8_t *start;
        const uint8_t *end;
        enum host_map_kind kind;
    } parts[] = {
        {image_start, text_end, HOST_MAP_RX}, {text_end, rodata_end, HOST_MAP_RO},
        {rodata_end, data_end, HOST_MAP_RW},  {data_end, symbols_end, HOST_MAP_RO},
        {bss_start, image_end, HOST_MAP_RW},
    };

    for (uint32_t i = 0; i < ARRAY_COUNT(parts); i++) {
        uint64_t size = (uintptr_t)parts[i].end - (uintptr_t)parts[i].start;
        int error = map_range((uintptr_t)parts[i].start, size, parts[i].kind);

        ASSERT(error == 0);
    }
}

void host_map_start(void)
{
    uint64_t range = field_get(SYSREG_READ(id_aa64mmfr0_el1), MMFR0_PARANGE);

    map_image();
    host_map_registers = (struct host_map_registers){
        .mair = (uint64_t)MAIR_NORMAL << (8 * ATTR_NORMAL) | (uint64_t)MAIR_DEVICE_NGNRE << (8 * ATTR_DEVICE),
        .tcr = TCR_RES1 | field_make(64 - VA_BITS, TCR_T0SZ) | field_make(CACHE_WRITE_BACK, TCR_IRGN0) |
               field_make(CACHE_WRITE_BACK, TCR_ORGN0) | field_make(SHARE_INNER, TCR_SH0) |
               field_make(min_u64(range, 5), TCR_PS),
        .ttbr = (uintptr_t)tables[0],
        .sctlr = SCTLR_EL2_OFF | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_WXN,
    };
    host_map_enable(&host_map_registers, (uintptr_t)image_start, (uintptr_t)image_end);
}

/* [start, end) of RAM, the image cut out. */
static int map_piece(uint64_t start, uint64_t end)
{
    uint64_t image_first = (uintptr_t)image_start;
    uint64_t image_last = (uintptr_t)image_end;
    int error = 0;

    if (start < image_first)
        error = host_map_set(hpa(start), min_u64(end, image_first) - start, HOST_MAP_RW);
    if (error == 0 && end > image_last) {
        start = max_u64(start, image_last);
        error = host_map_set(hpa(start), end - start, HOST_MAP_RW);
    }
    return error;
}

void host_map_ram(struct boot_info *info)
{
    table_limit = TABLE_COUNT - TABLES_KEPT;
    for (uint32_t i = 0; i < info->region_count; i++) {
        struct boot_region *region = &info->regions[i];
        uint64_t end = region->start.v + region->size;

        if (region->kind != BOOT_REGION_RAM || map_piece(region->start.v, end) == 0)
            continue;
        log_warn("memory %lx-%lx is left out: %s", region->start.v, end - 1,
                 table_count == table_limit ? "too many holes in the memory map"
                                            : "the CPU cannot address it");
        region->kind = BOOT_REGION_RESERVED;
    }
    table_limit = TABLE_COUNT;
}
