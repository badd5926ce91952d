/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounded reader under the decoder, and the steps that live in files of their own. Private to
 * arch/x86/decode*.c. After the first failure every read gives 0 and moves nothing.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/decode.h"
#include "arch/x86/decode_table.h"

#define REX_B (1u << 0)
#define REX_X (1u << 1)
#define REX_R (1u << 2)
#define REX_W (1u << 3)

struct cursor {
    const uint8_t *bytes;
    uint32_t at;
    uint32_t count; /* 15 at most */
    enum decode_status status;
};

/* The first failure stays. */
static inline void cursor_fail(struct cursor *cursor, enum decode_status status)
{
    if (cursor->status == DECODE_OK)
        cursor->status = status;
}

/* Little-endian, zero-extended; `size` is 1..8. */
static inline uint64_t cursor_take(struct cursor *cursor, uint32_t size)
{
    if (cursor->status == DECODE_OK && cursor->at + size > cursor->count)
        cursor->status = cursor->at + size > INSN_LENGTH_MAX ? DECODE_TOO_LONG : DECODE_MORE;
    if (cursor->status != DECODE_OK)
        return 0;
    uint64_t value = 0;
    for (uint32_t i = size; i-- > 0;)
        value = value << 8 | cursor->bytes[cursor->at + i];
    cursor->at += size;
    return value;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
    if (cursor->status == DECODE_OK && cursor->at < cursor->count)
        return cursor->bytes[cursor->at++];
    return (uint8_t)cursor_take(cursor, 1); /* fails, with the right reason */
}

static inline uint64_t cursor_signed(struct cursor *cursor, uint32_t size)
{
    uint32_t spare = 64 - 8 * size;
    return (uint64_t)((int64_t)(cursor_take(cursor, size) << spare) >> spare);
}

/* The next byte, not consumed; 0 where there is none (the read that follows reports it). */
static inline uint8_t cursor_peek(const struct cursor *cursor)
{
    return cursor->status == DECODE_OK && cursor->at < cursor->count ? cursor->bytes[cursor->at] : 0;
}

/* ModRM, SIB and displacement. `register_only`: ModRM.mod is ignored (MOV CR, MOV DR). */
void decode_modrm(struct cursor *cursor, struct insn *insn, bool register_only);

/* Replaces `entry` where ModRM or a prefix decides what the opcode is. */
void decode_refine(struct cursor *cursor, struct insn *insn, struct opcode *entry);

/* Last: everything that makes a complete instruction undefined. */
void decode_check(struct cursor *cursor, struct insn *insn, uint32_t flags);
