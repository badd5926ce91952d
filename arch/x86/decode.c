/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction decoder: prefixes, opcode lookup, operand sizes, immediates. ModRM and SIB are in
 * decode_modrm.c, what the tables cannot say in decode_refine.c. Reads at most 15 bytes, each once, in order;
 * the cursor keeps the first failure, and reads after it give 0, so that the steps need not check one by one.
 */
#include "arch/x86/decode.h"

#include "arch/x86/decode_cursor.h"
#include "arch/x86/decode_table.h"
#include "lib/bits.h"

static const struct opcode opcode_map2 = {INSN_OTHER, INSN_FORM_NONE, OPC_MODRM};
static const struct opcode opcode_map3 = {INSN_OTHER, INSN_FORM_NONE, OPC_MODRM | OPC_IMM8};

/* Outside FS and GS, 64-bit mode ignores segment overrides. */
static void segment_override(struct insn *insn, enum x86_sreg seg)
{
    if (insn->mode == INSN_MODE_64 && seg < X86_FS)
        return;
    insn->seg = (uint8_t)seg;
    insn->prefixes |= INSN_PREFIX_SEG;
}

/* Consumes prefixes; returns the first byte of the opcode. REX counts only directly before it. */
static uint8_t decode_prefixes(struct cursor *cursor, struct insn *insn)
{
    for (;;) {
        uint8_t byte = cursor_u8(cursor);
        switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            segment_override(insn, (enum x86_sreg)((byte >> 3) & 3));
            break;
        case 0x64:
        case 0x65:
            segment_override(insn, (enum x86_sreg)(X86_FS + (byte & 1)));
            break;
        case 0x66:
            insn->prefixes |= INSN_PREFIX_OPSIZE;
            break;
        case 0x67:
            insn->prefixes |= INSN_PREFIX_ADDRSIZE;
            break;
        case 0xf0:
            insn->prefixes |= INSN_PREFIX_LOCK;
            break;
        case 0xf2:
            insn->prefixes = (uint8_t)((insn->prefixes & ~INSN_PREFIX_REP) | INSN_PREFIX_REPNE);
            break;
        case 0xf3:
            insn->prefixes = (uint8_t)((insn->prefixes & ~INSN_PREFIX_REPNE) | INSN_PREFIX_REP);
            break;
        default:
            if (insn->mode != INSN_MODE_64 || (byte & 0xf0) != 0x40)
                return byte; /* also where the bytes have ended */
            insn->rex = byte;
            continue;
        }
        insn->rex = 0;
    }
}

/* True when `byte` begins a VEX, EVEX or XOP encoding; the old opcode there needs what the next byte lacks.
 */
static bool is_vex(const struct cursor *cursor, const struct insn *insn, uint8_t byte)
{
    if (byte != 0xc4 && byte != 0xc5 && byte != 0x62 && byte != 0x8f)
        return false;
    uint8_t next = cursor_peek(cursor);
    if (byte == 0x8f)
        return (next & 0x1f) >= 8;
    return insn->mode == INSN_MODE_64 || (next & 0xc0) == 0xc0;
}

/* The instructions behind a VEX, EVEX or XOP prefix: no meaning, only a length. */
static struct opcode decode_vex(struct cursor *cursor, struct insn *insn, uint8_t byte)
{
    struct opcode entry = {INSN_OTHER, INSN_FORM_NONE, OPC_MODRM};
    uint8_t clash = INSN_PREFIX_OPSIZE | INSN_PREFIX_LOCK | INSN_PREFIX_REPNE | INSN_PREFIX_REP;
    if ((insn->prefixes & clash) != 0 || insn->rex != 0)
        cursor_fail(cursor, DECODE_INVALID);

    uint8_t first = cursor_u8(cursor);
    insn->map = byte == 0xc5 ? 1 : byte == 0x62 ? first & 0x0f : first & 0x1f;
    if (byte != 0xc5) {
        uint8_t second = cursor_u8(cursor);
        if (byte == 0x62 && (second & 0x04) == 0)
            cursor_fail(cursor, DECODE_INVALID);
    }
    if (byte == 0x62)
        (void)cursor_u8(cursor);
    insn->prefixes |= INSN_PREFIX_VEX;
    insn->opcode = cursor_u8(cursor);

    uint8_t op = insn->opcode;
    bool known = byte == 0x8f   ? insn->map >= 8 && insn->map <= 10
                 : byte == 0x62 ? insn->map >= 1 && insn->map <= 6 && insn->map != 4
                                : insn->map >= 1 && insn->map <= 3;
    if (!known)
        cursor_fail(cursor, DECODE_INVALID);
    if (insn->map == 3 || insn->map == 8)
        entry.flags |= OPC_IMM8;
    else if (insn->map == 10)
        entry.flags |= OPC_IMM32;
    else if (insn->map == 1 && ((op >= 0x70 && op <= 0x73) || op == 0xc2 || (op >= 0xc4 && op <= 0xc6)))
        entry.flags |= OPC_IMM8;
    else if (insn->map == 1 && op == 0x77 && byte != 0x62)
        entry.flags = 0; /* VZEROUPPER, VZEROALL */
    return entry;
}

static struct opcode decode_opcode(struct cursor *cursor, struct insn *insn)
{
    uint8_t byte = decode_prefixes(cursor, insn);
    if (UNLIKELY(is_vex(cursor, insn, byte)))
        return decode_vex(cursor, insn, byte);
    insn->opcode = byte;
    if (byte != 0x0f)
        return opcode_of(opcode_map0[byte]);

    byte = cursor_u8(cursor);
    insn->map = 1;
    insn->opcode = byte;
    if (byte != 0x38 && byte != 0x3a)
        return opcode_of(opcode_map1[byte]);
    insn->opcode = cursor_u8(cursor);
    insn->map = byte == 0x38 ? 2 : 3;
    return byte == 0x38 ? opcode_map2 : opcode_map3;
}

static uint8_t operand_size(const struct insn *insn, uint32_t flags)
{
    bool narrow = (insn->prefixes & INSN_PREFIX_OPSIZE) != 0;
    if ((flags & OPC_BYTE) != 0)
        return 1;
    if ((flags & OPC_SIZEN) != 0)
        return insn->mode == INSN_MODE_64 ? 8 : 4;
    if (insn->mode == INSN_MODE_64) {
        if ((insn->rex & REX_W) != 0)
            return (flags & OPC_SIZE32) != 0 ? 4 : 8;
        if (!narrow && (flags & OPC_DEF64) != 0)
            return 8;
    }
    return narrow == (insn->mode == INSN_MODE_16) ? 4 : 2;
}

static uint8_t memory_size(const struct insn *insn, uint32_t flags)
{
    if ((flags & OPC_SRC8) != 0)
        return 1;
    if ((flags & OPC_SRC16) != 0)
        return 2;
    return (flags & OPC_SRC32) != 0 && insn->op_size > 4 ? 4 : insn->op_size;
}

static uint8_t address_size(const struct insn *insn)
{
    bool other = (insn->prefixes & INSN_PREFIX_ADDRSIZE) != 0;
    if (insn->mode == INSN_MODE_64)
        return other ? 4 : 8;
    return other == (insn->mode == INSN_MODE_16) ? 4 : 2;
}

static void decode_immediate(struct cursor *cursor, struct insn *insn, uint32_t flags)
{
    uint32_t size_z = insn->op_size == 2 ? 2 : 4;
    switch (flags & OPC_IMM_MASK) {
    case OPC_IMM8:
        insn->imm = (flags & OPC_UIMM) != 0 ? cursor_u8(cursor) : cursor_signed(cursor, 1);
        break;
    case OPC_IMMZ:
        insn->imm = cursor_signed(cursor, size_z);
        break;
    case OPC_IMMV:
        insn->imm = cursor_signed(cursor, insn->op_size);
        break;
    case OPC_IMM16:
        insn->imm = cursor_take(cursor, 2);
        break;
    case OPC_ENTER:
        insn->imm = cursor_take(cursor, 3);
        break;
    case OPC_FAR:
        insn->imm = cursor_take(cursor, size_z);
        (void)cursor_take(cursor, 2);
        break;
    case OPC_MOFFS:
        insn->disp = cursor_take(cursor, insn->addr_size);
        break;
    default:
        break;
    }
    if ((flags & OPC_IMM32) != 0)
        (void)cursor_take(cursor, 4);
}

enum decode_status decode_insn(const uint8_t *bytes, uint32_t count, enum insn_mode mode, struct insn *insn)
{
    struct cursor cursor = {.bytes = bytes, .count = count < INSN_LENGTH_MAX ? count : INSN_LENGTH_MAX};
    *insn = (struct insn){
        .mode = (uint8_t)mode, .seg = X86_DS, .rm = INSN_NO_REG, .base = INSN_NO_REG, .index = INSN_NO_REG};

    struct opcode entry = decode_opcode(&cursor, insn);
    insn->addr_size = address_size(insn);
    if ((entry.flags & OPC_MODRM) != 0)
        decode_modrm(&cursor, insn, (entry.flags & OPC_REG) != 0);
    decode_refine(&cursor, insn, &entry);
    insn->op = entry.op;
    insn->form = entry.form;
    insn->op_size = operand_size(insn, entry.flags);
    insn->mem_size = memory_size(insn, entry.flags);
    decode_immediate(&cursor, insn, entry.flags);
    decode_check(&cursor, insn, entry.flags);
    insn->length = (uint8_t)cursor.at;
    return cursor.status;
}

bool decode_is_memory_op(const struct insn *insn)
{
    if (insn->form == INSN_FORM_STRING)
        return true;
    if (insn->op < INSN_ADD || insn->op > INSN_SAR)
        return false;
    return insn->form == INSN_FORM_ACC_MOFFS || insn->form == INSN_FORM_MOFFS_ACC || !insn->rm_is_reg;
}
