/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything in a virtual CPU's registers when it begins: after reset, after a start-up IPI, or where a
 * loaded kernel expects to be entered. Filled by the loaders, read by the vendor back ends.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/regs.h"

enum x86_start_mode {
    X86_START_REAL,   /* as hardware comes out of reset */
    X86_START_FLAT32, /* protected mode, paging off, flat segments */
    X86_START_LONG64, /* 64-bit mode, paging through cr3 */
};

struct x86_table_reg {
    uint64_t base;
    uint16_t limit;
};

struct x86_start_state {
    enum x86_start_mode mode;
    struct x86_regs regs; /* rip is the offset in CS, rflags has IF clear */
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer; /* without the bits that a vendor needs for itself */
    struct x86_seg segs[X86_SREGS];
    struct x86_seg ldtr;
    struct x86_seg tr;
    struct x86_table_reg gdt;
    struct x86_table_reg idt;
    const char *format; /* of the kernel file, for people; NULL if none was recognised */
};

/* Segment attributes beside those of regs.h. */
#define X86_SEG_TYPE_DATA_RW 0x3 /* read, write, accessed */
#define X86_SEG_TYPE_CODE_RX 0xb /* execute, read, accessed */
#define X86_SEG_TYPE_LDT     0x2 /* system segment */
#define X86_SEG_TYPE_TSS     0xb /* system segment: busy 32- or 64-bit TSS */

#define X86_RESET_CS_BASE UINT64_C(0xffff0000)
#define X86_RESET_CS      0xf000
#define X86_RESET_IP      0xfff0

/* Selectors in the flat table that loaded kernels start with; Linux's boot protocol fixes both. */
#define X86_START_CS          0x10
#define X86_START_DS          0x18
#define X86_START_GDT_ENTRIES 4

/* Power-on state of the boot CPU: real mode at the reset vector (Intel SDM vol. 3, "Processor State After
 * Reset"). */
void start_state_reset(struct x86_start_state *state);

/* As reset, but beginning at page `vector` of the first MiB (start-up IPI). */
void start_state_sipi(struct x86_start_state *state, uint8_t vector);

/* Flat 32-bit protected mode at `entry`, no descriptor tables set. */
void start_state_flat32(struct x86_start_state *state, uint32_t entry);

/* 64-bit mode at `entry` with page tables at `cr3`, no descriptor tables set. */
void start_state_long64(struct x86_start_state *state, uint64_t entry, uint64_t cr3);

/* The GDT that matches the segments in `state`: CS at X86_START_CS, DS at X86_START_DS. */
void start_state_make_gdt(const struct x86_start_state *state, uint64_t gdt[X86_START_GDT_ENTRIES]);
