/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sweep over the memory map: from each address the next place where anything changes is found, and the piece
 * up to there gets the most restrictive kind of all entries that cover it. Quadratic in a few dozen entries.
 */
#include "core/boot_regions.h"

#include <stdbool.h>

#include "lib/error.h"

struct span {
    uint64_t start;
    uint64_t end; /* exclusive */
};

/* How much a kind forbids; the enum's own order is not it. */
static uint32_t severity(enum boot_region_kind kind)
{
    switch (kind) {
    case BOOT_REGION_RAM:
        return 1;
    case BOOT_REGION_ACPI:
        return 2;
    case BOOT_REGION_BAD:
        return 4;
    case BOOT_REGION_RESERVED:
    default:
        return 3;
    }
}

static bool span_of(const struct boot_region *region, struct span *span)
{
    const uint64_t top = align_down(UINT64_MAX, PAGE_SIZE);
    uint64_t start = region->start.v;
    uint64_t end = start + region->size;

    if (region->size == 0 || end < start)
        return false;
    if (region->kind == BOOT_REGION_RAM) {
        if (start > top)
            return false;
        start = align_up(start, PAGE_SIZE);
        end = align_down(end, PAGE_SIZE);
    } else {
        start = align_down(start, PAGE_SIZE);
        end = end > top ? top : align_up(end, PAGE_SIZE);
    }
    *span = (struct span){start, end};
    return start < end;
}

/* The piece that begins at the first described address >= `from`. False: nothing left. */
static bool next_piece(const struct boot_region *raw, uint32_t count, uint64_t from, struct span *piece,
                       enum boot_region_kind *kind)
{
    uint32_t worst = 0;
    struct span s;

    *piece = (struct span){UINT64_MAX, UINT64_MAX};
    for (uint32_t i = 0; i < count; i++)
        if (span_of(&raw[i], &s) && s.end > from)
            piece->start = min_u64(piece->start, max_u64(s.start, from));
    if (piece->start == UINT64_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!span_of(&raw[i], &s) || s.end <= piece->start)
            continue;
        if (s.start > piece->start) {
            piece->end = min_u64(piece->end, s.start);
            continue;
        }
        piece->end = min_u64(piece->end, s.end);
        if (severity(raw[i].kind) > worst) {
            worst = severity(raw[i].kind);
            *kind = raw[i].kind;
        }
    }
    return true;
}

int boot_regions_resolve(const struct boot_region *raw, uint32_t count, struct boot_info *info)
{
    enum boot_region_kind kind = BOOT_REGION_RESERVED;
    struct boot_region *last = NULL;
    struct span piece;
    uint64_t from = 0;

    info->region_count = 0;
    while (next_piece(raw, count, from, &piece, &kind)) {
        from = piece.end;
        if (last != NULL && last->kind == kind && last->start.v + last->size == piece.start) {
            last->size += piece.end - piece.start;
            continue;
        }
        if (info->region_count == BOOT_MAX_REGIONS)
            return E_RANGE;
        last = &info->regions[info->region_count++];
        *last = (struct boot_region){hpa(piece.start), piece.end - piece.start, kind};
    }
    return 0;
}

uint64_t boot_regions_ram(const struct boot_info *info)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < info->region_count; i++)
        if (info->regions[i].kind == BOOT_REGION_RAM)
            bytes += info->regions[i].size;
    return bytes;
}
