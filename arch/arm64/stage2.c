/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2 tables. The walk begins at level 1 with two tables side by side, 1024 entries of 1 GiB.
 */
#include "arch/arm64/stage2.h"

#include "arch/arm64/guest_regs.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define S2_VALID      BIT(0)
#define S2_TABLE      BIT(1) /* levels 1 and 2: a table; level 3: a page */
#define S2_NORMAL_WB  FIELD(5, 2)
#define S2_WRITE      BIT(7)
#define S2_READ_WRITE FIELD(7, 6)
#define S2_SH_INNER   FIELD(9, 8)
#define S2_AF         BIT(10)
#define S2_ADDRESS    FIELD(47, 12)
#define S2_DBM        BIT(51) /* the first write sets S2_WRITE: then that means "dirty" */
#define S2_LEAF       (S2_VALID | S2_NORMAL_WB | S2_READ_WRITE | S2_SH_INNER | S2_AF)

#define LAST_LEVEL 3
#define ENTRIES    512
#define ROOT_PAGES 2

static uint64_t level_size(uint32_t level)
{
    return PAGE_SIZE << (9 * (LAST_LEVEL - level));
}

/* The root has one index for both of its pages. */
static uint64_t *entry_of(uint64_t *table, uint64_t at, uint32_t level)
{
    return &table[at / level_size(level) % (level == 1 ? ROOT_PAGES * ENTRIES : ENTRIES)];
}

int stage2_choose(uint64_t mmfr0, uint64_t mmfr1, struct stage2_format *out)
{
    static const uint8_t widths[] = {32, 36, 40, 42, 44, 48};
    uint64_t range = min_u64(field_get(mmfr0, MMFR0_PARANGE), ARRAY_COUNT(widths) - 1);
    uint64_t granule = field_get(mmfr0, MMFR0_TGRAN4_2);

    /* 0: stage 2 has what stage 1 has, where 0xf is "none"; 1: none. */
    if (granule == 1 || (granule == 0 && field_get(mmfr0, MMFR0_TGRAN4) == 0xf) || widths[range] < 36)
        return E_NOTSUP;
    out->ipa_bits = (uint32_t)min_u64(widths[range], STAGE2_IPA_BITS_MAX);
    out->vtcr = VTCR_RES1 | VTCR_SL0_LEVEL1 | VTCR_IRGN0_WBWA | VTCR_ORGN0_WBWA | VTCR_SH0_INNER |
                field_make(64 - out->ipa_bits, VTCR_T0SZ) | field_make(range, VTCR_PS);
    /* Every entry begins as accessed and writable, so that this acts where stage2_look() has cleared one. */
    out->notes = field_get(mmfr1, MMFR1_HAFDBS) >= 2;
    if (out->notes)
        out->vtcr |= VTCR_HA | VTCR_HD;
    return 0;
}

static int map_leaf(uint64_t *root, uint64_t guest, uint64_t host, uint32_t leaf)
{
    uint64_t *table = root;

    for (uint32_t level = 1; level < leaf; level++) {
        uint64_t *entry = entry_of(table, guest, level);

        if (*entry == 0) {
            void *page = page_alloc();

            if (page == NULL)
                return E_NOMEM;
            *entry = ptr_to_hpa(page).v | S2_VALID | S2_TABLE;
        }
        ASSERT((*entry & S2_TABLE) != 0);
        table = hpa_to_ptr(hpa(*entry & S2_ADDRESS));
    }
    *entry_of(table, guest, leaf) = host | S2_LEAF | (leaf == LAST_LEVEL ? S2_TABLE : 0);
    return 0;
}

/* Highest level whose block fits the next piece. */
static uint32_t leaf_level(uint64_t guest, uint64_t host, uint64_t left)
{
    uint32_t level = 1;

    while (level < LAST_LEVEL && (!is_aligned(guest | host, level_size(level)) || left < level_size(level)))
        level++;
    return level;
}

int stage2_create(const struct guest_mem *mem, hpa_t *root)
{
    if (pmem_alloc(ROOT_PAGES, ROOT_PAGES * PAGE_SIZE, root) != 0)
        return E_NOMEM;
    for (uint32_t i = 0; i < mem->slot_count; i++) {
        const struct guest_slot *slot = &mem->slots[i];

        for (uint64_t done = 0; done < slot->size;) {
            uint64_t guest = slot->start.v + done;
            uint64_t host = slot->host.v + done;
            uint32_t level = leaf_level(guest, host, slot->size - done);

            if (map_leaf(hpa_to_ptr(*root), guest, host, level) != 0)
                return E_NOMEM;
            done += level_size(level);
        }
    }
    return 0;
}

bool stage2_entry(hpa_t root, gpa_t at, uint32_t level, uint64_t *entry)
{
    uint64_t *table = hpa_to_ptr(root);

    if (at.v >> STAGE2_IPA_BITS_MAX != 0 || level > LAST_LEVEL)
        return false;
    for (uint32_t i = 1; i <= level; i++) {
        *entry = *entry_of(table, at.v, i);
        if (i < level && (*entry & (S2_VALID | S2_TABLE)) != (S2_VALID | S2_TABLE))
            return false;
        table = hpa_to_ptr(hpa(*entry & S2_ADDRESS));
    }
    return true;
}

static uint64_t *find_leaf(hpa_t root, gpa_t at, uint32_t *level)
{
    uint64_t *table = hpa_to_ptr(root);

    if (at.v >> STAGE2_IPA_BITS_MAX != 0)
        return NULL;
    for (*level = 1;; (*level)++) {
        uint64_t *entry = entry_of(table, at.v, *level);

        if ((*entry & S2_VALID) == 0)
            return NULL;
        if (*level == LAST_LEVEL || (*entry & S2_TABLE) == 0)
            return entry;
        table = hpa_to_ptr(hpa(*entry & S2_ADDRESS));
    }
}

uint64_t stage2_lookup(hpa_t root, gpa_t at, uint32_t *level)
{
    const uint64_t *leaf = find_leaf(root, at, level);

    return leaf == NULL ? 0 : *leaf;
}

uint32_t stage2_look(hpa_t root, gpa_t at, uint64_t *size)
{
    uint32_t level = 1;
    uint64_t *leaf = find_leaf(root, at, &level);
    uint64_t was;

    *size = level_size(level);
    if (leaf == NULL)
        return 0;
    /* Hardware sets bits at any time: no plain writes. */
    __atomic_fetch_or(leaf, S2_DBM, __ATOMIC_RELAXED);
    was = __atomic_fetch_and(leaf, ~(S2_AF | S2_WRITE), __ATOMIC_RELAXED);
    return ((was & S2_AF) != 0 ? NESTED_TOUCHED : 0) | ((was & S2_WRITE) != 0 ? NESTED_WRITTEN : 0);
}
