/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code that runs in other modes and at CPL 3 (entered by run_mode(), ended by INT 0x80), and ways for a handler
 * to return other than IRETQ. An exit_ path is entered through trap_exit with RSP at the CPU's 64-bit frame,
 * and puts trap_exit back.
 */
#include "guests/scenarios/places.inc"
#define SEL_CODE32  0x18
#define SEL_CODE16  0x40
#define SEL_USER_DATA 0x23
#define CODE16_BASE 0x100000

.text
.code64
/* void mode_enter(cs, ss, entry, rflags); mode_return: INT 0x80's handler returns here with mode_saved_rsp. */
.global mode_enter, mode_return
mode_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, mode_saved_rsp
    pushq %rsi
    pushq $mode_stack_end
    pushq %rcx
    pushq %rdi
    pushq %rdx
    iretq
mode_return:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

.balign 16
.global code_user64, code_user32, code_compat, code_16
code_user64:
    send SEND_NMI
place user64_sent
    nop
    int $0x80

.code32
.balign 16
code_user32:
    movl $SEL_USER_DATA, %eax /* IRET to CPL 3 emptied DS */
    movl %eax, %ds
    movl $SEND_NMI, APIC_ICR_LOW
place user32_sent
    nop
    int $0x80

.balign 16
code_compat:
    movl $SEND_NMI, APIC_ICR_LOW
place compat_sent
    nop
place compat_next
    nop
    int $0x80

.code16
.balign 16
code_16:
    movl $APIC_ICR_LOW - CODE16_BASE, %eax
    movw $0x10, %dx
    movw %dx, %es
    movl $APIC_ICR_LOW, %eax
    movl $SEND_NMI, %es:(%eax)
place code16_sent
    nop
place code16_next
    nop
    int $0x80

.code64
/* IRETD in 64-bit mode: five doublewords. */
.balign 16
.global exit_iretd
exit_iretd:
    movq $trap_iretq, trap_exit
    movq %rax, keep_rax
    movl 0(%rsp), %eax
    movl %eax, narrow_frame
    movl 8(%rsp), %eax
    movl %eax, narrow_frame + 4
    movl 16(%rsp), %eax
    movl %eax, narrow_frame + 8
    movl 24(%rsp), %eax
    movl %eax, narrow_frame + 12
    movl 32(%rsp), %eax
    movl %eax, narrow_frame + 16
    movq keep_rax, %rax
    movq $narrow_frame, %rsp
place iretd_in_64
    iretl

/* Loads rip, cs, rflags, rsp of the frame into RAX, RBX, RCX, RDX, old values kept. */
.macro take_frame
    movq $trap_iretq, trap_exit
    movq %rax, keep_rax
    movq %rbx, keep_rbx
    movq %rcx, keep_rcx
    movq %rdx, keep_rdx
    movq 0(%rsp), %rax
    movq 8(%rsp), %rbx
    movq 16(%rsp), %rcx
    movq 24(%rsp), %rdx
.endm
.macro give_back
    movq keep_rax, %rax
    movq keep_rbx, %rbx
    movq keep_rcx, %rcx
    movq keep_rdx, %rdx
.endm

/* IRETD executed in compatibility mode; the interrupted code is in compatibility mode at CPL 0. */
.balign 16
.global exit_compat, exit_16
exit_compat:
    take_frame
    movl %eax, -12(%rdx)
    movl %ebx, -8(%rdx)
    movl %ecx, -4(%rdx)
    movq $iretd_in_compat, -28(%rdx)
    movq $SEL_CODE32, -20(%rdx)
    leaq -28(%rdx), %rsp
    give_back
    lretq
.code32
place iretd_in_compat
    iretl

/* IRET with 16-bit operands in a 16-bit segment; the interrupted code is in the same segment. */
.code64
.balign 16
exit_16:
    take_frame
    movw %ax, -6(%rdx)
    movw %bx, -4(%rdx)
    movw %cx, -2(%rdx)
    movq $iretw_in_16 - CODE16_BASE, -22(%rdx)
    movq $SEL_CODE16, -14(%rdx)
    leaq -22(%rdx), %rsp
    give_back
    lretq
.code16
place iretw_in_16
    iretw

/* The page under the frame is not present any more when IRETQ pops it. */
.code64
.balign 16
.global exit_unmapped
exit_unmapped:
    movq $trap_iretq, trap_exit
    movq %rax, keep_rax
    movq unmap_entry, %rax
    movq $0, (%rax)
    invlpg (%rsp)
    movq keep_rax, %rax
place iret_unmapped
    iretq

/* Single-step trap armed by the handler itself: IRETQ is the instruction that is stepped. */
.balign 16
.global exit_stepped
exit_stepped:
    movq $trap_iretq, trap_exit
    pushfq
    orl $0x100, (%rsp)
    popfq
place iret_stepped
    iretq

.section .bss
.balign 16
.global mode_saved_rsp, unmap_entry
mode_saved_rsp: .skip 8
unmap_entry: .skip 8
keep_rax: .skip 8
keep_rbx: .skip 8
keep_rcx: .skip 8
keep_rdx: .skip 8
narrow_frame: .skip 32
    .skip 4096
mode_stack_end: .skip 16

.section .note.GNU-stack, "", @progbits
