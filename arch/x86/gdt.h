/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each CPU's GDT and TSS. Only 64-bit kernel segments; the TSS gives NMI, double fault and machine check
 * stacks of their own (AMD APM volume 2, "Interrupt-Stack Table").
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

#define GDT_CS      0x08
#define GDT_DS      0x10
#define GDT_TSS     0x20 /* two entries */
#define GDT_ENTRIES 6

enum gdt_ist {
    GDT_IST_NONE,
    GDT_IST_NMI,
    GDT_IST_DF,
    GDT_IST_MC,
};

struct tss {
    uint32_t reserved_0x00;
    uint64_t rsp[3];
    uint64_t reserved_0x1c;
    uint64_t ist[7]; /* ist[n - 1] is IST n */
    uint64_t reserved_0x5c;
    uint16_t reserved_0x64;
    uint16_t io_map; /* offset of the I/O permission map; beyond the limit: none */
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "TSS");
_Static_assert(__builtin_offsetof(struct tss, ist) == 0x24, "TSS IST 1");

struct x86_cpu;

/* Fills the CPU's tables. Stack tops come from its area. */
void gdt_init(struct x86_cpu *cpu);

/* Loads them on the calling CPU, which `cpu` must describe; the selectors loaded before stay valid. */
void gdt_load(struct x86_cpu *cpu);

/* Marks the TSS descriptor available again and loads it; VM exits on Intel leave its limit changed. */
void gdt_reload_tss(struct x86_cpu *cpu);
