/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's side of the GIC virtual CPU interface: ICH_*_EL2. Arm GIC architecture specification
 * (IHI 0069), "AArch64 virtualization control System registers". Fields only; access is gic/ich.c's.
 */
#pragma once

#include "lib/bits.h"

/* ICH_LR<n>_EL2 */
#define ICH_LR_VINTID   FIELD(31, 0)
#define ICH_LR_PINTID   FIELD(44, 32) /* HW = 1 */
#define ICH_LR_EOI      BIT(41)       /* HW = 0: maintenance interrupt when the guest deactivates it */
#define ICH_LR_PRIORITY FIELD(55, 48)
#define ICH_LR_GROUP1   BIT(60)
#define ICH_LR_HW       BIT(61)
#define ICH_LR_PENDING  BIT(62)
#define ICH_LR_ACTIVE   BIT(63)
#define ICH_LR_STATE    FIELD(63, 62)

/* ICH_HCR_EL2 */
#define ICH_HCR_EN       BIT(0)
#define ICH_HCR_UIE      BIT(1) /* at most one list register is in use */
#define ICH_HCR_LRENPIE  BIT(2) /* EOIcount is not 0 */
#define ICH_HCR_NPIE     BIT(3) /* no list register is pending */
#define ICH_HCR_VGRP0EIE BIT(4) /* the guest has enabled group 0 */
#define ICH_HCR_VGRP0DIE BIT(5)
#define ICH_HCR_VGRP1EIE BIT(6)
#define ICH_HCR_VGRP1DIE BIT(7)
#define ICH_HCR_TC       BIT(10)
#define ICH_HCR_TALL0    BIT(11)
#define ICH_HCR_TALL1    BIT(12)
#define ICH_HCR_TDIR     BIT(14)
#define ICH_HCR_EOICOUNT FIELD(31, 27)

/* ICH_VMCR_EL2 */
#define ICH_VMCR_VENG0   BIT(0)
#define ICH_VMCR_VENG1   BIT(1)
#define ICH_VMCR_VACKCTL BIT(2)
#define ICH_VMCR_VFIQEN  BIT(3)
#define ICH_VMCR_VCBPR   BIT(4)
#define ICH_VMCR_VEOIM   BIT(9)
#define ICH_VMCR_VBPR1   FIELD(20, 18)
#define ICH_VMCR_VBPR0   FIELD(23, 21)
#define ICH_VMCR_VPMR    FIELD(31, 24)

/* ICH_VTR_EL2 */
#define ICH_VTR_LISTREGS FIELD(4, 0) /* number of list registers - 1 */
#define ICH_VTR_TDS      BIT(19)     /* ICH_HCR_EL2.TDIR works */
#define ICH_VTR_PREBITS  FIELD(28, 26)
#define ICH_VTR_PRIBITS  FIELD(31, 29)

/* ICH_MISR_EL2: which of the conditions above hold */
#define ICH_MISR_EOI   BIT(0)
#define ICH_MISR_U     BIT(1)
#define ICH_MISR_LRENP BIT(2)
#define ICH_MISR_NP    BIT(3)

/* ICC_SGI0R_EL1, ICC_SGI1R_EL1, ICC_ASGI1R_EL1 as the guest writes them */
#define ICC_SGIR_TARGETS FIELD(15, 0) /* Aff0 = 16 * RS + bit */
#define ICC_SGIR_AFF1    FIELD(23, 16)
#define ICC_SGIR_INTID   FIELD(27, 24)
#define ICC_SGIR_AFF2    FIELD(39, 32)
#define ICC_SGIR_IRM     BIT(40) /* to all but the sender */
#define ICC_SGIR_RS      FIELD(47, 44)
#define ICC_SGIR_AFF3    FIELD(55, 48)

/* ICC_DIR_EL1 */
#define ICC_DIR_INTID FIELD(23, 0)
