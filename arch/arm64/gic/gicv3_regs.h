/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of GICv3 and GICv4 as the host uses them (Arm IHI 0069, "Programmers' Model"), in the manual's
 * order.
 */
#pragma once

#include "lib/bits.h"

/* Distributor */
#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ICENABLER  0x0180
#define GICD_ISENABLER  0x0100
#define GICD_ICPENDR    0x0280
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000 /* 8 bytes for each INTID from 0 */
#define GICD_PIDR2      0xffe8

#define GICD_CTLR_GRP1   BIT(0) /* as a CPU without Secure state's access sees it when there are two */
#define GICD_CTLR_GRP1A  BIT(1) /* group 1; in a GIC with one Security state EnableGrp1 */
#define GICD_CTLR_ARE    BIT(4)
#define GICD_CTLR_RWP    BIT(31)
#define GICD_TYPER_LINES FIELD(4, 0)
#define GICD_TYPER_LPIS  BIT(17)
#define PIDR2_ARCHREV    FIELD(7, 4)

/* Redistributor, first frame */
#define GICR_CTLR      0x0000
#define GICR_TYPER     0x0008
#define GICR_WAKER     0x0014
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_PIDR2     0xffe8

#define GICR_CTLR_ENABLE_LPIS BIT(0)
#define GICR_CTLR_RWP         BIT(3)
#define GICR_TYPER_PLPIS      BIT(0)
#define GICR_TYPER_VLPIS      BIT(1)
#define GICR_TYPER_LAST       BIT(4)
#define GICR_TYPER_RVPEID     BIT(7)
#define GICR_TYPER_NUMBER     FIELD(23, 8)
#define GICR_TYPER_AFFINITY   FIELD(63, 32)
#define GICR_WAKER_SLEEP      BIT(1)
#define GICR_WAKER_CHILDSLEEP BIT(2)

/* Redistributor, second frame */
#define GICR_IGROUPR0   0x0080
#define GICR_ISENABLER0 0x0100
#define GICR_ICENABLER0 0x0180
#define GICR_ICPENDR0   0x0280
#define GICR_ISACTIVER0 0x0300
#define GICR_ICACTIVER0 0x0380
#define GICR_IPRIORITYR 0x0400
#define GICR_ICFGR1     0x0c04

/* Redistributor, third frame (GICv4, not 4.1) */
#define GICR_VPROPBASER 0x0070
#define GICR_VPENDBASER 0x0078

/* GICR_PROPBASER, GICR_PENDBASER and those of virtual LPIs: memory attributes; number of INTID bits - 1. */
#define GICR_BASER_INNER_CACHE  FIELD(9, 7)
#define GICR_BASER_SHAREABILITY FIELD(11, 10)
#define GICR_PROPBASER_ID_BITS  FIELD(4, 0)
#define GICR_PENDBASER_PTZ      BIT(62) /* the table is zero */

#define GICR_VPENDBASER_VALID        BIT(63)
#define GICR_VPENDBASER_IDAI         BIT(62) /* what the redistributor keeps in the table for itself is not valid */
#define GICR_VPENDBASER_PENDING_LAST BIT(61)
#define GICR_VPENDBASER_DIRTY        BIT(60)

/* Memory attributes of tables, in each of these registers. */
#define GIC_CACHE_NONE       1 /* normal, not cacheable */
#define GIC_CACHE_WRITE_BACK 7
#define GIC_SHAREABLE_INNER  1

/* Configuration of an LPI: a byte of the property table. */
#define LPI_ENABLE   BIT(0)
#define LPI_PRIORITY FIELD(7, 2)

/* CPU interface */
#define ICC_SRE_EL2_SRE    BIT(0)
#define ICC_SRE_EL2_DFB    BIT(1)
#define ICC_SRE_EL2_DIB    BIT(2)
#define ICC_SRE_EL2_ENABLE BIT(3)
#define ICC_CTLR_EOIMODE   BIT(1)
#define ICC_IAR_INTID      FIELD(23, 0)
#define ICC_SGI1R_TARGETS  FIELD(15, 0)
#define ICC_SGI1R_AFF1     FIELD(23, 16)
#define ICC_SGI1R_INTID    FIELD(27, 24)
#define ICC_SGI1R_AFF2     FIELD(39, 32)
#define ICC_SGI1R_IRM      BIT(40) /* all but oneself */
#define ICC_SGI1R_RS       FIELD(47, 44)
#define ICC_SGI1R_AFF3     FIELD(55, 48)

/* Encodings, for assemblers of any age. */
#define ICC_PMR_EL1     S3_0_C4_C6_0
#define ICC_DIR_EL1     S3_0_C12_C11_1
#define ICC_SGI1R_EL1   S3_0_C12_C11_5
#define ICC_IAR1_EL1    S3_0_C12_C12_0
#define ICC_EOIR1_EL1   S3_0_C12_C12_1
#define ICC_BPR1_EL1    S3_0_C12_C12_3
#define ICC_CTLR_EL1    S3_0_C12_C12_4
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_SRE_EL2     S3_4_C12_C9_5
