/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that C and the assembly of the host side share; the C side pins them with static asserts.
 */
#pragma once

#define CPU_AREA_PANIC_TOP 0x3000 /* end of the stack for faults that find no room on the other one */
#define CPU_AREA_STACK_TOP 0x8000
#define CPU_AREA_CPU       0x9000
#define CPU_AREA_ALIGN     0x8000
#define CPU_STACK_BIT      14 /* set in every address of the stack, clear in the guard page below it */

#define TRAP_FRAME_SP   0xf8
#define TRAP_FRAME_ELR  0x100
#define TRAP_FRAME_SPSR 0x108
#define TRAP_FRAME_ESR  0x110
#define TRAP_FRAME_FAR  0x118
#define TRAP_FRAME_SIZE 0x120

#define HCR_E2H_BIT 34
#define HCR_HOST    (1 << 31) /* HCR_EL2 while no guest is loaded: EL1 is AArch64, nothing else */

/* SCTLR_EL2: the bits that are 1 in every version, and the instruction cache. */
#define SCTLR_EL2_OFF 0x30c51830
