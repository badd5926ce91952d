/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free memory as a list of extents sorted by address; each extent's node lies in its own first page, so the
 * allocator needs no tables however much memory there is. Neighbours are always merged. Small pieces come
 * from the bottom, pieces of 2 MiB alignment and more from the top: page tables do not cut up what guests
 * want. One lock; the list is as long as memory is fragmented, a few dozen extents.
 */
#include "core/pmem.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch_inline.h"
#include "core/spinlock.h"
#include "lib/assert.h"
#include "lib/error.h"

#define EXTENT_MAGIC UINT64_C(0x4c61746368467265) /* a stray write to free memory is noticed here */
#define LARGE_ALIGN  (2 * MIB)

struct extent {
    uint64_t magic;
    uint64_t pages;
    struct extent *next; /* at a higher address */
};

static struct spinlock pmem_lock = {.rank = LOCK_MEMORY};
static struct extent *extents;
static uint64_t free_pages;

static uint64_t extent_start(const struct extent *e)
{
    return ptr_to_hpa(e).v;
}

static uint64_t extent_end(const struct extent *e)
{
    return extent_start(e) + e->pages * PAGE_SIZE;
}

static struct extent *extent_make(uint64_t start, uint64_t end, struct extent *next)
{
    struct extent *e = hpa_to_ptr(hpa(start));

    *e = (struct extent){EXTENT_MAGIC, (end - start) / PAGE_SIZE, next};
    return e;
}

/* Takes [start, end) out of the extent that `*link` points to and that holds it. */
static void extent_cut(struct extent **link, uint64_t start, uint64_t end)
{
    struct extent *e = *link;
    uint64_t first = extent_start(e);
    uint64_t last = extent_end(e);
    struct extent *rest = end < last ? extent_make(end, last, e->next) : e->next;

    if (start > first) {
        e->pages = (start - first) / PAGE_SIZE;
        e->next = rest;
    } else {
        *link = rest;
    }
    free_pages -= (end - start) / PAGE_SIZE;
}

/* Where `size` bytes would lie in the extent, below `limit`. */
static bool extent_place(const struct extent *e, uint64_t size, uint64_t align, uint64_t limit,
                         uint64_t *start)
{
    uint64_t first = align_up(extent_start(e), align);
    uint64_t end = min_u64(extent_end(e), limit);

    if (first < extent_start(e) || first >= end || end - first < size)
        return false;
    *start = align < LARGE_ALIGN ? first : align_down(end - size, align);
    return true;
}

static bool take(uint64_t size, uint64_t align, uint64_t limit, uint64_t *start)
{
    struct extent **found = NULL;

    for (struct extent **link = &extents; *link != NULL; link = &(*link)->next) {
        ASSERT((*link)->magic == EXTENT_MAGIC);
        if (!extent_place(*link, size, align, limit, start))
            continue;
        found = link;
        if (align < LARGE_ALIGN)
            break;
    }
    if (found == NULL)
        return false;
    (void)extent_place(*found, size, align, limit, start);
    extent_cut(found, *start, *start + size);
    return true;
}

int pmem_alloc_below(uint64_t count, uint64_t align, uint64_t limit, hpa_t *out)
{
    uint64_t start;
    bool found;

    ASSERT(is_power_of_two(align) && align >= PAGE_SIZE);
    if (count == 0 || count > UINT64_MAX / PAGE_SIZE)
        return E_NOMEM;
    spin_lock(&pmem_lock);
    found = take(count * PAGE_SIZE, align, limit == 0 ? UINT64_MAX : limit, &start);
    spin_unlock(&pmem_lock);
    if (!found)
        return E_NOMEM;
    *out = hpa(start);
    arch_bulk_clear(hpa_to_ptr(*out), count * PAGE_SIZE);
    return 0;
}

int pmem_alloc(uint64_t count, uint64_t align, hpa_t *out)
{
    return pmem_alloc_below(count, align, 0, out);
}

int pmem_take(hpa_t start, uint64_t count)
{
    uint64_t end = start.v + count * PAGE_SIZE;
    int error = E_BUSY;

    spin_lock(&pmem_lock);
    for (struct extent **link = &extents; *link != NULL; link = &(*link)->next) {
        if (extent_start(*link) > start.v || extent_end(*link) < end)
            continue;
        extent_cut(link, start.v, end);
        error = 0;
        break;
    }
    spin_unlock(&pmem_lock);
    return error;
}

void pmem_free(hpa_t start, uint64_t count)
{
    uint64_t end = start.v + count * PAGE_SIZE;
    struct extent **link = &extents;
    struct extent *before = NULL;
    struct extent *e;

    ASSERT(count > 0 && is_aligned(start.v, PAGE_SIZE) && end > start.v);
    spin_lock(&pmem_lock);
    while (*link != NULL && extent_start(*link) < start.v) {
        before = *link;
        ASSERT(before->magic == EXTENT_MAGIC);
        link = &before->next;
    }
    ASSERT(before == NULL || extent_end(before) <= start.v);
    ASSERT(*link == NULL || end <= extent_start(*link));
    e = extent_make(start.v, end, *link);
    *link = e;
    free_pages += count;
    if (e->next != NULL && extent_start(e->next) == end) {
        e->pages += e->next->pages;
        e->next = e->next->next;
    }
    if (before != NULL && extent_end(before) == start.v) {
        before->pages += e->pages;
        before->next = e->next;
    }
    spin_unlock(&pmem_lock);
}

/* The first part of [*start, limit) that touches neither the image nor a module; false if there is none. */
static bool next_free(const struct boot_info *info, uint64_t *start, uint64_t *end, uint64_t limit)
{
    for (uint32_t i = 0; i <= info->module_count;) {
        bool image = i == info->module_count;
        uint64_t first = image ? info->image_start.v : info->modules[i].start.v;
        uint64_t size = image ? info->image_size : info->modules[i].size;
        uint64_t last = align_up(first + size, PAGE_SIZE);

        i++;
        first = align_down(first, PAGE_SIZE);
        if (size == 0 || *start < first || *start >= last)
            continue;
        *start = last; /* inside something: look at all of them again from behind it */
        i = 0;
    }
    *end = limit;
    if (*start >= limit)
        return false;
    for (uint32_t i = 0; i < info->module_count; i++)
        if (info->modules[i].size != 0 && info->modules[i].start.v >= *start)
            *end = min_u64(*end, align_down(info->modules[i].start.v, PAGE_SIZE));
    if (info->image_size != 0 && info->image_start.v >= *start)
        *end = min_u64(*end, align_down(info->image_start.v, PAGE_SIZE));
    return true;
}

void pmem_add_ram(const struct boot_info *info, uint64_t first, uint64_t limit)
{
    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->regions[i];
        uint64_t region_end = min_u64(region->start.v + region->size, limit);
        uint64_t start = max_u64(region->start.v, first);
        uint64_t end;

        if (region->kind != BOOT_REGION_RAM || start >= region_end)
            continue;
        while (start < region_end && next_free(info, &start, &end, region_end)) {
            if (end > start)
                pmem_free(hpa(start), (end - start) / PAGE_SIZE);
            start = end;
        }
    }
}

uint64_t pmem_free_pages(void)
{
    uint64_t pages;

    spin_lock(&pmem_lock);
    pages = free_pages;
    spin_unlock(&pmem_lock);
    return pages;
}

void *page_alloc(void)
{
    hpa_t at;

    return pmem_alloc(1, PAGE_SIZE, &at) == 0 ? hpa_to_ptr(at) : NULL;
}

void page_free(void *page)
{
    pmem_free(ptr_to_hpa(page), 1);
}
