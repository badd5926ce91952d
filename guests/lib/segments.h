/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GDT and TSS of our guests: flat segments in every width, one that is not present, and a TSS whose
 * interrupt stacks tests may choose.
 */
#pragma once

#include <stdint.h>

#define SEL_CODE64      0x08
#define SEL_DATA        0x10
#define SEL_CODE32      0x18
#define SEL_USER_DATA   (0x20 | 3)
#define SEL_USER_CODE64 (0x28 | 3)
#define SEL_TSS         0x30 /* two slots */
#define SEL_CODE16      0x40 /* base CODE16_BASE: the image, so that its start is within 64 KiB */
#define SEL_DATA16      0x48
#define SEL_ABSENT      0x50 /* data, not present: loading it into SS gives #SS, into DS #NP */
#define SEL_ABSENT_CODE 0x58 /* code, not present: #NP */
#define SEL_USER_CODE32 (0x60 | 3)
#define SEL_END         0x68

#define CODE16_BASE UINT64_C(0x100000)

struct tss64 {
    uint32_t reserved_0x00;
    uint32_t rsp[3][2]; /* low, high: the structure is not aligned to 8 */
    uint32_t reserved_0x1c[2];
    uint32_t ist[7][2];
    uint32_t reserved_0x5c[2];
    uint16_t reserved_0x64;
    uint16_t io_map;
};

/* Loads GDT, segment registers and task register; RSP0 and IST1..3 get stacks of their own. */
void segments_init(void);

/* Loads the GDT on another CPU; the one task register there is stays with the first. */
void segments_load(void);

/* Address for IST slot 1..7; RSP0 by slot 0. */
void segments_set_stack(unsigned int slot, uint64_t top);
uint64_t segments_stack(unsigned int slot);
