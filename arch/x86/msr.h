/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers and bits of model-specific registers ("Model-Specific Registers", AMD64 APM volume 2, and the list
 * in Intel SDM volume 4), by number.
 */
#pragma once

#include "lib/bits.h"

#define MSR_TSC               0x00000010
#define MSR_PLATFORM_ID       0x00000017
#define MSR_APIC_BASE         0x0000001b
#define MSR_FEATURE_CONTROL   0x0000003a
#define MSR_TSC_ADJUST        0x0000003b
#define MSR_SPEC_CTRL         0x00000048
#define MSR_PRED_CMD          0x00000049
#define MSR_UCODE_REV         0x0000008b
#define MSR_MTRRCAP           0x000000fe
#define MSR_ARCH_CAPABILITIES 0x0000010a
#define MSR_FLUSH_CMD         0x0000010b
#define MSR_SYSENTER_CS       0x00000174
#define MSR_SYSENTER_ESP      0x00000175
#define MSR_SYSENTER_EIP      0x00000176
#define MSR_MCG_CAP           0x00000179
#define MSR_MCG_STATUS        0x0000017a
#define MSR_MC0_STATUS        0x00000401 /* bank n: + 4 n; the address follows, the miscellany after that */
#define MSR_MC0_ADDR          0x00000402
#define MSR_PERF_STATUS       0x00000198
#define MSR_MISC_ENABLE       0x000001a0
#define MSR_DEBUGCTL          0x000001d9
#define MSR_MTRR_PHYSBASE0    0x00000200
#define MSR_MTRR_PHYSMASK7    0x0000020f
#define MSR_MTRR_FIX64K       0x00000250
#define MSR_MTRR_FIX16K_80000 0x00000258
#define MSR_MTRR_FIX16K_A0000 0x00000259
#define MSR_MTRR_FIX4K_C0000  0x00000268
#define MSR_MTRR_FIX4K_F8000  0x0000026f
#define MSR_PAT               0x00000277
#define MSR_MTRR_DEF_TYPE     0x000002ff
#define MSR_TSC_DEADLINE      0x000006e0
#define MSR_X2APIC            0x00000800 /* register at xAPIC offset r: + r / 16 */
#define MSR_X2APIC_FIRST      0x00000800
#define MSR_X2APIC_LAST       0x000008ff
#define MSR_EFER              0xc0000080
#define MSR_STAR              0xc0000081
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_SFMASK            0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103
#define MSR_SYSCFG            0xc0010010
#define MSR_HWCR              0xc0010015
#define MSR_INT_PENDING       0xc0010055
#define MSR_VM_CR             0xc0010114
#define MSR_VM_HSAVE_PA       0xc0010117
#define MSR_DE_CFG            0xc0011029

#define DE_CFG_LFENCE_SERIALIZE BIT(1)
#define SPEC_CTRL_IBRS          BIT(0)
#define PRED_CMD_IBPB           BIT(0)
#define FLUSH_CMD_L1D           BIT(0)
#define VM_CR_LOCK              BIT(3)
#define VM_CR_SVMDIS            BIT(4)
#define MISC_ENABLE_FAST        BIT(0)  /* fast strings */
#define MISC_ENABLE_NO_BTS      BIT(11) /* no branch trace store */
#define MISC_ENABLE_NO_PEBS     BIT(12) /* no precise event sampling */
#define MTRRCAP_VARIABLE        FIELD(7, 0)
#define MTRRCAP_FIXED           BIT(8)
#define MTRRCAP_WC              BIT(10)
#define MTRR_DEF_TYPE_TYPE      FIELD(7, 0)
#define MTRR_DEF_TYPE_FE        BIT(10)
#define MTRR_DEF_TYPE_E         BIT(11)
#define MTRR_MASK_VALID         BIT(11)
#define HWCR_TSC_FREQ_SEL       BIT(24)

#define PAT_RESET UINT64_C(0x0007040600070406)

#define APIC_BASE_BSP     BIT(8)
#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_ADDRESS FIELD(51, 12)

#define MCG_CAP_BANKS   FIELD(7, 0)
#define MC_STATUS_VALID BIT(63)
#define MC_STATUS_ADDRV BIT(58)
