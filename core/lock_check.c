/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of locks, checked as they are taken: only in builds with DEBUG=1 does anybody call this. */
#include "core/cpu.h"
#include "lib/assert.h"

void lock_order_taken(uint32_t rank)
{
    struct cpu *cpu = this_cpu();

    if (cpu->locks_held >> rank != 0)
        panic("CPU %u takes a lock of rank %u while it holds 0x%x", cpu->id, rank, cpu->locks_held);
    cpu->locks_held |= (uint32_t)BIT(rank);
}

void lock_order_given(uint32_t rank)
{
    struct cpu *cpu = this_cpu();

    if ((cpu->locks_held & BIT(rank)) == 0)
        panic("CPU %u gives back a lock of rank %u that it does not hold", cpu->id, rank);
    cpu->locks_held &= ~(uint32_t)BIT(rank);
}
