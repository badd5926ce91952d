/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the local APIC. Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)", "Local
 * APIC Register Address Map" and "x2APIC Register Address Space"; AMD APM vol. 2, "Advanced Programmable
 * Interrupt Controller". An x2APIC MSR is 0x800 plus the offset divided by 16.
 */
#pragma once

#include "arch/x86/msr.h"
#include "lib/bits.h"

#define APIC_ID         0x020
#define APIC_VERSION    0x030
#define APIC_TPR        0x080
#define APIC_APR        0x090
#define APIC_PPR        0x0a0
#define APIC_EOI        0x0b0
#define APIC_RRD        0x0c0
#define APIC_LDR        0x0d0
#define APIC_DFR        0x0e0
#define APIC_SVR        0x0f0
#define APIC_ISR        0x100 /* eight of them */
#define APIC_TMR        0x180
#define APIC_IRR        0x200
#define APIC_ESR        0x280
#define APIC_LVT_CMCI   0x2f0 /* not there */
#define APIC_ICR_LOW    0x300
#define APIC_ICR_HIGH   0x310
#define APIC_LVT_TIMER  0x320
#define APIC_LVT_THERM  0x330
#define APIC_LVT_PERF   0x340
#define APIC_LVT_LINT0  0x350
#define APIC_LVT_LINT1  0x360
#define APIC_LVT_ERROR  0x370
#define APIC_TMR_INIT   0x380
#define APIC_TMR_NOW    0x390
#define APIC_TMR_DIVIDE 0x3e0
#define APIC_SELF_IPI   0x3f0 /* x2APIC only */
#define APIC_SIZE       0x1000

#define APIC_BASE_DEFAULT UINT64_C(0xfee00000)

/* Integrated APIC, six LVT entries, EOI broadcast can be suppressed. */
#define APIC_VERSION_VALUE    (UINT32_C(0x14) | UINT32_C(5) << 16 | UINT32_C(1) << 24)
#define APIC_SVR_VECTOR       UINT32_C(0xff)
#define APIC_SVR_ENABLE       (UINT32_C(1) << 8)
#define APIC_SVR_NO_BROADCAST (UINT32_C(1) << 12)
#define APIC_SVR_WRITABLE     (APIC_SVR_VECTOR | APIC_SVR_ENABLE | APIC_SVR_NO_BROADCAST)

#define APIC_LVT_VECTOR       UINT32_C(0xff)
#define APIC_LVT_MODE         UINT32_C(0x700)
#define APIC_LVT_MODE_SHIFT   8
#define APIC_LVT_POLARITY     (UINT32_C(1) << 13)
#define APIC_LVT_TRIGGER      (UINT32_C(1) << 15)
#define APIC_LVT_MASKED       (UINT32_C(1) << 16)
#define APIC_LVT_TIMER_MODE   (UINT32_C(3) << 17)
#define APIC_LVT_PERIODIC     (UINT32_C(1) << 17)
#define APIC_LVT_TSC_DEADLINE (UINT32_C(2) << 17)

#define APIC_ICR_HIGH_DEST       UINT32_C(0xff000000)
#define APIC_ICR_VECTOR          UINT32_C(0xff)
#define APIC_ICR_MODE            UINT32_C(0x700)
#define APIC_ICR_MODE_SHIFT      8
#define APIC_ICR_LOGICAL         (UINT32_C(1) << 11)
#define APIC_ICR_ASSERT          (UINT32_C(1) << 14)
#define APIC_ICR_LEVEL           (UINT32_C(1) << 15)
#define APIC_ICR_SHORTHAND       (UINT32_C(3) << 18)
#define APIC_ICR_SHORTHAND_SHIFT 18
#define APIC_ICR_WRITABLE                                                                    \
    (APIC_ICR_VECTOR | APIC_ICR_MODE | APIC_ICR_LOGICAL | APIC_ICR_ASSERT | APIC_ICR_LEVEL | \
     APIC_ICR_SHORTHAND)

enum apic_shorthand {
    APIC_TO_DEST,
    APIC_TO_SELF,
    APIC_TO_ALL,
    APIC_TO_OTHERS,
};

#define APIC_ESR_SEND_VECTOR    UINT32_C(0x20)
#define APIC_ESR_RECEIVE_VECTOR UINT32_C(0x40)
#define APIC_ESR_REGISTER       UINT32_C(0x80)

#define APIC_DFR_FLAT    UINT32_C(0xf)
#define APIC_MIN_VECTOR  16 /* below: illegal */
#define APIC_DIVIDE_BITS UINT32_C(0xb)
