/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian loads and stores at any alignment, for parsing tables and images that somebody else wrote.
 */
#pragma once

#include <stdint.h>

static inline uint16_t load_le16(const void *p)
{
    const uint8_t *b = p;

    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t load_le32(const void *p)
{
    const uint8_t *b = p;

    return (uint32_t)load_le16(b) | (uint32_t)load_le16(b + 2) << 16;
}

static inline uint64_t load_le64(const void *p)
{
    const uint8_t *b = p;

    return load_le32(b) | (uint64_t)load_le32(b + 4) << 32;
}

static inline void store_le16(void *p, uint16_t value)
{
    uint8_t *b = p;

    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
}

static inline void store_le32(void *p, uint32_t value)
{
    uint8_t *b = p;

    store_le16(b, (uint16_t)value);
    store_le16(b + 2, (uint16_t)(value >> 16));
}

static inline void store_le64(void *p, uint64_t value)
{
    uint8_t *b = p;

    store_le32(b, (uint32_t)value);
    store_le32(b + 4, (uint32_t)(value >> 32));
}
