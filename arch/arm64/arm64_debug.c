/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debugging arm64 guests: not there yet. Registers and memory can be looked at, nothing stops a guest but a
 * hold.
 */
#include "core/arch.h"

const uint8_t arch_guest_break[] = {0x00, 0x00, 0x20, 0xd4}; /* BRK #0 */
const uint32_t arch_guest_break_size = sizeof(arch_guest_break);

bool arch_guest_debug_can(enum guest_debug_kind kind)
{
    (void)kind;
    return false;
}

void arch_guest_debug_apply(struct vcpu *vcpu)
{
    (void)vcpu;
}

void arch_guest_code_changed(struct vm *vm, gpa_t at, size_t size)
{
    (void)vm;
    (void)at;
    (void)size;
}
