/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest register state that no vendor owns, and the architectural bits of control registers and flags.
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

/* General registers by their encoding in instructions. */
enum x86_gpr {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI,
    X86_R8,
    X86_R9,
    X86_R10,
    X86_R11,
    X86_R12,
    X86_R13,
    X86_R14,
    X86_R15,
    X86_GPRS,
};

struct x86_regs {
    uint64_t gpr[X86_GPRS];
    uint64_t rip;
    uint64_t rflags;
};

/* A result of 1, 2, 4 or 8 bytes: 4 clear the upper half of the register, fewer leave the rest alone. */
static inline void x86_reg_write(uint64_t *reg, unsigned int size, uint64_t value)
{
    if (size == 4)
        *reg = (uint32_t)value;
    else if (size == 1)
        __builtin_memcpy(reg, &value, 1);
    else if (size == 2)
        __builtin_memcpy(reg, &value, 2);
    else
        *reg = value;
}

/* Segment registers by their encoding in instructions. */
enum x86_sreg {
    X86_ES,
    X86_CS,
    X86_SS,
    X86_DS,
    X86_FS,
    X86_GS,
    X86_SREGS,
};

/* A segment with its hidden part; `attr` in the descriptor's order: type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9,
 * D/B 10, G 11. */
struct x86_seg {
    uint16_t selector;
    uint16_t attr;
    uint32_t limit; /* in bytes, granularity applied */
    uint64_t base;
};

#define X86_SEG_TYPE FIELD(3, 0)
#define X86_SEG_S    BIT(4)
#define X86_SEG_DPL  FIELD(6, 5)
#define X86_SEG_P    BIT(7)
#define X86_SEG_AVL  BIT(8)
#define X86_SEG_L    BIT(9)
#define X86_SEG_DB   BIT(10)
#define X86_SEG_G    BIT(11)

#define RFLAGS_CF   BIT(0)
#define RFLAGS_ONE  BIT(1)
#define RFLAGS_PF   BIT(2)
#define RFLAGS_AF   BIT(4)
#define RFLAGS_ZF   BIT(6)
#define RFLAGS_SF   BIT(7)
#define RFLAGS_TF   BIT(8)
#define RFLAGS_IF   BIT(9)
#define RFLAGS_DF   BIT(10)
#define RFLAGS_OF   BIT(11)
#define RFLAGS_IOPL FIELD(13, 12)
#define RFLAGS_NT   BIT(14)
#define RFLAGS_RF   BIT(16)
#define RFLAGS_VM   BIT(17)
#define RFLAGS_AC   BIT(18)

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)

#define EFER_SCE    BIT(0)
#define EFER_LME    BIT(8)
#define EFER_LMA    BIT(10)
#define EFER_NXE    BIT(11)
#define EFER_SVME   BIT(12)
#define EFER_LMSLE  BIT(13)
#define EFER_FFXSR  BIT(14)
#define EFER_AIBRSE BIT(21)

/* Exception vectors. */
enum x86_vector {
    X86_DE = 0,
    X86_DB = 1,
    X86_NMI = 2,
    X86_BP = 3,
    X86_OF = 4,
    X86_BR = 5,
    X86_UD = 6,
    X86_NM = 7,
    X86_DF = 8,
    X86_TS = 10,
    X86_NP = 11,
    X86_SSF = 12, /* #SS; the plain name is the segment register's */
    X86_GP = 13,
    X86_PF = 14,
    X86_MF = 16,
    X86_AC = 17,
    X86_MC = 18,
    X86_XM = 19,
};

/* Page-fault error code. */
#define PF_PRESENT  BIT(0)
#define PF_WRITE    BIT(1)
#define PF_USER     BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH    BIT(4)
