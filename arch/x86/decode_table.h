/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opcode tables of the decoder: one entry an opcode, one row of eight for each opcode extended by ModRM.reg.
 * Private to arch/x86/decode*.c. Source: AMD64 APM vol. 3, "Opcode and Operand Encodings"; Intel SDM vol. 2,
 * "Opcode Map".
 */
#pragma once

#include <stdint.h>

/* What follows the opcode and how to read it. */
enum opcode_flag {
    OPC_IMM8 = 1,  /* one byte */
    OPC_IMMZ = 2,  /* 16 or 32 bits by operand size */
    OPC_IMMV = 3,  /* 16, 32 or 64 bits by operand size */
    OPC_IMM16 = 4, /* two bytes */
    OPC_ENTER = 5, /* two bytes, one byte */
    OPC_FAR = 6,   /* offset by operand size, two bytes of selector */
    OPC_MOFFS = 7, /* an offset by address size */
    OPC_IMM_MASK = 7,
    OPC_MODRM = 1u << 3,
    OPC_BYTE = 1u << 4,    /* operand size is one byte */
    OPC_DEF64 = 1u << 5,   /* operand size defaults to 64 bits in 64-bit mode */
    OPC_NO64 = 1u << 6,    /* undefined in 64-bit mode */
    OPC_GROUP = 1u << 7,   /* `op` is a row of opcode_groups, indexed by ModRM.reg */
    OPC_UIMM = 1u << 8,    /* zero-extend the immediate */
    OPC_MEM = 1u << 9,     /* undefined with a register operand (ModRM.mod = 3) */
    OPC_REG = 1u << 10,    /* ModRM.mod is ignored: always a register operand */
    OPC_BAD = 1u << 11,    /* undefined */
    OPC_SIZE32 = 1u << 12, /* operand size is 4 at most: REX.W has no meaning */
    OPC_SIZEN = 1u << 13,  /* operand size is native: 8 in 64-bit mode, else 4 */
    OPC_SRC8 = 1u << 14,   /* the memory source is one byte */
    OPC_SRC16 = 1u << 15,  /* the memory source is two bytes */
    OPC_SRC32 = 1u << 16,  /* the memory source is four bytes, if the operand size is not less */
    OPC_IMM32 = 1u << 17,  /* four bytes whatever the operand size (XOP map 10) */
};

struct opcode {
    uint8_t op;   /* enum insn_op, or enum opcode_group with OPC_GROUP */
    uint8_t form; /* enum insn_form */
    uint32_t flags;
};

/* The same as the tables keep it. */
struct opcode_cell {
    uint32_t op : 8;
    uint32_t form : 6;
    uint32_t flags : 18;
};

_Static_assert(sizeof(struct opcode_cell) == 4, "opcode tables");

static inline struct opcode opcode_of(struct opcode_cell cell)
{
    return (struct opcode){.op = (uint8_t)cell.op, .form = (uint8_t)cell.form, .flags = cell.flags};
}

enum opcode_group {
    GROUP_ALU,    /* 80..83 */
    GROUP_SHIFT,  /* C0, C1, D0..D3 */
    GROUP_UNARY,  /* F6, F7 */
    GROUP_INCDEC, /* FE */
    GROUP_FF,     /* FF */
    GROUP_POP,    /* 8F */
    GROUP_MOV,    /* C6, C7 */
    GROUP_0F00,   /* LLDT... */
    GROUP_0F01,   /* with a memory operand */
    GROUP_BT,     /* 0F BA */
    GROUP_0FC7,   /* with a memory operand */
    GROUP_0FC7_REG,
    GROUP_COUNT
};

extern const struct opcode_cell opcode_map0[256];
extern const struct opcode_cell opcode_map1[256];
extern const struct opcode_cell opcode_groups[GROUP_COUNT]
                                             [8]; /* flags are added to those of the opcode itself */
extern const uint8_t opcode_0f01_reg[64];         /* 0F 01 C0..FF: enum insn_op; INSN_OP_COUNT = undefined */
