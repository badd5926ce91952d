/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested page tables of either vendor: guest physical to host physical, built once from the VM's RAM slots
 * with the largest leaves that alignment and CPU allow. Everything that has no RAM behind it stays all zero,
 * not present, and exits. Both vendors' tables have four levels of 512 entries, "large page" in bit 7 and the
 * address in bits 51:12.
 */
#include "arch/x86/nested_map.h"

#include "core/arch.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define NESTED_LARGE   BIT(7)
#define NESTED_ADDRESS FIELD(51, 12)
#define NESTED_ENTRIES 512

static uint64_t level_size(unsigned int level)
{
    return PAGE_SIZE << (9 * level);
}

/* Largest leaf level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) for the next piece of a slot. */
static unsigned int leaf_level(unsigned int largest, uint64_t guest, uint64_t host, uint64_t left)
{
    unsigned int level = largest;

    while (level > 0 && (!is_aligned(guest | host, level_size(level)) || left < level_size(level)))
        level--;
    return level;
}

static int map_leaf(uint64_t *root, const struct nested_format *format, uint64_t guest, uint64_t host,
                    unsigned int leaf)
{
    uint64_t *table = root;

    for (unsigned int level = NESTED_LEVELS - 1; level > leaf; level--) {
        uint64_t *entry = &table[(guest / level_size(level)) % NESTED_ENTRIES];

        if (*entry == 0) {
            void *page = page_alloc();

            if (page == NULL)
                return E_NOMEM;
            *entry = ptr_to_hpa(page).v | format->table;
        }
        ASSERT((*entry & NESTED_LARGE) == 0);
        table = hpa_to_ptr(hpa(*entry & NESTED_ADDRESS));
    }
    table[(guest / level_size(leaf)) % NESTED_ENTRIES] = host | format->leaf | (leaf > 0 ? NESTED_LARGE : 0);
    return 0;
}

int nested_map_create(struct x86_vm *vm, const struct nested_format *format)
{
    uint64_t *root = page_alloc();

    if (root == NULL)
        return E_NOMEM;
    vm->nested_root = ptr_to_hpa(root);
    vm->nested_accessed = format->accessed;
    for (uint32_t i = 0; i < vm->core.mem.slot_count; i++) {
        const struct guest_slot *slot = &vm->core.mem.slots[i];

        for (uint64_t done = 0; done < slot->size;) {
            uint64_t guest = slot->start.v + done;
            uint64_t host = slot->host.v + done;
            unsigned int level = leaf_level(format->largest, guest, host, slot->size - done);

            if (map_leaf(root, format, guest, host, level) != 0)
                return E_NOMEM;
            done += level_size(level);
        }
    }
    return 0;
}

uint32_t nested_map_walk(const struct x86_vm *vm, gpa_t at, uint64_t *path[NESTED_LEVELS], hpa_t *host)
{
    uint64_t *table = hpa_to_ptr(vm->nested_root);
    uint32_t count = 0;

    *host = hpa(0);
    for (unsigned int level = NESTED_LEVELS; level-- > 0;) {
        uint64_t entry = table[(at.v / level_size(level)) % NESTED_ENTRIES];

        path[count++] = &table[(at.v / level_size(level)) % NESTED_ENTRIES];
        if (entry == 0)
            break;
        if (level == 0 || (entry & NESTED_LARGE) != 0) {
            *host =
                hpa((entry & NESTED_ADDRESS & ~(level_size(level) - 1)) | (at.v & (level_size(level) - 1)));
            break;
        }
        table = hpa_to_ptr(hpa(entry & NESTED_ADDRESS));
    }
    return count;
}

/* Invalidation is each CPU's own matter; no CPU is known to offer more where it would be of use (AMD's
 * INVLPGB goes by ASID, and a vCPU has another one on each CPU). */
bool arch_nested_broadcast(struct vm *vm)
{
    (void)vm;
    return false;
}
