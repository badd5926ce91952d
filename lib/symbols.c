/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbol table of tools/symbols.py: `symbol_count` distances, each from the symbol before (the first from
 * the linker script's symbol_origin), in ascending order of address, and as many names. Seven bits of a
 * distance stand in a byte, the lowest first, and bit 7 says that more follow. Each byte of a name is the
 * number of a piece in symbol_pieces; one from symbol_first_end up ends the name. Pieces are of seven-bit
 * characters, bit 7 being set in the last of each.
 */
#include "lib/symbols.h"

#include <stddef.h>

#include "lib/string.h"

#define NAME_SIZE  64
#define LAST       0x80
#define MORE       0x80
#define SEVEN_BITS 7

extern const uint8_t symbol_origin[];
extern const uint32_t symbol_count;
extern const uint8_t symbol_distances[];
extern const uint8_t symbol_first_end;
extern const uint8_t symbol_pieces[];
extern const uint8_t symbol_names[];

static const uint8_t *piece_of(uint8_t code)
{
    const uint8_t *piece = symbol_pieces;

    while (code > 0)
        if ((*piece++ & LAST) != 0)
            code--;
    return piece;
}

/* Returns where the next name is. */
static const uint8_t *unpack(const uint8_t *packed, char name[NAME_SIZE])
{
    size_t length = 0;
    uint8_t code;

    do {
        code = *packed++;
        const uint8_t *piece = piece_of(code);
        uint8_t byte;

        do {
            byte = *piece++;
            if (length < NAME_SIZE - 1)
                name[length++] = (char)(byte & ~LAST);
        } while ((byte & LAST) == 0);
    } while (code < symbol_first_end);
    name[length] = 0;
    return packed;
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
    const uint8_t *packed = symbol_names;
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
    while (--after > 0)
        while (*packed++ < symbol_first_end)
            ;
    unpack(packed, name);
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
        packed = unpack(packed, text);
        if (strlen(text) == length && strncmp(text, name, length) == 0)
            return true;
    }
    return false;
}
