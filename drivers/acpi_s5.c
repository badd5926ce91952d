/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one thing Latch wants from AML: the package \_S5_ with the sleep types for "soft off". Found by its
 * bytes, without an interpreter: Name (08), perhaps a root prefix, "_S5_", Package (12), its length, a count,
 * integers.
 */
#include "drivers/acpi_table.h"

#include "lib/bytes.h"
#include "lib/string.h"

#define AML_ZERO         0x00
#define AML_ONE          0x01
#define AML_NAME         0x08
#define AML_BYTE_PREFIX  0x0a
#define AML_WORD_PREFIX  0x0b
#define AML_DWORD_PREFIX 0x0c
#define AML_PACKAGE      0x12
#define AML_ROOT         0x5c
#define AML_LENGTH_BYTES FIELD(7, 6) /* how many more bytes the package length has */
#define SLEEP_TYPE_MAX   7

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool next_byte(struct cursor *c, uint8_t *byte)
{
    if (c->at >= c->end)
        return false;
    *byte = *c->at++;
    return true;
}

/* An integer constant that fits a sleep type. */
static bool next_sleep_type(struct cursor *c, uint8_t *type)
{
    uint8_t extra = 0;
    uint8_t byte;

    if (!next_byte(c, &byte))
        return false;
    switch (byte) {
    case AML_ZERO:
    case AML_ONE:
        *type = byte;
        return true;
    case AML_BYTE_PREFIX:
        break;
    case AML_WORD_PREFIX:
        extra = 1;
        break;
    case AML_DWORD_PREFIX:
        extra = 3;
        break;
    default:
        return false;
    }
    if (!next_byte(c, type) || c->end - c->at < extra)
        return false;
    c->at += extra;
    return *type <= SLEEP_TYPE_MAX;
}

/* `c` stands behind the name. */
static bool package_parse(struct cursor c, struct acpi_info *info)
{
    uint8_t byte, count, a, b;

    if (!next_byte(&c, &byte) || byte != AML_PACKAGE || !next_byte(&c, &byte))
        return false;
    if (c.end - c.at < (int64_t)field_get(byte, AML_LENGTH_BYTES))
        return false;
    c.at += field_get(byte, AML_LENGTH_BYTES);
    if (!next_byte(&c, &count) || count == 0 || !next_sleep_type(&c, &a))
        return false;
    b = a;
    if (count > 1 && !next_sleep_type(&c, &b))
        return false;
    info->has_s5 = true;
    info->s5_type_a = a;
    info->s5_type_b = b;
    return true;
}

void acpi_s5_parse(const struct acpi_table *aml, struct acpi_info *info)
{
    const uint8_t *bytes = aml->bytes;

    if (info->has_s5)
        return;
    for (uint32_t at = ACPI_HEADER_SIZE + 1; at < aml->size && aml->size - at >= 4; at++) {
        bool named = bytes[at - 1] == AML_NAME || (bytes[at - 1] == AML_ROOT && bytes[at - 2] == AML_NAME);

        if (named && memcmp(bytes + at, "_S5_", 4) == 0 &&
            package_parse((struct cursor){bytes + at + 4, bytes + aml->size}, info))
            return;
    }
}
