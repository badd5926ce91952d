/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System registers that control or hold a guest: fields in the manual's order (Arm ARM, "AArch64 System
 * Register Descriptions"). Access macros and the host's own registers: sysregs.h.
 */
#pragma once

#include "lib/bits.h"

/* CNTHCTL_EL2 with HCR_EL2.E2H = 0 */
#define CNTHCTL_EL1PCTEN BIT(0) /* EL1 and EL0 may read CNTPCT_EL0 */
#define CNTHCTL_EL1PCEN  BIT(1) /* ... and use the physical timer */

/* CNTV_CTL_EL0, CNTP_CTL_EL0 */
#define TIMER_CTL_ENABLE  BIT(0)
#define TIMER_CTL_IMASK   BIT(1)
#define TIMER_CTL_ISTATUS BIT(2)

/* CPTR_EL2 with HCR_EL2.E2H = 0; TZ and TSM are 1 by rule where there is neither SVE nor SME */
#define CPTR_RES1 (FIELD(7, 0) | BIT(9) | BIT(13))
#define CPTR_TZ   BIT(8)
#define CPTR_TFP  BIT(10)
#define CPTR_TSM  BIT(12)
#define CPTR_TTA  BIT(20)
#define CPTR_TAM  BIT(30)

/* DBGBCR<n>_EL1, DBGWCR<n>_EL1 */
#define DBGCR_E          BIT(0)
#define DBGCR_EL1        BIT(1) /* PMC, PAC: hits at EL1 */
#define DBGCR_EL0        BIT(2)
#define DBGBCR_BAS       FIELD(8, 5)
#define DBGWCR_LOAD      BIT(3)
#define DBGWCR_STORE     BIT(4)
#define DBGWCR_BAS       FIELD(12, 5)
#define DBGWCR_BAS_SHIFT 5
#define DBGWCR_MASK      FIELD(28, 24)

/* HCR_EL2 */
#define HCR_VM     BIT(0)
#define HCR_SWIO   BIT(1)
#define HCR_FMO    BIT(3)
#define HCR_IMO    BIT(4)
#define HCR_AMO    BIT(5)
#define HCR_VSE    BIT(8)
#define HCR_FB     BIT(9)
#define HCR_BSU_IS BIT(10) /* barriers reach at least the inner shareable domain */
#define HCR_TWI    BIT(13)
#define HCR_TWE    BIT(14)
#define HCR_TID3   BIT(18)
#define HCR_TSC    BIT(19)
#define HCR_TIDCP  BIT(20)
#define HCR_TACR   BIT(21)
#define HCR_RW     BIT(31)
#define HCR_TLOR   BIT(35)
#define HCR_TERR   BIT(36)
#define HCR_TEA    BIT(37)
#define HCR_APK    BIT(40)
#define HCR_API    BIT(41)

/* MDCR_EL2 */
#define MDCR_TPMCR BIT(5)
#define MDCR_TPM   BIT(6)
#define MDCR_TDE   BIT(8)
#define MDCR_TDA   BIT(9)
#define MDCR_TDOSA BIT(10)
#define MDCR_TDRA  BIT(11)
#define MDCR_TPMS  BIT(14)
#define MDCR_TTRF  BIT(19)

/* MDSCR_EL1 */
#define MDSCR_SS  BIT(0)
#define MDSCR_KDE BIT(13)
#define MDSCR_MDE BIT(15)

/* TCR_EL1 */
#define TCR1_EPD0 BIT(7)
#define TCR1_EPD1 BIT(23)

/* VTCR_EL2 */
#define VTCR_T0SZ       FIELD(5, 0)
#define VTCR_SL0_LEVEL1 BIT(6) /* 4 KiB granule: the walk begins with 1 GiB entries */
#define VTCR_IRGN0_WBWA BIT(8)
#define VTCR_ORGN0_WBWA BIT(10)
#define VTCR_SH0_INNER  (BIT(12) | BIT(13))
#define VTCR_PS         FIELD(18, 16)
#define VTCR_HA         BIT(21) /* hardware sets the access flag ... */
#define VTCR_HD         BIT(22) /* ... and makes writable what has the dirty bit modifier */
#define VTCR_RES1       BIT(31)

/* VTTBR_EL2 */
#define VTTBR_VMID FIELD(55, 48)

/* PSTATE as in SPSR_EL2 */
#define PSTATE_SP    BIT(0)
#define PSTATE_EL    FIELD(3, 2)
#define PSTATE_NRW   BIT(4) /* AArch32 */
#define PSTATE_T32   BIT(5) /* AArch32 */
#define PSTATE_F     BIT(6)
#define PSTATE_I     BIT(7)
#define PSTATE_A     BIT(8)
#define PSTATE_D     BIT(9)
#define PSTATE_DAIF  FIELD(9, 6)
#define PSTATE_BTYPE FIELD(11, 10)
#define PSTATE_SSBS  BIT(12)
#define PSTATE_IL    BIT(20)
#define PSTATE_SS    BIT(21)
#define PSTATE_PAN   BIT(22)
#define PSTATE_UAO   BIT(23)
#define PSTATE_DIT   BIT(24)
#define PSTATE_TCO   BIT(25)
#define PSTATE_NZCV  FIELD(31, 28)
#define PSTATE_EL1   BIT(2)
#define PSTATE_EL1H  (PSTATE_EL1 | PSTATE_SP)
#define PSTATE_RESET (PSTATE_EL1H | PSTATE_DAIF)

/* SCTLR_EL1 */
#define SCTLR1_M     BIT(0)
#define SCTLR1_SPAN  BIT(23)
#define SCTLR1_E0E   BIT(24)
#define SCTLR1_EE    BIT(25)
#define SCTLR1_DSSBS BIT(44)
/* What a kernel may find at its start: MMU and caches off, the bits that are 1 by rule in ARMv8.0. */
#define SCTLR1_RESET (BIT(11) | BIT(20) | BIT(22) | BIT(23) | BIT(28) | BIT(29))

/* ID_AA64PFR0_EL1 */
#define PFR0_EL0 FIELD(3, 0)
#define PFR0_EL1 FIELD(7, 4)
#define PFR0_FP  FIELD(19, 16)

#define PFR0_RAS  FIELD(31, 28)
#define PFR0_MPAM FIELD(43, 40)

/* ID_AA64PFR1_EL1 */
#define PFR1_MTE FIELD(11, 8)

/* ID_AA64DFR0_EL1 */
#define DFR0_PMUVER FIELD(11, 8)
#define DFR0_BRPS   FIELD(15, 12)
#define DFR0_WRPS   FIELD(23, 20)

/* ID_AA64ISAR1_EL1, ID_AA64ISAR2_EL1: the four ways to have pointer authentication */
#define ISAR1_PAUTH (FIELD(11, 4) | FIELD(31, 24))
#define ISAR2_PAUTH FIELD(15, 8)

/* ID_AA64MMFR0_EL1 */
#define MMFR0_TGRAN4   FIELD(31, 28)
#define MMFR0_TGRAN4_2 FIELD(43, 40)
#define MMFR0_FGT      FIELD(59, 56)

/* ID_AA64MMFR1_EL1 */
#define MMFR1_HCX FIELD(43, 40)

/* MPAM2_EL2 */
#define MPAM2_TRAP_EL1 BIT(48)
#define MPAM2_TRAP_EL0 BIT(49)

/* MPIDR_EL1 */
#define MPIDR_RES1 BIT(31)

/* PAR_EL1 */
#define PAR_F  BIT(0)
#define PAR_PA FIELD(47, 12)

/* HPFAR_EL2: bits 51:12 of the guest-physical address */
#define HPFAR_FIPA FIELD(43, 4)
