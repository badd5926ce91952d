/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host exceptions and interrupts. An exception is always our own bug and ends in a panic; an interrupt
 * handler only acknowledges and sets cpu->attention; an NMI is counted and handed to host_nmi_arrived().
 */
#pragma once

#include <stdint.h>

#include "lib/bits.h"

/* Interrupt vectors of the host. The upper four bits are the priority. */
enum host_vector {
    HOST_VECTOR_PIC_BASE = 0x20, /* the 8259s, masked: only a spurious IRQ 7 or 15 can come */
    HOST_VECTOR_SERIAL = 0x30,
    HOST_VECTOR_TIMER = 0xe0,
    HOST_VECTOR_POKE = 0xe1, /* only to end a guest's turn */
    HOST_VECTOR_KICK = 0xf0,
    HOST_VECTOR_SPURIOUS = 0xff,
};

/* What trap_entry.S leaves on the stack, lowest address first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Builds the one IDT all CPUs share. Boot CPU, before the first traps_load(). */
void traps_init(void);

/* Loads it on the calling CPU. */
void traps_load(void);

/* From trap_entry.S, interrupts off. */
void trap_handle(struct trap_frame *frame);
