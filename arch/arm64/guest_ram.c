/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM in as few pieces as there are; pieces begin on multiples of 2 MiB on both sides, so that stage 2
 * keeps its blocks.
 */
#include "arch/arm64/guest_ram.h"

#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_map.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/vm.h"
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
        error = guest_mem_add(mem, gpa(start), piece, host);
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
    for (uint32_t i = 0; i < vm->mem.slot_count; i++)
        pmem_free(vm->mem.slots[i].host, pages_of(vm->mem.slots[i].size));
    vm->mem.slot_count = 0;
}

int guest_ram_alloc(struct vm *vm)
{
    uint64_t mem = vm->config->mem;
    uint64_t most = BIT(guest_ipa_bits()) - GUEST_RAM_BASE;
    uint64_t available = pmem_free_pages() * PAGE_SIZE;

    if (mem > most) {
        log_error("vm %s: mem=%luM: guests of this machine reach %luM", vm->config->name, mem / MIB,
                  most / MIB);
        return E_RANGE;
    }
    if (alloc_span(&vm->mem, GUEST_RAM_BASE, mem) == 0)
        return 0;
    guest_ram_free(vm);
    log_error("vm %s: mem=%luM: %luM are free on this machine%s", vm->config->name, mem / MIB,
              available / MIB, available < mem ? "" : ", but in too many pieces");
    return E_NOMEM;
}

void guest_ram_clean(struct vm *vm)
{
    /* Bytes of the smallest data cache line of all levels (Arm ARM, "CTR_EL0"). */
    uint64_t line = UINT64_C(4) << field_get(SYSREG_READ(ctr_el0), CTR_DMINLINE);

    for (uint32_t i = 0; i < vm->mem.slot_count; i++) {
        uint64_t at = vm->mem.slots[i].host.v;
        uint64_t end = at + vm->mem.slots[i].size;

        for (; at < end; at += line)
            insn_dc_civac(at);
    }
    insn_dsb_sy();
    insn_ic_ialluis();
    insn_dsb_ish();
    insn_isb();
}
