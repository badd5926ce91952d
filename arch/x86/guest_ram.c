/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM in large pieces. A PC has a hole below 4 GiB, so memory that is free is rarely contiguous: a span
 * that cannot be had whole is halved until its pieces can. Pieces begin on multiples of 2 MiB on both sides,
 * so that nested page tables keep their large leaves.
 */
#include "arch/x86/guest_ram.h"

#include "arch/x86/guest_map.h"
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

/* The VGA window has no memory in the guest; the pages that would be there stay with the piece, unused. */
static int add_slots(struct guest_mem *mem, uint64_t start, uint64_t size, hpa_t host)
{
    int error;

    if (start != 0)
        return guest_mem_add(mem, gpa(start), size, host);
    error = guest_mem_add(mem, gpa(0), GUEST_VGA_START, host);
    return error != 0
               ? error
               : guest_mem_add(mem, gpa(GUEST_VGA_END), size - GUEST_VGA_END, hpa(host.v + GUEST_VGA_END));
}

static int alloc_span(struct guest_mem *mem, uint64_t start, uint64_t size)
{
    while (size != 0) {
        uint64_t piece = size;
        hpa_t host;
        int error;

        while (!take_piece(piece, &host)) {
            if (piece <= PIECE_MIN)
                return E_NOMEM;
            piece = align_up(piece / 2, PIECE_ALIGN);
        }
        error = add_slots(mem, start, piece, host);
        if (error != 0) {
            pmem_free(host, pages_of(piece));
            return error;
        }
        start += piece;
        size -= piece;
    }
    return 0;
}

void guest_ram_free(struct vm *vm)
{
    struct guest_mem *mem = &vm->mem;

    for (uint32_t i = 0; i < mem->slot_count; i++) {
        const struct guest_slot *slot = &mem->slots[i];
        uint64_t hidden = slot->start.v == GUEST_VGA_END ? GUEST_VGA_END - GUEST_VGA_START : 0;

        pmem_free(hpa(slot->host.v - hidden), pages_of(slot->size + hidden));
    }
    mem->slot_count = 0;
}

int guest_ram_alloc(struct vm *vm)
{
    uint64_t mem = vm->config->mem;
    uint64_t low_end = guest_map_low_end(mem);
    uint64_t available = pmem_free_pages() * PAGE_SIZE;
    int error = alloc_span(&vm->mem, 0, low_end);

    if (error == 0)
        error = alloc_span(&vm->mem, GUEST_HIGH_START, mem - low_end);
    if (error == 0)
        return 0;
    guest_ram_free(vm);
    if (available < mem)
        log_error("vm %s: mem=%luM: only %luM free on this machine", vm->config->name, mem / MIB,
                  available / MIB);
    else
        log_error("vm %s: mem=%luM: %luM are free on this machine, but in too many pieces", vm->config->name,
                  mem / MIB, available / MIB);
    return E_NOMEM;
}
