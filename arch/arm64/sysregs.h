/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System registers of the host side: access and fields, in the manual's order (Arm ARM, "AArch64 System
 * Register Descriptions").
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

/* `name` as the assembler knows it, or a macro that gives its encoding (S3_0_C12_C12_0). Not to be moved
 * across other volatile code, but nothing orders what the register controls: that takes insn_isb(). */
#define SYSREG_TEXT_OF(name) #name
#define SYSREG_TEXT(name)    SYSREG_TEXT_OF(name)
#define SYSREG_READ(name)                                                    \
    ({                                                                       \
        uint64_t sysreg_value;                                               \
        __asm__ volatile("mrs %0, " SYSREG_TEXT(name) : "=r"(sysreg_value)); \
        sysreg_value;                                                        \
    })
#define SYSREG_WRITE(name, value) \
    __asm__ volatile("msr " SYSREG_TEXT(name) ", %x0" : : "rZ"((uint64_t)(value)) : "memory")

/* CurrentEL */
#define CURRENT_EL FIELD(3, 2)

/* ESR_EL2 */
#define ESR_ISS FIELD(24, 0)
#define ESR_IL  BIT(25)
#define ESR_EC  FIELD(31, 26)

/* ISS of a data or instruction abort */
#define ISS_DFSC FIELD(5, 0)
#define ISS_WNR  BIT(6)
#define ISS_FNV  BIT(10)

/* HCR_EL2 */
#define HCR_E2H BIT(34)

/* ID_AA64MMFR0_EL1 */
#define MMFR0_PARANGE FIELD(3, 0)

/* ID_AA64PFR0_EL1 */
#define PFR0_GIC FIELD(27, 24)

/* MAIR_EL2, one byte an attribute index */
#define MAIR_NORMAL       0xff /* write-back, read and write allocate */
#define MAIR_DEVICE_NGNRE 0x04

/* MPIDR_EL1 */
#define MPIDR_AFF012 FIELD(23, 0)
#define MPIDR_AFF3   FIELD(39, 32)

/* SCTLR_EL2 */
#define SCTLR_M   BIT(0)
#define SCTLR_C   BIT(2)
#define SCTLR_SA  BIT(3)
#define SCTLR_WXN BIT(19)

/* TCR_EL2 with HCR_EL2.E2H = 0 */
#define TCR_T0SZ  FIELD(5, 0)
#define TCR_IRGN0 FIELD(9, 8)
#define TCR_ORGN0 FIELD(11, 10)
#define TCR_SH0   FIELD(13, 12)
#define TCR_PS    FIELD(18, 16)
#define TCR_RES1  (BIT(31) | BIT(23))

#define CACHE_WRITE_BACK 1 /* IRGN, ORGN */
#define SHARE_INNER      3 /* SH */

/* CNTHP_CTL_EL2 */
#define CNT_CTL_ENABLE BIT(0)

/* CTR_EL0 */
#define CTR_DMINLINE FIELD(19, 16)

/* ID_AA64MMFR1_EL1 */
#define MMFR1_HAFDBS FIELD(3, 0) /* 2: access flag and dirty state by hardware */
#define MMFR1_VH     FIELD(11, 8)

/* MIDR_EL1 */
#define MIDR_IMPLEMENTER FIELD(31, 24)
#define MIDR_PART        FIELD(15, 4)
#define MIDR_ARM         0x41
