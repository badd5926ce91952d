/* SPDX-License-Identifier: BSD-2-Clause */
/* Opcode tables; the format is explained in decode_table.h. Later initializers never override earlier ones.
 */
#include "arch/x86/decode_table.h"

#include "arch/x86/decode.h"

#define M OPC_MODRM
#define BAD                                 \
    {                                       \
        INSN_OTHER, INSN_FORM_NONE, OPC_BAD \
    }
#define OTHER(flags)                        \
    {                                       \
        INSN_OTHER, INSN_FORM_NONE, (flags) \
    }
#define OP(name, flags)                      \
    {                                        \
        INSN_##name, INSN_FORM_NONE, (flags) \
    }
#define OPF(name, operands, flags)                 \
    {                                              \
        INSN_##name, INSN_FORM_##operands, (flags) \
    }
#define GRP(name, operands, flags)                                          \
    {                                                                       \
        GROUP_##name, INSN_FORM_##operands, OPC_GROUP | OPC_MODRM | (flags) \
    }
#define STRING(base, name) [base] = OPF(name, STRING, OPC_BYTE), [(base) + 1] = OPF(name, STRING, 0)

/* The six ALU encodings of one operation and the two opcodes after them (segment PUSH/POP, prefixes, BCD). */
#define ALU(base, name)                                                                            \
    [(base) + 0] = OPF(name, RM_REG, M | OPC_BYTE), [(base) + 1] = OPF(name, RM_REG, M),           \
              [(base) + 2] = OPF(name, REG_RM, M | OPC_BYTE), [(base) + 3] = OPF(name, REG_RM, M), \
              [(base) + 4] = OTHER(OPC_IMM8 | OPC_BYTE), [(base) + 5] = OTHER(OPC_IMMZ)

const struct opcode_cell opcode_map0[256] = {
    ALU(0x00, ADD),
    [0x06 ... 0x07] = OTHER(OPC_NO64),
    ALU(0x08, OR),
    [0x0e] = OTHER(OPC_NO64),
    ALU(0x10, ADC),
    [0x16 ... 0x17] = OTHER(OPC_NO64),
    ALU(0x18, SBB),
    [0x1e ... 0x1f] = OTHER(OPC_NO64),
    ALU(0x20, AND),
    [0x27] = OTHER(OPC_NO64),
    ALU(0x28, SUB),
    [0x2f] = OTHER(OPC_NO64),
    ALU(0x30, XOR),
    [0x37] = OTHER(OPC_NO64),
    ALU(0x38, CMP),
    [0x3f] = OTHER(OPC_NO64),
    [0x40 ... 0x4f] = OTHER(0), /* 64-bit mode: REX, taken before the lookup */
    [0x50 ... 0x5f] = OTHER(OPC_DEF64),
    [0x60 ... 0x61] = OTHER(OPC_NO64),
    [0x62] = OTHER(OPC_NO64 | M | OPC_MEM), /* BOUND; EVEX is taken before */
    [0x63] = OTHER(M),                      /* ARPL; MOVSXD in 64-bit mode: see decode.c */
    [0x68] = OTHER(OPC_IMMZ | OPC_DEF64),
    [0x69] = OTHER(M | OPC_IMMZ),
    [0x6a] = OTHER(OPC_IMM8 | OPC_DEF64),
    [0x6b] = OTHER(M | OPC_IMM8),
    [0x6c] = OPF(INS, STRING, OPC_BYTE),
    [0x6d] = OPF(INS, STRING, OPC_SIZE32),
    [0x6e] = OPF(OUTS, STRING, OPC_BYTE),
    [0x6f] = OPF(OUTS, STRING, OPC_SIZE32),
    [0x70 ... 0x7f] = OTHER(OPC_IMM8),
    [0x80] = GRP(ALU, RM_IMM, OPC_IMM8 | OPC_BYTE),
    [0x81] = GRP(ALU, RM_IMM, OPC_IMMZ),
    [0x82] = GRP(ALU, RM_IMM, OPC_IMM8 | OPC_BYTE | OPC_NO64),
    [0x83] = GRP(ALU, RM_IMM, OPC_IMM8),
    [0x84] = OPF(TEST, RM_REG, M | OPC_BYTE),
    [0x85] = OPF(TEST, RM_REG, M),
    [0x86] = OPF(XCHG, RM_REG, M | OPC_BYTE),
    [0x87] = OPF(XCHG, RM_REG, M),
    [0x88] = OPF(MOV, RM_REG, M | OPC_BYTE),
    [0x89] = OPF(MOV, RM_REG, M),
    [0x8a] = OPF(MOV, REG_RM, M | OPC_BYTE),
    [0x8b] = OPF(MOV, REG_RM, M),
    [0x8c] = OTHER(M),
    [0x8d] = OTHER(M | OPC_MEM),
    [0x8e] = OTHER(M),
    [0x8f] = GRP(POP, RM, OPC_DEF64), /* XOP is taken before */
    [0x90 ... 0x99] = OTHER(0),       /* F3 90 is PAUSE: see decode.c */
    [0x9a] = OTHER(OPC_FAR | OPC_NO64),
    [0x9b] = OTHER(0),
    [0x9c] = OP(PUSHF, OPC_DEF64),
    [0x9d] = OP(POPF, OPC_DEF64),
    [0x9e ... 0x9f] = OTHER(0),
    [0xa0] = OPF(MOV, ACC_MOFFS, OPC_MOFFS | OPC_BYTE),
    [0xa1] = OPF(MOV, ACC_MOFFS, OPC_MOFFS),
    [0xa2] = OPF(MOV, MOFFS_ACC, OPC_MOFFS | OPC_BYTE),
    [0xa3] = OPF(MOV, MOFFS_ACC, OPC_MOFFS),
    STRING(0xa4, MOVS),
    STRING(0xa6, CMPS),
    [0xa8] = OTHER(OPC_IMM8 | OPC_BYTE),
    [0xa9] = OTHER(OPC_IMMZ),
    STRING(0xaa, STOS),
    STRING(0xac, LODS),
    STRING(0xae, SCAS),
    [0xb0 ... 0xb7] = OTHER(OPC_IMM8 | OPC_BYTE),
    [0xb8 ... 0xbf] = OTHER(OPC_IMMV),
    [0xc0] = GRP(SHIFT, RM_IMM, OPC_IMM8 | OPC_UIMM | OPC_BYTE),
    [0xc1] = GRP(SHIFT, RM_IMM, OPC_IMM8 | OPC_UIMM),
    [0xc2] = OTHER(OPC_IMM16 | OPC_DEF64),
    [0xc3] = OTHER(OPC_DEF64),
    [0xc4 ... 0xc5] = OTHER(OPC_NO64 | M | OPC_MEM), /* LES, LDS; VEX is taken before */
    [0xc6] = GRP(MOV, RM_IMM, OPC_IMM8 | OPC_BYTE),
    [0xc7] = GRP(MOV, RM_IMM, OPC_IMMZ),
    [0xc8] = OTHER(OPC_ENTER | OPC_DEF64),
    [0xc9] = OTHER(OPC_DEF64),
    [0xca] = OTHER(OPC_IMM16),
    [0xcb] = OTHER(0),
    [0xcc] = OP(INT3, 0),
    [0xcd] = OP(INT, OPC_IMM8 | OPC_UIMM),
    [0xce] = OP(INTO, OPC_NO64),
    [0xcf] = OP(IRET, 0),
    [0xd0] = GRP(SHIFT, RM_ONE, OPC_BYTE),
    [0xd1] = GRP(SHIFT, RM_ONE, 0),
    [0xd2] = GRP(SHIFT, RM_CL, OPC_BYTE),
    [0xd3] = GRP(SHIFT, RM_CL, 0),
    [0xd4 ... 0xd5] = OTHER(OPC_IMM8 | OPC_NO64),
    [0xd6] = OTHER(OPC_NO64),
    [0xd7] = OTHER(0),
    [0xd8 ... 0xdf] = OTHER(M),
    [0xe0 ... 0xe3] = OTHER(OPC_IMM8),
    [0xe4] = OP(IN, OPC_IMM8 | OPC_UIMM | OPC_BYTE),
    [0xe5] = OP(IN, OPC_IMM8 | OPC_UIMM | OPC_SIZE32),
    [0xe6] = OP(OUT, OPC_IMM8 | OPC_UIMM | OPC_BYTE),
    [0xe7] = OP(OUT, OPC_IMM8 | OPC_UIMM | OPC_SIZE32),
    [0xe8 ... 0xe9] = OTHER(OPC_IMMZ | OPC_DEF64),
    [0xea] = OTHER(OPC_FAR | OPC_NO64),
    [0xeb] = OTHER(OPC_IMM8),
    [0xec] = OP(IN, OPC_BYTE),
    [0xed] = OP(IN, OPC_SIZE32),
    [0xee] = OP(OUT, OPC_BYTE),
    [0xef] = OP(OUT, OPC_SIZE32),
    [0xf1] = OP(INT1, 0),
    [0xf4] = OP(HLT, 0),
    [0xf5] = OTHER(0),
    [0xf6] = GRP(UNARY, RM, OPC_BYTE),
    [0xf7] = GRP(UNARY, RM, 0),
    [0xf8 ... 0xfd] = OTHER(0),
    [0xfe] = GRP(INCDEC, RM, OPC_BYTE),
    [0xff] = GRP(FF, RM, 0),
};

const struct opcode_cell opcode_map1[256] = {
    [0x00] = GRP(0F00, RM, 0),
    [0x01] = GRP(0F01, RM, 0), /* register forms: opcode_0f01_reg */
    [0x02 ... 0x03] = OTHER(M),
    [0x04] = BAD,
    [0x05] = OTHER(0),
    [0x06] = OP(CLTS, 0),
    [0x07] = OTHER(0),
    [0x08] = OP(INVD, 0),
    [0x09] = OP(WBINVD, 0),
    [0x0a] = BAD,
    [0x0b] = OP(UD, 0),
    [0x0c] = BAD,
    [0x0d] = OTHER(M),
    [0x0e] = OTHER(0),
    [0x0f] = OTHER(M | OPC_IMM8), /* 3DNow!: the immediate is the opcode */
    [0x10 ... 0x1f] = OTHER(M),
    [0x20] = OPF(MOV_FROM_CR, RM_REG, M | OPC_REG | OPC_SIZEN),
    [0x21] = OPF(MOV_FROM_DR, RM_REG, M | OPC_REG | OPC_SIZEN),
    [0x22] = OPF(MOV_TO_CR, REG_RM, M | OPC_REG | OPC_SIZEN),
    [0x23] = OPF(MOV_TO_DR, REG_RM, M | OPC_REG | OPC_SIZEN),
    [0x24 ... 0x27] = BAD,
    [0x28 ... 0x2f] = OTHER(M),
    [0x30] = OP(WRMSR, 0),
    [0x31] = OP(RDTSC, 0),
    [0x32] = OP(RDMSR, 0),
    [0x33] = OP(RDPMC, 0),
    [0x34 ... 0x35] = OTHER(0),
    [0x36] = BAD,
    [0x37] = OTHER(0),
    [0x38 ... 0x3f] = BAD, /* 38 and 3A lead to maps 2 and 3 and are taken before */
    [0x40 ... 0x4f] = OPF(CMOVCC, REG_RM, M),
    [0x50 ... 0x6f] = OTHER(M),
    [0x70 ... 0x73] = OTHER(M | OPC_IMM8),
    [0x74 ... 0x76] = OTHER(M),
    [0x77] = OTHER(0),
    [0x78 ... 0x79] = OP(VMX, M), /* VMREAD, VMWRITE; SSE4a with 66 or F2: see decode.c */
    [0x7a ... 0x7b] = BAD,
    [0x7c ... 0x7f] = OTHER(M),
    [0x80 ... 0x8f] = OTHER(OPC_IMMZ | OPC_DEF64),
    [0x90 ... 0x9f] = OPF(SETCC, RM, M | OPC_BYTE),
    [0xa0 ... 0xa1] = OTHER(OPC_DEF64),
    [0xa2] = OP(CPUID, 0),
    [0xa3] = OPF(BT, RM_REG, M),
    [0xa4] = OTHER(M | OPC_IMM8),
    [0xa5] = OTHER(M),
    [0xa6 ... 0xa7] = BAD,
    [0xa8 ... 0xa9] = OTHER(OPC_DEF64),
    [0xaa] = OP(RSM, 0),
    [0xab] = OPF(BTS, RM_REG, M),
    [0xac] = OTHER(M | OPC_IMM8),
    [0xad ... 0xaf] = OTHER(M),
    [0xb0] = OPF(CMPXCHG, RM_REG, M | OPC_BYTE),
    [0xb1] = OPF(CMPXCHG, RM_REG, M),
    [0xb2] = OTHER(M | OPC_MEM),
    [0xb3] = OPF(BTR, RM_REG, M),
    [0xb4 ... 0xb5] = OTHER(M | OPC_MEM),
    [0xb6] = OPF(MOVZX, REG_RM, M | OPC_SRC8),
    [0xb7] = OPF(MOVZX, REG_RM, M | OPC_SRC16),
    [0xb8] = OTHER(M),
    [0xb9] = OP(UD, M),
    [0xba] = GRP(BT, RM_IMM, OPC_IMM8 | OPC_UIMM),
    [0xbb] = OPF(BTC, RM_REG, M),
    [0xbc ... 0xbd] = OTHER(M),
    [0xbe] = OPF(MOVSX, REG_RM, M | OPC_SRC8),
    [0xbf] = OPF(MOVSX, REG_RM, M | OPC_SRC16),
    [0xc0] = OPF(XADD, RM_REG, M | OPC_BYTE),
    [0xc1] = OPF(XADD, RM_REG, M),
    [0xc2] = OTHER(M | OPC_IMM8),
    [0xc3] = OPF(MOV, RM_REG, M | OPC_MEM), /* MOVNTI */
    [0xc4 ... 0xc6] = OTHER(M | OPC_IMM8),
    [0xc7] = GRP(0FC7, RM, 0), /* register forms: GROUP_0FC7_REG */
    [0xc8 ... 0xcf] = OTHER(0),
    [0xd0 ... 0xfe] = OTHER(M),
    [0xff] = OP(UD, M),
};

#define SAME OTHER(0)

const struct opcode_cell opcode_groups[GROUP_COUNT][8] = {
    [GROUP_ALU] = {OP(ADD, 0), OP(OR, 0), OP(ADC, 0), OP(SBB, 0), OP(AND, 0), OP(SUB, 0), OP(XOR, 0),
                   OP(CMP, 0)},
    [GROUP_SHIFT] = {OP(ROL, 0), OP(ROR, 0), OP(RCL, 0), OP(RCR, 0), OP(SHL, 0), OP(SHR, 0), OP(SHL, 0),
                     OP(SAR, 0)},
    /* TEST's immediate is one byte or Z by the opcode: decode.c turns OPC_IMMZ into OPC_IMM8 for F6. */
    [GROUP_UNARY] = {OPF(TEST, RM_IMM, OPC_IMMZ), OPF(TEST, RM_IMM, OPC_IMMZ), OP(NOT, 0), OP(NEG, 0), SAME,
                     SAME, SAME, SAME},
    [GROUP_INCDEC] = {OP(INC, 0), OP(DEC, 0), BAD, BAD, BAD, BAD, BAD, BAD},
    [GROUP_FF] = {OP(INC, 0), OP(DEC, 0), OTHER(OPC_DEF64), OTHER(OPC_MEM), OTHER(OPC_DEF64), OTHER(OPC_MEM),
                  OP(PUSH, OPC_DEF64), BAD},
    [GROUP_POP] = {OP(POP, 0), BAD, BAD, BAD, BAD, BAD, BAD, BAD},
    [GROUP_MOV] = {OP(MOV, 0), BAD, BAD, BAD, BAD, BAD, BAD, SAME}, /* /7 is XABORT, XBEGIN: see decode.c */
    [GROUP_0F00] = {OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), SAME, SAME,
                    BAD, BAD},
    [GROUP_0F01] = {OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), OP(DESCRIPTOR, 0), OP(SMSW, 0),
                    SAME, OP(LMSW, 0), OP(INVLPG, 0)},
    [GROUP_BT] = {BAD, BAD, BAD, BAD, OP(BT, 0), OP(BTS, 0), OP(BTR, 0), OP(BTC, 0)},
    [GROUP_0FC7] = {BAD, OP(CMPXCHG8B, 0), BAD, OP(XSAVES, 0), SAME, OP(XSAVES, 0), OP(VMX, 0), OP(VMX, 0)},
    [GROUP_0FC7_REG] = {BAD, BAD, BAD, BAD, BAD, BAD, OP(RDRAND, 0), OP(RDRAND, 0)},
};

#define UNDEF INSN_OP_COUNT

const uint8_t opcode_0f01_reg[64] = {
    [0x00] = UNDEF,
    [0x01] = INSN_VMCALL,
    [0x02 ... 0x04] = INSN_VMX,
    [0x05 ... 0x07] = UNDEF,
    [0x08] = INSN_MONITOR,
    [0x09] = INSN_MWAIT,
    [0x0a ... 0x0b] = INSN_OTHER, /* CLAC, STAC */
    [0x0c ... 0x0e] = UNDEF,
    [0x0f] = INSN_OTHER, /* ENCLS */
    [0x10] = INSN_XGETBV,
    [0x11] = INSN_XSETBV,
    [0x12 ... 0x13] = UNDEF,
    [0x14] = INSN_VMX,            /* VMFUNC */
    [0x15 ... 0x17] = INSN_OTHER, /* XEND, XTEST, ENCLU */
    [0x18] = INSN_VMRUN,
    [0x19] = INSN_VMMCALL,
    [0x1a] = INSN_VMLOAD,
    [0x1b] = INSN_VMSAVE,
    [0x1c] = INSN_STGI,
    [0x1d] = INSN_CLGI,
    [0x1e] = INSN_SKINIT,
    [0x1f] = INSN_INVLPGA,
    [0x20 ... 0x27] = INSN_SMSW,
    [0x28 ... 0x2f] = INSN_OTHER, /* SERIALIZE, RDPKRU, WRPKRU, user interrupts */
    [0x30 ... 0x37] = INSN_LMSW,
    [0x38] = INSN_OTHER, /* SWAPGS: decode.c refuses it outside 64-bit mode */
    [0x39] = INSN_RDTSCP,
    [0x3a] = INSN_MONITORX,
    [0x3b] = INSN_MWAITX,
    [0x3c ... 0x3f] = INSN_OTHER, /* CLZERO, RDPRU, INVLPGB, TLBSYNC, PSMASH, PVALIDATE */
};
