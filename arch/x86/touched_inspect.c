/* SPDX-License-Identifier: BSD-2-Clause */
/* Accessed and dirty flags of NPT and EPT, for the shell's view of touched memory. */
#include "arch/x86/nested_map.h"
#include "core/arch.h"

bool arch_nested_look(struct vm *core, gpa_t at, uint32_t *marks, uint64_t *size)
{
    const struct x86_vm *vm = x86_vm_of(core);
    uint64_t accessed = vm->nested_accessed;
    uint64_t both = accessed * (NESTED_TOUCHED | NESTED_WRITTEN);
    uint64_t *path[NESTED_LEVELS];
    hpa_t host;
    uint32_t count = nested_map_walk(vm, at, path, &host);

    if (accessed == 0)
        return false;
    *size = PAGE_SIZE << (9 * (NESTED_LEVELS - count));
    /* The CPUs set flags at any time: no plain write. */
    *marks = (uint32_t)((__atomic_fetch_and(path[count - 1], ~both, __ATOMIC_RELAXED) & both) / accessed);
    return true;
}
