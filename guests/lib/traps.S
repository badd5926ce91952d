/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One stub per vector. Each completes the frame of struct trap_frame (guests/lib/trap.h) and calls
 * trap_handle(frame) on the stack that the CPU chose, then returns by IRETQ with whatever the handler left in
 * the frame. `trap_iretq` names that IRETQ, so that a test can tell where it is.
 */
.altmacro
.text
.code64
.macro stub vector
.balign 16
    .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
.endm

.balign 16
.global trap_stubs
trap_stubs:
.set vector, 0
.rept 256
    stub %vector
    .set vector, vector + 1
.endr
.noaltmacro

trap_common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    cld
    call trap_handle
    movq %rbx, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    jmp *trap_exit
.global trap_iretq
trap_iretq:
    iretq

/* Where handlers leave: a test may put in another way of returning, for one time or more. */
.section .data
.global trap_exit
.balign 8
trap_exit: .quad trap_iretq

.section .note.GNU-stack, "", @progbits
