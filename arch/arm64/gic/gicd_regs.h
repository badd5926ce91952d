/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GICv3 distributor and redistributor frames as a guest finds them. Arm GIC architecture specification
 * (IHI 0069), "The GIC distributor register map", "The GIC Redistributor register map".
 */
#pragma once

#include "lib/bits.h"

/* Distributor */
#define GICD_CTLR        0x0000u
#define GICD_TYPER       0x0004u
#define GICD_IIDR        0x0008u
#define GICD_IGROUPR     0x0080u /* bit per INTID, seven arrays of 0x80 bytes; so in GICR_SGI_FRAME */
#define GICD_ISENABLER   0x0100u
#define GICD_ICENABLER   0x0180u
#define GICD_ISPENDR     0x0200u
#define GICD_ICPENDR     0x0280u
#define GICD_ISACTIVER   0x0300u
#define GICD_ICACTIVER   0x0380u
#define GICD_IPRIORITYR  0x0400u /* byte per INTID */
#define GICD_ITARGETSR   0x0800u /* not with affinity routing */
#define GICD_ICFGR       0x0c00u /* two bits per INTID, the upper one: edge */
#define GICD_IGRPMODR    0x0d00u /* not with one security state */
#define GICD_IROUTER     0x6000u /* 8 bytes per INTID, from INTID 32 */
#define GICD_IROUTER_END 0x8000u
#define GIC_IDREGS       0xffd0u
#define GIC_PIDR2        0xffe8u

#define GICD_CTLR_ENABLE_G0 BIT(0)
#define GICD_CTLR_ENABLE_G1 BIT(1)
#define GICD_CTLR_ARE       BIT(4)
#define GICD_CTLR_DS        BIT(6)

#define GICD_TYPER_IT_LINES FIELD(4, 0)   /* INTIDs / 32 - 1 */
#define GICD_TYPER_NUM_LPIS FIELD(15, 11) /* log2 of their number - 1; 0: as many as the ID bits say */
#define GICD_TYPER_LPIS     BIT(17)
#define GICD_TYPER_ID_BITS  FIELD(23, 19) /* - 1 */
#define GICD_TYPER_A3V      BIT(24)

#define GICD_IROUTER_AFF  FIELD(23, 0)
#define GICD_IROUTER_AFF3 FIELD(39, 32)
#define GICD_IROUTER_ANY  BIT(31)
#define GICD_IROUTER_BITS (GICD_IROUTER_AFF | GICD_IROUTER_AFF3 | GICD_IROUTER_ANY)

/* Redistributor: the first frame (RD_base), then the one of SGIs and PPIs */
#define GICR_CTLR      0x0000u
#define GICR_IIDR      0x0004u
#define GICR_TYPER     0x0008u
#define GICR_WAKER     0x0014u
#define GICR_PROPBASER 0x0070u
#define GICR_PENDBASER 0x0078u
#define GICR_SGI_FRAME 0x10000u

#define GICR_CTLR_ENABLE_LPIS BIT(0)
#define GICR_CTLR_CES         BIT(1) /* EnableLPIs can be cleared again */
#define GICR_CTLR_DPG0        BIT(24)
#define GICR_CTLR_DPG1NS      BIT(25)

#define GICR_TYPER_PLPIS  BIT(0)
#define GICR_TYPER_LAST   BIT(4)
#define GICR_TYPER_DPGS   BIT(5)
#define GICR_TYPER_NUMBER FIELD(23, 8)
#define GICR_TYPER_AFF    FIELD(63, 32)

#define GICR_WAKER_PROCESSOR_SLEEP BIT(1)
#define GICR_WAKER_CHILDREN_ASLEEP BIT(2)

#define GICR_PROPBASER_BITS    (FIELD(58, 56) | FIELD(51, 12) | FIELD(11, 10) | FIELD(9, 7) | FIELD(4, 0))
#define GICR_PROPBASER_ADDRESS FIELD(51, 12)
#define GICR_PROPBASER_ID_BITS FIELD(4, 0) /* - 1 */
#define GICR_PENDBASER_BITS    (FIELD(58, 56) | FIELD(51, 16) | FIELD(11, 10) | FIELD(9, 7))
#define GICR_PENDBASER_ADDRESS FIELD(51, 16)
#define GICR_PENDBASER_PTZ     BIT(62)

/* IIDR: no implementer's JEP106 code; product 'L', revision 0. PIDR2: GICv3. */
#define GIC_IIDR_VALUE  0x4c000000u
#define GIC_PIDR2_VALUE 0x3bu
