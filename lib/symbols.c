/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbol table of tools/symbols.py: `symbol_count` distances, each from the symbol before (the first from
 * the linker script's symbol_origin), in ascending order of address, and as many names, each ended by 0.
 * Seven bits of a distance stand in a byte, the lowest first, and bit 7 says that more follow. A byte of a
 * name below 0x80 is a character, another one the number of a piece in symbol_pieces, strings ended by 0.
 */
#include "lib/symbols.h"

#include <stddef.h>

#include "lib/string.h"

#define FIRST_CODE 0x80
#define NAME_SIZE  64
#define MORE       0x80
#define SEVEN_BITS 7

extern const uint8_t symbol_origin[];
extern const uint32_t symbol_count;
extern const uint8_t symbol_distances[];
extern const char symbol_pieces[];
extern const uint8_t symbol_names[];

static const char *nth_string(const char *text, uint32_t n)
{
    while (n-- > 0)
        text += strlen(text) + 1;
    return text;
}

static void unpack(const uint8_t *packed, char name[NAME_SIZE])
{
    size_t length = 0;

    for (; *packed != 0; packed++) {
        char letter[2] = {(char)*packed, 0};
        const char *piece = *packed < FIRST_CODE ? letter : nth_string(symbol_pieces, *packed - FIRST_CODE);

        while (*piece != 0 && length < NAME_SIZE - 1)
            name[length++] = *piece++;
    }
    name[length] = 0;
}

static uint64_t take_distance(const uint8_t **at)
{
    uint64_t distance = 0;
    uint32_t shift = 0;

    for (;;) {
        uint8_t byte = *(*at)++;

        distance |= (uint64_t)(byte & (MORE - 1u)) << shift;
        if ((byte & MORE) == 0)
            return distance;
        shift += SEVEN_BITS;
    }
}

const char *symbol_lookup(uintptr_t address, uintptr_t *offset)
{
    static char name[NAME_SIZE];
    const uint8_t *at = symbol_distances;
    uintptr_t start = 0;
    uint32_t after = 0;

    for (uintptr_t next = (uintptr_t)symbol_origin; after < symbol_count; after++) {
        next += take_distance(&at);
        if (next > address)
            break;
        start = next;
    }
    /* The last symbol marks the end of the code. */
    if (after == 0 || after == symbol_count)
        return NULL;
    unpack((const uint8_t *)nth_string((const char *)symbol_names, after - 1), name);
    *offset = address - start;
    return name;
}

bool symbol_find(const char *name, size_t length, uintptr_t *address)
{
    const uint8_t *packed = symbol_names;
    const uint8_t *distance = symbol_distances;
    char text[NAME_SIZE];

    *address = (uintptr_t)symbol_origin;
    for (uint32_t i = 0; i + 1 < symbol_count; i++) {
        *address += take_distance(&distance);
        unpack(packed, text);
        if (strlen(text) == length && strncmp(text, name, length) == 0)
            return true;
        packed += strlen((const char *)packed) + 1;
    }
    return false;
}
