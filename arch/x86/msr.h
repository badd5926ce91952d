/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSR numbers and fields used by the host side. Vendor back ends keep their own beside their control blocks.
 * AMD APM volume 2, appendix "MSR Cross-Reference"; Intel SDM volume 4.
 */
#pragma once

#include "lib/bits.h"

#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_PAT        0x277
#define MSR_MC0_STATUS 0x401 /* bank n: + 4 n; the address follows, the miscellany after that */
#define MSR_MC0_ADDR   0x402
#define MSR_X2APIC     0x800 /* register at xAPIC offset r: + r / 16 */
#define MSR_EFER       0xc0000080
#define MSR_FS_BASE    0xc0000100
#define MSR_GS_BASE    0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX    0xc0000103

#define APIC_BASE_BSP     BIT(8)
#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_ADDRESS FIELD(51, 12)

#define MCG_CAP_BANKS  FIELD(7, 0)
#define MC_STATUS_VALID BIT(63)
#define MC_STATUS_ADDRV BIT(58)
