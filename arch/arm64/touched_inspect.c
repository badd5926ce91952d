/* SPDX-License-Identifier: BSD-2-Clause */
/* What stage 2 notes about accesses, for the shell's view of touched memory. */
#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/stage2.h"
#include "core/arch.h"

bool arch_nested_look(struct vm *vm, gpa_t at, uint32_t *marks, uint64_t *size)
{
    if (!guest_stage2_notes())
        return false;
    *marks = stage2_look(arm64_vm_of(vm)->stage2_root, at, size);
    return true;
}
