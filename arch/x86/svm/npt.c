/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested page tables: guest physical to host physical, built once from the VM's RAM slots with the largest
 * leaves that alignment and CPU allow. Everything that has no RAM behind it stays not present and exits. The
 * tables are walked in the host's paging mode ("Nested Paging", AMD64 APM volume 2), here 4-level with
 * no-execute; nested entries must have the user bit set, since every nested access counts as a user access.
 */
#include "arch/x86/cpu_features.h"
#include "arch/x86/svm/svm.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"

#define NPT_PRESENT BIT(0)
#define NPT_WRITE   BIT(1)
#define NPT_USER    BIT(2)
#define NPT_LARGE   BIT(7)
#define NPT_ADDRESS FIELD(51, 12)
#define NPT_TABLE   (NPT_PRESENT | NPT_WRITE | NPT_USER)
#define NPT_LEVELS  4
#define NPT_ENTRIES 512

static uint64_t level_size(unsigned int level)
{
    return PAGE_SIZE << (9 * level);
}

/* Largest leaf level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) for the next piece of a slot. */
static unsigned int leaf_level(uint64_t guest, uint64_t host, uint64_t left)
{
    unsigned int level = cpu_features.has_1g_pages ? 2 : 1;

    while (level > 0 && (!is_aligned(guest | host, level_size(level)) || left < level_size(level)))
        level--;
    return level;
}

static int map_leaf(uint64_t *root, uint64_t guest, uint64_t host, unsigned int leaf)
{
    uint64_t *table = root;

    for (unsigned int level = NPT_LEVELS - 1; level > leaf; level--) {
        uint64_t *entry = &table[(guest / level_size(level)) % NPT_ENTRIES];

        if ((*entry & NPT_PRESENT) == 0) {
            void *page = page_alloc();

            if (page == NULL)
                return E_NOMEM;
            *entry = ptr_to_hpa(page).v | NPT_TABLE;
        }
        ASSERT((*entry & NPT_LARGE) == 0);
        table = hpa_to_ptr(hpa(*entry & NPT_ADDRESS));
    }
    table[(guest / level_size(leaf)) % NPT_ENTRIES] = host | NPT_TABLE | (leaf > 0 ? NPT_LARGE : 0);
    return 0;
}

int npt_create(struct x86_vm *vm)
{
    uint64_t *root = page_alloc();

    if (root == NULL)
        return E_NOMEM;
    vm->nested_root = ptr_to_hpa(root);
    for (uint32_t i = 0; i < vm->core.mem.slot_count; i++) {
        const struct guest_slot *slot = &vm->core.mem.slots[i];

        for (uint64_t done = 0; done < slot->size;) {
            uint64_t guest = slot->start.v + done;
            uint64_t host = slot->host.v + done;
            unsigned int level = leaf_level(guest, host, slot->size - done);

            if (map_leaf(root, guest, host, level) != 0)
                return E_NOMEM;
            done += level_size(level);
        }
    }
    return 0;
}
