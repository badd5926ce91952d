/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Table indices that a guest chose. After a bounds check a CPU may still run ahead with an index that the
 * check refuses, and where the element is a pointer it follows that pointer too; the traces are what "bounds
 * check bypass" reads. Elements that are only copied need none of this.
 */
#pragma once

#include <stdint.h>

/* `index` where it is below `size`, else 0, by arithmetic that cannot be predicted. Both below 2^63. */
static inline uint64_t index_nospec(uint64_t index, uint64_t size)
{
    /* Or else the compiler knows from the check before that nothing needs to be done. */
    __asm__("" : "+r"(index));
    /* The top bit is set exactly if the index is outside. */
    return index & (((index | (size - 1 - index)) >> 63) - 1);
}
