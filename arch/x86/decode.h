/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86 instruction decoder: bytes and CPU mode in, `struct insn` out. Pure: no guest access, no global state,
 * no allocation, so that it runs unchanged under unit tests and a fuzzer.
 *
 * Two uses. Lengths: where the CPU does not report the next RIP of an intercepted instruction (SVM without
 * NRIPS), `length` says how far to advance. Memory emulation: `op`, `form` and the operand fields drive
 * arch/x86/emulate.c. Every one-byte, 0F, 0F 38, 0F 3A, VEX and EVEX encoding gets a length; only what we act
 * on gets an `op` of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/regs.h"

#define INSN_LENGTH_MAX 15u

/* How CS makes the CPU read code: 16-bit (also real and virtual-8086 mode), 32-bit, 64-bit. Value = log2 of
 * bytes. */
enum insn_mode {
    INSN_MODE_16 = 1,
    INSN_MODE_32 = 2,
    INSN_MODE_64 = 3,
};

enum decode_status {
    DECODE_OK = 0,
    DECODE_MORE,     /* the buffer ended inside the instruction, and more bytes could complete it */
    DECODE_TOO_LONG, /* the instruction would be longer than 15 bytes: #GP(0) */
    DECODE_INVALID,  /* #UD on any CPU: undefined in this mode, or LOCK where it is not allowed */
};

enum insn_prefix {
    INSN_PREFIX_OPSIZE = 1u << 0,   /* 66 */
    INSN_PREFIX_ADDRSIZE = 1u << 1, /* 67 */
    INSN_PREFIX_LOCK = 1u << 2,     /* F0 */
    INSN_PREFIX_REPNE = 1u << 3,    /* F2; the later of F2 and F3 wins */
    INSN_PREFIX_REP = 1u << 4,      /* F3 */
    INSN_PREFIX_SEG = 1u << 5,      /* a segment override that is in force */
    INSN_PREFIX_VEX = 1u << 6,      /* VEX, EVEX or XOP encoded */
};

/* What the instruction does, as far as the hypervisor cares. */
enum insn_op {
    INSN_OTHER, /* length known, meaning not */

    /* Memory instructions. The first eight are in the order of the /reg field of opcode 80..83. */
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_CMP,
    INSN_TEST,
    INSN_MOV,
    INSN_MOVZX,
    INSN_MOVSX,
    INSN_MOVBE,
    INSN_XCHG,
    INSN_CMPXCHG,
    INSN_CMPXCHG8B, /* CMPXCHG16B with REX.W */
    INSN_XADD,
    INSN_INC,
    INSN_DEC,
    INSN_NOT,
    INSN_NEG,
    INSN_BT, /* BT, BTS, BTR, BTC in the order of their opcode bits */
    INSN_BTS,
    INSN_BTR,
    INSN_BTC,
    INSN_PUSH, /* with a memory operand */
    INSN_POP,
    INSN_SETCC,
    INSN_CMOVCC,
    INSN_ROL, /* the rotates and shifts in the order of their /reg field (/6 is decoded as INSN_SHL) */
    INSN_ROR,
    INSN_RCL,
    INSN_RCR,
    INSN_SHL,
    INSN_SHR,
    INSN_SAR,

    /* String instructions: operands are rSI, rDI, rCX, rAX. */
    INSN_MOVS,
    INSN_CMPS,
    INSN_STOS,
    INSN_LODS,
    INSN_SCAS,
    INSN_INS,
    INSN_OUTS,

    /* Intercepted instructions: wanted for their length, some for an operand. */
    INSN_IN,
    INSN_OUT,
    INSN_CPUID,
    INSN_RDMSR,
    INSN_WRMSR,
    INSN_HLT,
    INSN_MOV_FROM_CR, /* reg = control register, rm = general register */
    INSN_MOV_TO_CR,
    INSN_MOV_FROM_DR,
    INSN_MOV_TO_DR,
    INSN_CLTS,
    INSN_LMSW,
    INSN_SMSW,
    INSN_INVLPG,
    INSN_XSETBV,
    INSN_XGETBV,
    INSN_RDTSC,
    INSN_RDTSCP,
    INSN_RDPMC,
    INSN_PAUSE,
    INSN_INVD,
    INSN_WBINVD,
    INSN_IRET,
    INSN_INT, /* CD ib: vector in imm */
    INSN_INT1,
    INSN_INT3,
    INSN_INTO,
    INSN_PUSHF,
    INSN_POPF,
    INSN_MONITOR,
    INSN_MWAIT,
    INSN_MONITORX,
    INSN_MWAITX,
    INSN_VMCALL,
    INSN_VMMCALL,
    INSN_VMRUN,
    INSN_VMLOAD,
    INSN_VMSAVE,
    INSN_STGI,
    INSN_CLGI,
    INSN_SKINIT,
    INSN_INVLPGA,
    INSN_RSM,
    INSN_DESCRIPTOR, /* SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT, LTR: which one is map, opcode, reg */
    INSN_VMX,        /* VMXON, VMPTRLD, VMREAD, VMLAUNCH...: #UD for a guest without nested VMX */
    INSN_INVEPT,     /* INVEPT, INVVPID, INVPCID (0F 38 80..82) */
    INSN_RDRAND,     /* RDRAND, RDSEED (reg = 6, 7) */
    INSN_XSAVES,     /* XSAVES, XRSTORS (reg = 5, 3) */
    INSN_UD,         /* UD0, UD1, UD2 */
    INSN_OP_COUNT
};

/* Where the operands are. "rm" is the ModRM r/m operand (memory unless rm_is_reg), "reg" its reg field. */
enum insn_form {
    INSN_FORM_NONE,
    INSN_FORM_RM_REG,    /* rm <- rm op reg */
    INSN_FORM_REG_RM,    /* reg <- reg op rm */
    INSN_FORM_RM_IMM,    /* rm <- rm op imm */
    INSN_FORM_RM,        /* one operand */
    INSN_FORM_RM_CL,     /* shift count in CL */
    INSN_FORM_RM_ONE,    /* shift by one: imm is 1 */
    INSN_FORM_ACC_MOFFS, /* A0, A1: rAX <- [disp] */
    INSN_FORM_MOFFS_ACC, /* A2, A3 */
    INSN_FORM_STRING,
};

struct insn {
    uint64_t disp;     /* displacement, sign-extended; moffs: the absolute offset, zero-extended */
    uint64_t imm;      /* immediate, sign-extended to 64 bits (IN, OUT, INT: zero-extended byte) */
    uint8_t length;    /* 1..15 */
    uint8_t op;        /* enum insn_op */
    uint8_t form;      /* enum insn_form */
    uint8_t mode;      /* enum insn_mode */
    uint8_t prefixes;  /* enum insn_prefix bits */
    uint8_t rex;       /* the REX byte in force, or 0 */
    uint8_t map;       /* 0 = one byte, 1 = 0F, 2 = 0F 38, 3 = 0F 3A, above: VEX and XOP maps */
    uint8_t opcode;    /* last opcode byte */
    uint8_t op_size;   /* bytes of the operation: 1, 2, 4, 8 (16: CMPXCHG16B) */
    uint8_t mem_size;  /* bytes of the memory operand; differs from op_size for MOVZX and MOVSX */
    uint8_t addr_size; /* 2, 4, 8 */
    uint8_t seg;       /* enum x86_sreg of the memory operand: the override or the default */
    uint8_t modrm;     /* 0 when the instruction has none */
    uint8_t reg;       /* ModRM.reg with REX.R (MOV CR/DR: the CR or DR number; LOCK MOV CR0 gives CR8) */
    uint8_t rm;        /* ModRM.rm with REX.B, when rm_is_reg; else INSN_NO_REG */
    uint8_t base;      /* register number or INSN_NO_REG */
    uint8_t index;     /* register number or INSN_NO_REG */
    uint8_t scale;     /* shift count 0..3 */
    bool rm_is_reg;    /* ModRM.mod == 3 */
    bool rip_relative; /* add the address of the next instruction */
};

#define INSN_NO_REG 0xffu

/*
 * Decode one instruction from `bytes[0..count)`, of which more than 15 are ignored. `*insn` is complete only
 * for DECODE_OK. DECODE_MORE is never returned when count >= 15.
 */
enum decode_status decode_insn(const uint8_t *bytes, uint32_t count, enum insn_mode mode, struct insn *insn);

/* True when `insn` reads or writes memory through an operand that emulate.c knows how to execute. */
bool decode_is_memory_op(const struct insn *insn);
