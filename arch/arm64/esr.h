/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ESR_EL2 and ESR_EL1 as far as guests cause them: exception classes and the syndromes that are looked into
 * (Arm ARM, "ESR_EL2, Exception Syndrome Register (EL2)"). Encoding shared by all levels.
 */
#pragma once

#include "lib/bits.h"

#define ESR_EC_SHIFT        26
#define ESR_CLASS(esr)      (((esr) >> ESR_EC_SHIFT) & 0x3f)
#define ESR_OF_CLASS(class) ((uint64_t)(class) << ESR_EC_SHIFT)
#define ESR_IL_32BIT        BIT(25) /* the instruction has 32 bits */

#define ESR_EC_UNKNOWN  0x00
#define ESR_EC_WFX      0x01
#define ESR_EC_CP15_32  0x03
#define ESR_EC_CP14_DT  0x06
#define ESR_EC_CP14_64  0x0c
#define ESR_EC_ILLEGAL  0x0e
#define ESR_EC_HVC64    0x16
#define ESR_EC_SMC64    0x17
#define ESR_EC_SYSREG   0x18
#define ESR_EC_SVE      0x19
#define ESR_EC_IABT_LOW 0x20
#define ESR_EC_IABT_CUR 0x21
#define ESR_EC_DABT_LOW 0x24
#define ESR_EC_DABT_CUR 0x25
#define ESR_EC_SERROR   0x2f
#define ESR_EC_BREAK    0x30 /* these and the next two: plus 1 from the level that they are taken to */
#define ESR_EC_STEP     0x32
#define ESR_EC_WATCH    0x34
#define ESR_EC_BKPT32   0x38
#define ESR_EC_BRK64    0x3c

/* WFx */
#define ESR_WFX_TI FIELD(1, 0) /* 0: WFI, 1: WFE */

/* HVC, SMC */
#define ESR_IMM16 FIELD(15, 0)

/*
 * MSR, MRS. ESR_SYSREG() gives the place of a register as the syndrome spells it, so that the two compare
 * without being taken apart.
 */
#define ESR_SYSREG_READ  BIT(0)
#define ESR_SYSREG_RT    FIELD(9, 5)
#define ESR_SYSREG_PLACE (FIELD(21, 10) | FIELD(4, 1))
#define ESR_SYSREG(op0, op1, crn, crm, op2)                                                                  \
    (((uint32_t)(op0) << 20) | ((uint32_t)(op2) << 17) | ((uint32_t)(op1) << 14) | ((uint32_t)(crn) << 10) | \
     ((uint32_t)(crm) << 1))
#define ESR_SYSREG_OP0 FIELD(21, 20)
#define ESR_SYSREG_OP2 FIELD(19, 17)
#define ESR_SYSREG_OP1 FIELD(16, 14)
#define ESR_SYSREG_CRN FIELD(13, 10)
#define ESR_SYSREG_CRM FIELD(4, 1)

/* Data and instruction aborts */
#define ESR_ABORT_STATUS FIELD(5, 0)
#define ESR_ABORT_WRITE  BIT(6)
#define ESR_ABORT_S1PTW  BIT(7) /* during the walk of the guest's own tables */
#define ESR_ABORT_CM     BIT(8) /* cache maintenance */
#define ESR_ABORT_FNV    BIT(10)
#define ESR_ABORT_SF     BIT(15) /* the register has 64 bits */
#define ESR_ABORT_SRT    FIELD(20, 16)
#define ESR_ABORT_SSE    BIT(21) /* sign-extending */
#define ESR_ABORT_SAS    FIELD(23, 22)
#define ESR_ABORT_ISV    BIT(24) /* the fields from SF to SAS are valid */

/* ESR_ABORT_STATUS without the level in its lower two bits */
#define ESR_STATUS_KIND        FIELD(5, 2)
#define ESR_STATUS_TRANSLATION 0x04
#define ESR_STATUS_ACCESS      0x08
#define ESR_STATUS_PERMISSION  0x0c
#define ESR_STATUS_DEBUG       0x22 /* whole value */
#define ESR_STATUS_EXTERNAL    0x10 /* whole value */
#define ESR_STATUS_WALK        0x14 /* external abort during a walk */

/* Software step */
#define ESR_STEP_EX  BIT(6)  /* the instruction was a load-exclusive */
#define ESR_STEP_ISV BIT(24) /* ... which is known */

/* All of the syndrome but its class: what a debug exception hands on. */
#define ESR_ISS_ALL FIELD(25, 0)
