/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry points of all 256 host vectors. The CPU has pushed SS, RSP, RFLAGS, CS, RIP and for
 * some exceptions an error code. Builds struct trap_frame and calls
 *     void trap_handle(struct trap_frame *frame);
 * with interrupts off and the direction flag clear. All registers are restored. GS is the host's at all times
 * when a trap can come: world switches keep GIF clear (SVM) or let the CPU load it (VMX).
 */
#include "arch/x86/asm_offsets.h"

    .section .text.trap_entry, "ax"
    .balign 8
    .global trap_stubs
trap_stubs:
    /* Groups of 32 stubs, 4 bytes each, and behind them the way out that they share. */
    .set vector, 0
    .rept 256 / TRAP_STUB_GROUP
0:
    .rept TRAP_STUB_GROUP
    .byte 0x6a, (vector - 128) & 0xff /* push imm8; the entry code adds the 128 */
    .if (vector == 8) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    jmp 2f
    .elseif (vector >= 10) && (vector <= 14)
    jmp 2f
    .else
    jmp 1f
    .endif
    .set vector, vector + 1
    .endr
1:  jmp trap_without_error
2:  jmp trap_with_error
    .org 0b + TRAP_STUB_GROUP_BYTES
    .endr

    .balign 16
trap_without_error:
    push (%rsp)      /* the vector, one slot lower */
    movq $0, 8(%rsp) /* and 0 as its error code */
trap_with_error:
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    subq $-128, TRAP_FRAME_VECTOR(%rsp)
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_handle
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp
    iretq

/*
 * The timer raises attention. Pokes and kicks do no more than interrupt: EOI. A kick's sender has raised
 * attention before; a poke's has set a request.
 */
    .balign 16
    .global trap_timer
    .global trap_poke
trap_timer:
    lock orl $CPU_ATTENTION_TIMER, %gs:CPU_ATTENTION
trap_poke:
    push %rax
    mov host_apic_page(%rip), %rax
    test %rax, %rax
    jz 1f
    movl $0, APIC_EOI_OFFSET(%rax)
    pop %rax
    iretq
1:  push %rcx
    push %rdx
    mov $APIC_EOI_MSR, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    pop %rdx
    pop %rcx
    pop %rax
    iretq
