/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory behind a guest's RAM: taken from the page allocator in as few and as well aligned pieces as
 * there are, and freed again. Where RAM lies in a guest's address space is the architecture's matter.
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

struct vm;

/* Guest-physical addresses, multiples of the page size; `start` a multiple of 2 MiB. */
struct guest_ram_range {
    uint64_t start;
    uint64_t size; /* bytes; 0: nothing */
    /* The guest has no memory here; within the range's first 2 MiB, behind its start. Equal: no hole. */
    uint64_t hole_start;
    uint64_t hole_end;
};

/*
 * Fills vm->mem with slots of zeroed RAM for all of the ranges. E_NOMEM, after one line that says whether the
 * machine has too little memory or has it in too many pieces; nothing stays allocated then.
 */
MUST_CHECK int guest_ram_take(struct vm *vm, const struct guest_ram_range *ranges, uint32_t count);

/* Gives all of it back; the same ranges. The VM does not run any more. */
void guest_ram_give_back(struct vm *vm, const struct guest_ram_range *ranges, uint32_t count);
