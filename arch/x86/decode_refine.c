/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The irregular part of the opcode map: groups extended by ModRM.reg, opcodes that a prefix or the mode turns
 * into another instruction, and the rules that make a complete instruction undefined.
 */
#include "arch/x86/decode_cursor.h"

static bool has(const struct insn *insn, uint32_t prefixes)
{
    return (insn->prefixes & prefixes) != 0;
}

static void refine_group(struct cursor *cursor, struct insn *insn, struct opcode *entry)
{
    uint32_t group = entry->op;
    uint32_t row = insn->modrm >> 3 & 7;

    entry->flags &= ~(uint32_t)OPC_GROUP;
    if (group == GROUP_0F01 && insn->rm_is_reg) {
        entry->op = opcode_0f01_reg[insn->modrm & 0x3f];
        if (entry->op == INSN_OP_COUNT || (insn->modrm == 0xf8 && insn->mode != INSN_MODE_64)) /* SWAPGS */
            cursor_fail(cursor, DECODE_INVALID);
        return;
    }
    if (group == GROUP_0FC7 && insn->rm_is_reg)
        group = GROUP_0FC7_REG;

    struct opcode member = opcode_of(opcode_groups[group][row]);
    entry->op = member.op;
    if (member.form != INSN_FORM_NONE)
        entry->form = member.form;
    if (group == GROUP_UNARY && member.op == INSN_TEST)
        entry->flags |= (entry->flags & OPC_BYTE) != 0 ? OPC_IMM8 : OPC_IMMZ;
    else
        entry->flags |= member.flags;
    if (group == GROUP_MOV && row == 7 && insn->modrm != 0xf8)
        entry->flags |= OPC_BAD;
    if (group == GROUP_0FC7_REG && has(insn, INSN_PREFIX_REP))
        entry->op = INSN_OTHER; /* RDPID, SENDUIPI */
}

static void refine_map0(const struct insn *insn, struct opcode *entry)
{
    if (insn->opcode == 0x90 && has(insn, INSN_PREFIX_REP) && (insn->rex & REX_B) == 0)
        entry->op = INSN_PAUSE;
    if (insn->opcode == 0x63 && insn->mode == INSN_MODE_64) { /* MOVSXD, ARPL elsewhere */
        entry->op = INSN_MOVSX;
        entry->form = INSN_FORM_REG_RM;
        entry->flags |= OPC_SRC32;
    }
}

static void refine_map1(struct insn *insn, struct opcode *entry)
{
    switch (insn->opcode) {
    case 0x20:
    case 0x22:
        if (insn->reg == 0 && has(insn, INSN_PREFIX_LOCK)) { /* AMD: another spelling of CR8 */
            insn->reg = 8;
            insn->prefixes &= (uint8_t)~INSN_PREFIX_LOCK;
        }
        if (insn->reg > 8 || (0x11du >> insn->reg & 1) == 0) /* CR0, 2, 3, 4, 8 exist */
            entry->flags |= OPC_BAD;
        break;
    case 0x21:
    case 0x23:
        if (insn->reg > 7)
            entry->flags |= OPC_BAD;
        break;
    case 0x78:
    case 0x79: /* SSE4a EXTRQ, INSERTQ */
        if (has(insn, INSN_PREFIX_OPSIZE | INSN_PREFIX_REPNE)) {
            entry->op = INSN_OTHER;
            if (insn->opcode == 0x78)
                entry->flags |= OPC_IMM16; /* two one-byte fields */
            if (!insn->rm_is_reg)
                entry->flags |= OPC_BAD;
        }
        break;
    case 0xb8: /* POPCNT */
        if (!has(insn, INSN_PREFIX_REP))
            entry->flags |= OPC_BAD;
        break;
    case 0xc3: /* MOVNTI */
        if (has(insn, INSN_PREFIX_OPSIZE | INSN_PREFIX_REP | INSN_PREFIX_REPNE))
            entry->flags |= OPC_BAD;
        break;
    default:
        break;
    }
}

static void refine_map2(const struct insn *insn, struct opcode *entry)
{
    if ((insn->opcode & 0xfe) == 0xf0 && !has(insn, INSN_PREFIX_REPNE)) { /* CRC32 with F2 */
        entry->op = INSN_MOVBE;
        entry->form = insn->opcode == 0xf0 ? INSN_FORM_REG_RM : INSN_FORM_RM_REG;
        entry->flags |= OPC_MEM;
    }
    if (insn->opcode >= 0x80 && insn->opcode <= 0x82 && has(insn, INSN_PREFIX_OPSIZE)) {
        entry->op = INSN_INVEPT;
        entry->flags |= OPC_MEM;
    }
}

void decode_refine(struct cursor *cursor, struct insn *insn, struct opcode *entry)
{
    if (has(insn, INSN_PREFIX_VEX))
        return;
    if ((entry->flags & OPC_GROUP) != 0)
        refine_group(cursor, insn, entry);
    else if (insn->map == 0)
        refine_map0(insn, entry);
    else if (insn->map == 1)
        refine_map1(insn, entry);
    else if (insn->map == 2)
        refine_map2(insn, entry);
}

/* APM vol. 3, "Lock Prefix": only these, and only with a memory destination. */
static bool lock_is_legal(const struct insn *insn)
{
    if (insn->rm_is_reg || insn->form == INSN_FORM_REG_RM)
        return false;
    switch (insn->op) {
    case INSN_ADD:
    case INSN_OR:
    case INSN_ADC:
    case INSN_SBB:
    case INSN_AND:
    case INSN_SUB:
    case INSN_XOR:
    case INSN_XCHG:
    case INSN_CMPXCHG:
    case INSN_CMPXCHG8B:
    case INSN_XADD:
    case INSN_INC:
    case INSN_DEC:
    case INSN_NOT:
    case INSN_NEG:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return true;
    default:
        return false;
    }
}

void decode_check(struct cursor *cursor, struct insn *insn, uint32_t flags)
{
    bool undefined = (flags & OPC_BAD) != 0;
    undefined |= (flags & OPC_NO64) != 0 && insn->mode == INSN_MODE_64;
    undefined |= (flags & OPC_MEM) != 0 && insn->rm_is_reg;
    undefined |= has(insn, INSN_PREFIX_LOCK) && !lock_is_legal(insn);
    if (undefined)
        cursor_fail(cursor, DECODE_INVALID);
    if (insn->form == INSN_FORM_RM_ONE)
        insn->imm = 1;
    if (insn->op == INSN_CMPXCHG8B) {
        insn->op_size = (insn->rex & REX_W) != 0 ? 16 : 8;
        insn->mem_size = insn->op_size;
    }
}
