/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-up by binary search in the sorted address array; the names follow in the same order.
 */
#include "lib/symbols.h"

#include <stddef.h>

#include "lib/string.h"

extern const uint32_t symbol_count;
extern const uint32_t symbol_addresses[];
extern const char symbol_names[];

const char *symbol_lookup(uintptr_t address, uintptr_t *offset)
{
    const char *name = symbol_names;
    uint32_t low = 0;
    uint32_t high = symbol_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (symbol_addresses[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* The last symbol marks the end of the code. */
    if (low == 0 || low == symbol_count)
        return NULL;
    for (uint32_t i = 0; i < low - 1; i++)
        name += strlen(name) + 1;
    *offset = address - symbol_addresses[low - 1];
    return name;
}
