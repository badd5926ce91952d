/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers and commands of an interrupt translation service. Arm GIC architecture specification (IHI 0069),
 * "The ITS register map", "ITS commands". For the guest's ITS and the host's.
 */
#pragma once

#include "lib/bits.h"

#define GITS_CTLR       0x0000u
#define GITS_IIDR       0x0004u
#define GITS_TYPER      0x0008u
#define GITS_CBASER     0x0080u
#define GITS_CWRITER    0x0088u
#define GITS_CREADR     0x0090u
#define GITS_BASER      0x0100u /* eight of 8 bytes */
#define GITS_BASER_END  0x0140u
#define GITS_TRANSLATER 0x10040u

#define GITS_CTLR_ENABLED   BIT(0)
#define GITS_CTLR_NUMBER    FIELD(7, 4) /* GICv4: this ITS in lists of them */
#define GITS_CTLR_QUIESCENT BIT(31)

#define GITS_TYPER_PHYSICAL    BIT(0)
#define GITS_TYPER_VIRTUAL     BIT(1)
#define GITS_TYPER_ITT_SIZE    FIELD(7, 4) /* bytes of an entry - 1 */
#define GITS_TYPER_EVENT_BITS  FIELD(12, 8)
#define GITS_TYPER_DEVICE_BITS FIELD(17, 13)
#define GITS_TYPER_PTA         BIT(19) /* RDbase is an address, else a processor number */
#define GITS_TYPER_HCC         FIELD(31, 24)
#define GITS_TYPER_VMOVP       BIT(37) /* one ITS is told of a VMOVP, else each */

#define GITS_CBASER_VALID   BIT(63)
#define GITS_CBASER_ADDRESS FIELD(51, 12)
#define GITS_CBASER_PAGES   FIELD(7, 0) /* of 4 KiB, - 1 */
#define GITS_CBASER_BITS    (FIELD(63, 63) | FIELD(61, 59) | FIELD(55, 53) | FIELD(51, 10) | FIELD(7, 0))
#define GITS_QUEUE_OFFSET   FIELD(19, 5)
#define GITS_CREADR_STALLED BIT(0)

#define GITS_BASER_TYPE        FIELD(58, 56)
#define GITS_BASER_ENTRY_SIZE  FIELD(52, 48)
#define GITS_BASER_WRITABLE    (BIT(63) | FIELD(61, 59) | FIELD(55, 53) | FIELD(47, 0))
#define GITS_BASER_VALID       BIT(63)
#define GITS_BASER_PAGE_SIZE   FIELD(9, 8) /* 4, 16, 64 KiB */
#define GITS_BASER_PAGES       FIELD(7, 0) /* - 1 */
#define GITS_BASER_ADDRESS     FIELD(47, 12)
#define GITS_BASER_DEVICES     1
#define GITS_BASER_VPES        2
#define GITS_BASER_COLLECTIONS 4

/* Memory attributes in GITS_CBASER and GITS_BASER. */
#define GITS_INNER_CACHE  FIELD(61, 59)
#define GITS_SHAREABILITY FIELD(11, 10)

#define ITS_COMMAND_SIZE 32

#define ITS_CMD_MOVI    0x01
#define ITS_CMD_INT     0x03
#define ITS_CMD_CLEAR   0x04
#define ITS_CMD_SYNC    0x05
#define ITS_CMD_MAPD    0x08
#define ITS_CMD_MAPC    0x09
#define ITS_CMD_MAPTI   0x0a
#define ITS_CMD_MAPI    0x0b
#define ITS_CMD_INV     0x0c
#define ITS_CMD_INVALL  0x0d
#define ITS_CMD_MOVALL  0x0e
#define ITS_CMD_DISCARD 0x0f
/* GICv4 */
#define ITS_CMD_VMOVI   0x21
#define ITS_CMD_VMOVP   0x22
#define ITS_CMD_VSYNC   0x25
#define ITS_CMD_VMAPP   0x29
#define ITS_CMD_VMAPTI  0x2a
#define ITS_CMD_VINVALL 0x2d

/* Fields; the number is that of the doubleword. */
#define ITS_0_COMMAND    FIELD(7, 0)
#define ITS_0_DEVICE     FIELD(63, 32)
#define ITS_1_EVENT      FIELD(31, 0)
#define ITS_1_INTID      FIELD(63, 32)
#define ITS_1_SIZE       FIELD(4, 0) /* MAPD: event bits - 1 */
#define ITS_2_COLLECTION FIELD(15, 0)
#define ITS_2_RDBASE     FIELD(50, 16)
#define ITS_2_VALID      BIT(63)
#define ITS_2_ITT        FIELD(51, 8) /* MAPD: address of the table of its events */
/* GICv4 */
#define ITS_0_SEQUENCE FIELD(47, 32) /* VMOVP, without GITS_TYPER.VMOVP */
#define ITS_1_ITS_LIST FIELD(15, 0)
#define ITS_1_VPE      FIELD(47, 32)
#define ITS_2_VINTID   FIELD(31, 0)
#define ITS_2_DOORBELL FIELD(63, 32)
#define ITS_2_D        BIT(0)        /* VMOVI: the doorbell changes too */
#define ITS_3_VPT      FIELD(51, 16) /* VMAPP: virtual pending table */
#define ITS_3_VPT_SIZE FIELD(4, 0)   /* bits of a virtual INTID - 1 */
