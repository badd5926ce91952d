/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM in large pieces. Memory that is free is rarely contiguous: a range that cannot be had whole is
 * halved until its pieces can. Pieces begin on multiples of 2 MiB on both sides, so that nested page tables
 * keep their large leaves. The pages behind a hole stay with their piece, unused.
 */
#include "core/guest_ram.h"

#include "core/guest_mem.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "lib/error.h"

#define PIECE_ALIGN (2 * MIB)
#define PIECE_MIN   (64 * MIB)

static uint64_t pages_of(uint64_t bytes)
{
    return bytes / PAGE_SIZE;
}

/* In the largest alignment that makes sense and can be had. */
static bool take_piece(uint64_t size, hpa_t *out)
{
    static const uint64_t aligns[] = {GIB, PIECE_ALIGN, PAGE_SIZE};

    for (uint32_t i = 0; i < ARRAY_COUNT(aligns); i++)
        if (size >= aligns[i] && pmem_alloc(pages_of(size), aligns[i], out) == 0)
            return true;
    return false;
}

static int add_slots(struct guest_mem *mem, const struct guest_ram_range *range, uint64_t start,
                     uint64_t size, hpa_t host)
{
    uint64_t below = range->hole_start - start;
    uint64_t behind = range->hole_end - start;
    int error;

    if (start != range->start || range->hole_start == range->hole_end)
        return guest_mem_add(mem, gpa(start), size, host);
    error = guest_mem_add(mem, gpa(start), below, host);
    return error != 0 ? error : guest_mem_add(mem, gpa(range->hole_end), size - behind, hpa(host.v + behind));
}

static int take_range(struct guest_mem *mem, const struct guest_ram_range *range)
{
    uint64_t start = range->start;
    uint64_t size = range->size;

    while (size != 0) {
        uint64_t piece = size;
        hpa_t host;
        int error;

        while (!take_piece(piece, &host)) {
            if (piece <= PIECE_MIN)
                return E_NOMEM;
            piece = align_up(piece / 2, PIECE_ALIGN);
        }
        error = add_slots(mem, range, start, piece, host);
        if (error != 0) {
            pmem_free(host, pages_of(piece));
            return error;
        }
        start += piece;
        size -= piece;
    }
    return 0;
}

/* Bytes of the hole that ends where the slot begins. */
static uint64_t hole_before(const struct guest_slot *slot, const struct guest_ram_range *ranges,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (slot->start.v == ranges[i].hole_end)
            return ranges[i].hole_end - ranges[i].hole_start;
    return 0;
}

void guest_ram_give_back(struct vm *vm, const struct guest_ram_range *ranges, uint32_t count)
{
    struct guest_mem *mem = &vm->mem;

    for (uint32_t i = 0; i < mem->slot_count; i++) {
        const struct guest_slot *slot = &mem->slots[i];
        uint64_t hole = hole_before(slot, ranges, count);

        pmem_free(hpa(slot->host.v - hole), pages_of(slot->size + hole));
    }
    mem->slot_count = 0;
}

int guest_ram_take(struct vm *vm, const struct guest_ram_range *ranges, uint32_t count)
{
    uint64_t mem = vm->config->mem;
    uint64_t available = pmem_free_pages() * PAGE_SIZE;
    int error = 0;

    for (uint32_t i = 0; i < count && error == 0; i++)
        error = take_range(&vm->mem, &ranges[i]);
    if (error == 0)
        return 0;
    guest_ram_give_back(vm, ranges, count);
    if (available < mem)
        log_error("vm %s: mem=%luM: only %luM free on this machine", vm->config->name, mem / MIB,
                  available / MIB);
    else
        log_error("vm %s: mem=%luM: %luM are free on this machine, but in too many pieces", vm->config->name,
                  mem / MIB, available / MIB);
    return E_NOMEM;
}
