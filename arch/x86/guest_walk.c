/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk in three steps: collect the entries from the root to the leaf, check the access against what they
 * allow, then set accessed and dirty bits. AMD64 APM vol. 2, "Page Translation and Protection"; Intel SDM
 * vol. 3, "Paging". An entry that changed between reading and marking restarts the walk, a few times at most.
 */
#include "arch/x86/guest_walk.h"

#include <stddef.h>

#include "lib/bits.h"
#include "lib/error.h"

#define PTE_P      BIT(0)
#define PTE_W      BIT(1)
#define PTE_U      BIT(2)
#define PTE_A      BIT(5)
#define PTE_D      BIT(6)
#define PTE_PS     BIT(7)
#define PTE_NX     BIT(63)
#define PTE_ADDR   FIELD(51, 12)
#define PTE_RIGHTS (PTE_W | PTE_U)

#define PTE32_ADDR FIELD(31, 12)
#define PDE32_ADDR FIELD(31, 22)
/* A 4 MiB page carries physical address bits 32..39 in bits 13..20 (PSE-36). */
#define PDE32_HIGH     FIELD(20, 13)
#define PDE32_RESERVED BIT(21)
#define PDE32_BITS     40

#define PDPTE_RESERVED (FIELD(2, 1) | FIELD(8, 5)) /* PAE only; these entries hold no rights and no A bit */

#define RESTARTS_MAX 8

enum walk_format { FORMAT_32, FORMAT_PAE, FORMAT_64 };

/* One attempt; the entries are in walk->path. */
struct walk_state {
    enum walk_format format;
    uint32_t leaf_shift;
    uint64_t rights; /* PTE_W and PTE_U where every level grants them, PTE_NX where any sets it */
};

static enum walk_status page_fault(struct guest_walk *walk, uint32_t access, uint32_t cause)
{
    const struct x86_cpu_mode *mode = walk->mode;
    bool nx_enabled = (mode->cr4 & CR4_PAE) != 0 && (mode->efer & EFER_NXE) != 0;
    uint32_t code = cause | (access & (WALK_WRITE | WALK_USER));

    if ((access & WALK_FETCH) != 0 && (nx_enabled || (mode->cr4 & CR4_SMEP) != 0))
        code |= (uint32_t)PF_FETCH;
    walk->error_code = code;
    return WALK_PAGE_FAULT;
}

static bool is_large(const struct guest_walk *walk, enum walk_format format, uint32_t level, uint64_t value)
{
    if ((value & PTE_PS) == 0)
        return false;
    if (format == FORMAT_32)
        return level == 2 && (walk->mode->cr4 & CR4_PSE) != 0;
    return level == 2 || (level == 3 && format == FORMAT_64 && walk->has_1g_pages);
}

/* Bits that must be 0 in this entry. `leaf` includes large pages. */
static uint64_t reserved_bits(const struct guest_walk *walk, enum walk_format format, uint32_t level,
                              bool leaf)
{
    if (format == FORMAT_32) {
        if (!leaf || level == 1)
            return 0;
        uint32_t high = walk->phys_bits < PDE32_BITS ? walk->phys_bits : PDE32_BITS;
        uint32_t usable = high > 32 ? high - 32 : 0;
        return PDE32_RESERVED | (PDE32_HIGH & ~((BIT(usable) - 1) << 13));
    }
    uint64_t bits = walk->phys_bits < 52 ? FIELD(51, walk->phys_bits) : 0;
    if (format == FORMAT_PAE)
        bits |= level == 3 ? FIELD(63, 52) | PDPTE_RESERVED : FIELD(62, 52);
    if ((walk->mode->efer & EFER_NXE) == 0)
        bits |= PTE_NX;
    if (leaf && level > 1)
        bits |= FIELD(12 + 9 * (level - 1) - 1, 13);
    else if (format == FORMAT_64 && level >= 3)
        bits |= PTE_PS; /* a 1 GiB page where there is none, or PS above level 3 */
    return bits;
}

static int read_entry(struct guest_walk *walk, struct walk_state *state, uint32_t level,
                      struct walk_entry *entry)
{
    if (state->format == FORMAT_PAE && level == 3 && walk->pdptes != NULL) {
        entry->value = walk->pdptes[(entry->at.v >> 3) & 3];
        return 0;
    }
    if (state->format != FORMAT_32)
        return walk->ops->ram_read(walk->ctx, entry->at, &entry->value, 8);
    uint32_t value = 0;
    int error = walk->ops->ram_read(walk->ctx, entry->at, &value, 4);
    entry->value = value;
    return error;
}

/* From the root to the leaf, checking each entry as it is met. */
static enum walk_status collect(struct guest_walk *walk, struct walk_state *state, uint64_t address,
                                uint32_t access, uint32_t levels)
{
    bool narrow = state->format == FORMAT_32;
    uint32_t bits = narrow ? 10 : 9;
    uint64_t table = walk->mode->cr3;
    table &= narrow ? PTE32_ADDR : state->format == FORMAT_PAE ? FIELD(31, 5) : PTE_ADDR;

    walk->path_count = 0;
    walk->entry_size = narrow ? 4 : 8;
    state->rights = PTE_RIGHTS;
    for (uint32_t level = levels; level > 0; level--) {
        struct walk_entry *entry = &walk->path[walk->path_count++];
        state->leaf_shift = PAGE_SHIFT + bits * (level - 1);
        uint64_t index = (address >> state->leaf_shift) & (BIT(bits) - 1);
        entry->at = gpa(table + index * walk->entry_size);
        if (read_entry(walk, state, level, entry) != 0)
            return WALK_BAD_TABLE;

        uint64_t value = entry->value;
        if ((value & PTE_P) == 0)
            return page_fault(walk, access, 0);
        bool leaf = level == 1 || is_large(walk, state->format, level, value);
        if (UNLIKELY((value & reserved_bits(walk, state->format, level, leaf)) != 0))
            return page_fault(walk, access, (uint32_t)(PF_PRESENT | PF_RESERVED));
        if (state->format != FORMAT_PAE || level != 3)
            state->rights = (state->rights & value & PTE_RIGHTS) | ((state->rights | value) & PTE_NX);
        if (leaf)
            return WALK_OK;
        table = value & (narrow ? PTE32_ADDR : PTE_ADDR);
    }
    return WALK_BAD_TABLE; /* not reached: level 1 is a leaf */
}

static bool is_allowed(const struct x86_cpu_mode *mode, const struct walk_state *state, uint32_t access)
{
    bool user_page = (state->rights & PTE_U) != 0;
    bool writable = (state->rights & PTE_W) != 0;
    bool nx = state->format != FORMAT_32 && (state->rights & PTE_NX) != 0;

    if ((access & WALK_FETCH) != 0 && nx)
        return false;
    if ((access & WALK_USER) != 0)
        return user_page && (writable || (access & WALK_WRITE) == 0);
    if ((access & WALK_WRITE) != 0 && !writable && (mode->cr0 & CR0_WP) != 0)
        return false;
    if (!user_page)
        return true;
    if ((access & WALK_FETCH) != 0)
        return (mode->cr4 & CR4_SMEP) == 0;
    return (mode->cr4 & CR4_SMAP) == 0 || (access & (WALK_AC | WALK_IMPLICIT)) == WALK_AC;
}

/* Sets the accessed bits on the way and the leaf's dirty bit. Each exchange holds the entry to what was
 * checked. */
static enum walk_status mark(struct guest_walk *walk, struct walk_state *state, uint32_t access)
{
    uint32_t first = state->format == FORMAT_PAE ? 1 : 0;

    for (uint32_t i = first; i < walk->path_count; i++) {
        struct walk_entry *entry = &walk->path[i];
        bool dirty = i + 1 == walk->path_count && (access & WALK_WRITE) != 0;
        uint64_t want = entry->value | PTE_A | (dirty ? PTE_D : 0);
        if (LIKELY(want == entry->value))
            continue;
        uint64_t expected = entry->value;
        int error = walk->ops->ram_cmpxchg(walk->ctx, entry->at, walk->entry_size, &expected, want);
        if (error != 0)
            return error == E_BUSY ? WALK_RETRY : WALK_BAD_TABLE;
        entry->value = want;
    }
    return WALK_OK;
}

static uint64_t leaf_address(const struct guest_walk *walk, const struct walk_state *state, uint64_t address)
{
    uint64_t value = walk->path[walk->path_count - 1].value;
    uint64_t offset = address & (BIT(state->leaf_shift) - 1);

    if (state->format != FORMAT_32)
        return (value & PTE_ADDR & ~(BIT(state->leaf_shift) - 1)) | offset;
    if (state->leaf_shift == PAGE_SHIFT)
        return (value & PTE32_ADDR) | offset;
    return (value & PDE32_ADDR) | field_get(value, PDE32_HIGH) << 32 | offset;
}

enum walk_status guest_walk(struct guest_walk *walk, gva_t gva, uint32_t access)
{
    const struct x86_cpu_mode *mode = walk->mode;
    bool is_long = cpu_mode_is_long(mode);
    uint64_t address = is_long ? gva.v : gva.v & FIELD(31, 0);

    if ((mode->cr0 & CR0_PG) == 0) {
        walk->gpa = gpa(address);
        walk->page_size = BIT(32);
        walk->path_count = 0;
        return WALK_OK;
    }
    if (is_long && !cpu_mode_is_canonical(mode, address))
        return WALK_NON_CANONICAL;

    struct walk_state state;
    uint32_t levels = 2;
    state.format = FORMAT_32;
    if (is_long) {
        state.format = FORMAT_64;
        levels = (mode->cr4 & CR4_LA57) != 0 ? 5 : 4;
    } else if ((mode->cr4 & CR4_PAE) != 0) {
        state.format = FORMAT_PAE;
        levels = 3;
    }

    for (uint32_t i = 0; i < RESTARTS_MAX; i++) {
        enum walk_status status = collect(walk, &state, address, access, levels);
        if (status != WALK_OK)
            return status;
        if (!is_allowed(mode, &state, access))
            return page_fault(walk, access, (uint32_t)PF_PRESENT);
        if ((access & WALK_NO_AD) == 0)
            status = mark(walk, &state, access);
        if (status == WALK_RETRY)
            continue;
        walk->gpa = gpa(leaf_address(walk, &state, address));
        walk->page_size = BIT(state.leaf_shift);
        return status;
    }
    return WALK_RETRY;
}
