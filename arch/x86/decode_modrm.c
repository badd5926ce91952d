/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ModRM, SIB and displacement in 16-, 32- and 64-bit addressing, and the default segment.
 * AMD64 APM vol. 3, "ModRM and SIB Bytes"; the 16-bit forms: "16-Bit Register and Memory References".
 */
#include "arch/x86/decode_cursor.h"

static uint8_t extended(uint32_t low, uint8_t rex, uint32_t bit)
{
    return (uint8_t)(low | ((rex & bit) != 0 ? 8u : 0u));
}

/* r12 and r13 share ModRM encodings with rSP and rBP, but do not bring SS in. */
static void default_segment(struct insn *insn)
{
    if ((insn->prefixes & INSN_PREFIX_SEG) == 0 && (insn->base == X86_RSP || insn->base == X86_RBP))
        insn->seg = X86_SS;
}

static void decode_memory16(struct cursor *cursor, struct insn *insn, uint32_t mod, uint32_t rm)
{
    static const uint8_t base[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP, X86_RSI, X86_RDI, X86_RBP, X86_RBX};
    static const uint8_t index[4] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI};

    if (mod == 0 && rm == 6) {
        insn->disp = cursor_take(cursor, 2);
        return;
    }
    insn->base = base[rm];
    if (rm < 4)
        insn->index = index[rm];
    default_segment(insn);
    if (mod != 0)
        insn->disp = cursor_signed(cursor, mod);
}

static void decode_memory(struct cursor *cursor, struct insn *insn, uint32_t mod, uint32_t rm)
{
    if (rm == 4) {
        uint8_t sib = cursor_u8(cursor);
        uint8_t index = extended((sib >> 3) & 7, insn->rex, REX_X);
        insn->scale = sib >> 6;
        insn->index = index == X86_RSP ? INSN_NO_REG : index;
        rm = sib & 7;
        if (mod == 0 && rm == 5) {
            insn->disp = cursor_signed(cursor, 4);
            return;
        }
    } else if (mod == 0 && rm == 5) {
        insn->rip_relative = insn->mode == INSN_MODE_64;
        insn->disp = cursor_signed(cursor, 4);
        return;
    }
    insn->base = extended(rm, insn->rex, REX_B);
    default_segment(insn);
    if (mod != 0)
        insn->disp = cursor_signed(cursor, mod == 1 ? 1 : 4);
}

void decode_modrm(struct cursor *cursor, struct insn *insn, bool register_only)
{
    insn->modrm = cursor_u8(cursor);
    insn->reg = extended((insn->modrm >> 3) & 7, insn->rex, REX_R);

    uint32_t mod = insn->modrm >> 6;
    uint32_t rm = insn->modrm & 7;
    if (mod == 3 || register_only) {
        insn->rm_is_reg = true;
        insn->rm = extended(rm, insn->rex, REX_B);
    } else if (insn->addr_size == 2) {
        decode_memory16(cursor, insn, mod, rm);
    } else {
        decode_memory(cursor, insn, mod, rm);
    }
}
