/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/guest_walk.h"

#include "core/vm.h"
#include "lib/error.h"

/* TCR_EL1 */
#define TCR_T0SZ FIELD(5, 0)
#define TCR_EPD0 BIT(7)
#define TCR_TG0  FIELD(15, 14)
#define TCR_T1SZ FIELD(21, 16)
#define TCR_EPD1 BIT(23)
#define TCR_TG1  FIELD(31, 30)
#define TCR_TBI0 BIT(37)
#define TCR_TBI1 BIT(38)

#define TTBR_BADDR FIELD(47, 1)
#define UPPER_HALF BIT(55)
#define TAG        FIELD(63, 56)

#define DESCRIPTOR_VALID BIT(0)
#define DESCRIPTOR_TABLE BIT(1) /* last level: a page */
#define VA_BITS_MOST     48

static uint32_t granule_bits(const struct arm64_context *sys, bool upper)
{
    static const uint8_t lower_bits[] = {12, 16, 14, 0};
    static const uint8_t upper_bits[] = {0, 14, 12, 16};

    return upper ? upper_bits[field_get(sys->tcr, TCR_TG1)] : lower_bits[field_get(sys->tcr, TCR_TG0)];
}

static uint32_t level_shift(const struct guest_walk *walk, uint32_t level)
{
    return walk->granule + (GUEST_WALK_LAST - level) * (walk->granule - 3);
}

void guest_walk_begin(struct guest_walk *walk, struct vm *vm, const struct arm64_context *sys, gva_t at)
{
    bool upper = (at.v & UPPER_HALF) != 0;
    uint64_t bits = 64 - field_get(sys->tcr, upper ? TCR_T1SZ : TCR_T0SZ);
    uint64_t address = at.v;

    *walk = (struct guest_walk){.vm = vm, .level = GUEST_WALK_LAST + 1, .result = gpa(at.v)};
    if ((sys->sctlr & SCTLR1_M) == 0)
        return;
    walk->error = E_FAULT;
    walk->granule = granule_bits(sys, upper);
    if ((sys->tcr & (upper ? TCR_TBI1 : TCR_TBI0)) != 0)
        address = upper ? address | TAG : address & ~TAG;
    if (walk->granule == 0 || bits > VA_BITS_MOST || bits <= walk->granule ||
        (sys->tcr & (upper ? TCR_EPD1 : TCR_EPD0)) != 0 ||
        address >> bits != (upper ? ~UINT64_C(0) >> bits : 0)) {
        walk->granule = 0;
        return;
    }
    walk->address = address & (BIT(bits) - 1);
    walk->table = gpa((upper ? sys->ttbr1 : sys->ttbr0) & TTBR_BADDR);
    while (walk->next < GUEST_WALK_LAST && level_shift(walk, walk->next) >= bits)
        walk->next++;
}

bool guest_walk_step(struct guest_walk *walk)
{
    uint32_t shift;

    if (walk->granule == 0)
        return false;
    walk->level = walk->next++;
    shift = level_shift(walk, walk->level);
    walk->entry_at = gpa(walk->table.v + (walk->address >> shift) * sizeof(uint64_t));
    walk->address &= BIT(shift) - 1;
    walk->entry = 0;
    if (guest_read(walk->vm, walk->entry_at, &walk->entry, sizeof(walk->entry)) != 0 ||
        (walk->entry & DESCRIPTOR_VALID) == 0)
        return false;
    walk->table = gpa(walk->entry & FIELD(47, 12) & ~(BIT(walk->granule) - 1));
    if (walk->level < GUEST_WALK_LAST && (walk->entry & DESCRIPTOR_TABLE) != 0)
        return true;
    if (walk->level == GUEST_WALK_LAST && (walk->entry & DESCRIPTOR_TABLE) == 0)
        return false;
    /* A block's address has zeroes below its size. */
    walk->result = gpa((walk->entry & FIELD(47, 12) & ~(BIT(shift) - 1)) | walk->address);
    walk->error = 0;
    return false;
}
