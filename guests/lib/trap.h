/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IDT of our guests. Every vector leads to trap_handle(), which the guest program defines: it looks at
 * the frame, may change it, and returns to what it says.
 */
#pragma once

#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector;
    uint64_t error; /* 0 for vectors that have none */
    uint64_t rip, cs, rflags, rsp, ss;
};

struct idt_gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type; /* 0x8E: interrupt gate, DPL 0 */
    uint16_t offset_mid;
    uint32_t offset_high;
    uint32_t reserved_0x0c;
};

#define GATE_INTERRUPT      0x8E
#define GATE_INTERRUPT_USER 0xEE

extern struct idt_gate idt[256]; /* page-aligned: tests move or unmap its page */

/* Where the common return path's IRETQ stands. */
extern const char trap_iretq[];

/* Code that handlers leave by, with RSP at the CPU's frame and all registers restored; trap_iretq unless a
 * test changes it. */
extern uintptr_t trap_exit;

/* Defined by the guest program. Runs with interrupts off, on the stack that the CPU chose. */
void trap_handle(struct trap_frame *frame);

/* Fills all 256 gates with the stubs and loads the IDT. */
void trap_init(void);
void trap_load(void);

/* Replaces one gate: `entry` is code to be entered as the CPU enters it; ist 0 = none. */
void trap_set_gate(uint8_t vector, uintptr_t entry, uint8_t ist, uint8_t type);
/* Back to the stub, on the given interrupt stack. */
void trap_reset_gate(uint8_t vector, uint8_t ist, uint8_t type);

/* Prints the frame and ends the guest with exit code 255: for traps that the program does not expect. */
_Noreturn void trap_unexpected(const struct trap_frame *frame);
