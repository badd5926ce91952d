/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vectors of EL2. Each slot is 128 bytes. The host's own exceptions build struct trap_frame and call
 *     _Noreturn void trap_handle(const struct trap_frame *frame, uint64_t slot);
 * with all interrupts masked. Slots 8 to 11 are exits of a guest: guest_vector_* take them, with all of the
 * guest's registers still in place and SP on the CPU's stack where the entry left it.
 *
 * An overflown stack has no room for the frame. Its guard page differs from the stack in bit CPU_STACK_BIT of
 * the address, which is tested without a register to spare: sp + x0 carries both. Then the panic stack takes
 * over; TPIDR_EL0 and TPIDRRO_EL0 are a guest's, but no guest will run again.
 */
#include "arch/arm64/asm_offsets.h"

    .macro host_vector slot
    .balign 128
    sub sp, sp, #TRAP_FRAME_SIZE
    add sp, sp, x0
    sub x0, sp, x0
    tbz x0, #CPU_STACK_BIT, 1f
    sub x0, sp, x0
    sub sp, sp, x0
    stp x0, x1, [sp]
    add x0, sp, #TRAP_FRAME_SIZE
    b 2f
1:
    msr tpidr_el0, x0
    sub x0, sp, x0
    msr tpidrro_el0, x0
    mrs x0, tpidr_el2
    sub x0, x0, #(CPU_AREA_CPU - CPU_AREA_PANIC_TOP)
    sub x0, x0, #TRAP_FRAME_SIZE
    mov sp, x0
    mrs x0, tpidrro_el0
    stp x0, x1, [sp]
    mrs x0, tpidr_el0
    add x0, x0, #TRAP_FRAME_SIZE
2:
    mov x1, #\slot
    b host_exception
    .endm

    .macro guest_slot name
    .balign 128
    b \name
    .endm

    .section .text.vectors, "ax"
    .balign 2048
    .global trap_vectors
trap_vectors:
    host_vector 0 /* with SP_EL0, which Latch never uses */
    host_vector 1
    host_vector 2
    host_vector 3
    host_vector 4
    host_vector 5
    host_vector 6
    host_vector 7
    guest_slot guest_vector_sync
    guest_slot guest_vector_irq
    guest_slot guest_vector_fiq
    guest_slot guest_vector_serror
    host_vector 12 /* from AArch32, which no guest has */
    host_vector 13
    host_vector 14
    host_vector 15
    .balign 128

    /* x0: SP before the exception, x1: slot; both are saved at [sp] */
host_exception:
    stp x2, x3, [sp, #0x10]
    stp x4, x5, [sp, #0x20]
    stp x6, x7, [sp, #0x30]
    stp x8, x9, [sp, #0x40]
    stp x10, x11, [sp, #0x50]
    stp x12, x13, [sp, #0x60]
    stp x14, x15, [sp, #0x70]
    stp x16, x17, [sp, #0x80]
    stp x18, x19, [sp, #0x90]
    stp x20, x21, [sp, #0xa0]
    stp x22, x23, [sp, #0xb0]
    stp x24, x25, [sp, #0xc0]
    stp x26, x27, [sp, #0xd0]
    stp x28, x29, [sp, #0xe0]
    stp x30, x0, [sp, #0xf0]
    mrs x2, elr_el2
    mrs x3, spsr_el2
    stp x2, x3, [sp, #TRAP_FRAME_ELR]
    mrs x2, esr_el2
    mrs x3, far_el2
    stp x2, x3, [sp, #TRAP_FRAME_ESR]
    mov x0, sp
    bl trap_handle
    b .
