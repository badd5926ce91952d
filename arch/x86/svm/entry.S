/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void svm_enter_loop(struct x86_switch *sw)
 * void svm_enter_loop_guarded(struct x86_switch *sw)
 *
 * The world switch. In: RDI = sw, host IF 0, GIF 0, stack aligned as C demands. Out: GIF 1. Clobbers what a C
 * function may. The guest's general registers are in sw->regs except RAX, RSP, which the VMCB holds and
 * svm_turn() copies. VMRUN saves the host's RSP, RIP, RAX, RFLAGS, segments and control registers in the host save
 * area; VMSAVE/VMLOAD exchange the rest (FS, GS, TR, LDTR, SYSCALL and SYSENTER registers).
 *
 * The guarded one also does what mitigations_entry_flags asks for; the other is for CPUs that need nothing.
 *
 * Host IF is 1 around VMRUN so that a physical interrupt ends the guest (V_INTR_MASKING); GIF 0 holds it meanwhile.
 */
#include "arch/x86/speculation.inc"
#include "arch/x86/svm/offsets.h"

.macro enter_loop name, guarded
.global \name
.type \name, @function
\name:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi                               /* (%rsp): sw, also after VMRUN; the stack is 16-aligned here */
    mov SVM_VMCB_PA(%rdi), %rax

.Lenter\@:
    mov SVM_GPR(1)(%rdi), %rcx
    mov SVM_GPR(2)(%rdi), %rdx
    mov SVM_GPR(3)(%rdi), %rbx
    mov SVM_GPR(5)(%rdi), %rbp
    mov SVM_GPR(6)(%rdi), %rsi
    mov SVM_GPR(8)(%rdi), %r8
    mov SVM_GPR(9)(%rdi), %r9
    mov SVM_GPR(10)(%rdi), %r10
    mov SVM_GPR(11)(%rdi), %r11
    mov SVM_GPR(12)(%rdi), %r12
    mov SVM_GPR(13)(%rdi), %r13
    mov SVM_GPR(14)(%rdi), %r14
    mov SVM_GPR(15)(%rdi), %r15
    mov SVM_GPR(7)(%rdi), %rdi
.if \guarded
    testl $MITIGATE_BUFFERS, mitigations_entry_flags
    jz .Lbuffers\@
    clear_cpu_buffers
.Lbuffers\@:
.endif
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax

    mov (%rsp), %rax
    mov %rdi, SVM_GPR(7)(%rax)
    mov %rax, %rdi
    mov SVM_HOST_VMCB_PA(%rdi), %rax
    vmload %rax
    cli
    stgi

    mov %rcx, SVM_GPR(1)(%rdi)
    mov %rdx, SVM_GPR(2)(%rdi)
    mov %rbx, SVM_GPR(3)(%rdi)
    mov %rbp, SVM_GPR(5)(%rdi)
    mov %rsi, SVM_GPR(6)(%rdi)
    mov %r8, SVM_GPR(8)(%rdi)
    mov %r9, SVM_GPR(9)(%rdi)
    mov %r10, SVM_GPR(10)(%rdi)
    mov %r11, SVM_GPR(11)(%rdi)
    mov %r12, SVM_GPR(12)(%rdi)
    mov %r13, SVM_GPR(13)(%rdi)
    mov %r14, SVM_GPR(14)(%rdi)
    mov %r15, SVM_GPR(15)(%rdi)

    /* Nothing of the guest reaches C in a register. */
    xor %ecx, %ecx
    xor %edx, %edx
    xor %ebx, %ebx
    xor %esi, %esi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    lea SVM_FRAME(%rsp), %rbp               /* our frame again: backtraces pass through */
.if \guarded
    testl $MITIGATE_RETURNS, mitigations_entry_flags
    jz .Lreturns\@
    refill_return_stack %ecx
.Lreturns\@:
    xor %ecx, %ecx
.endif

    call svm_turn
    mov (%rsp), %rdi
    test %rax, %rax
    jnz .Lenter\@

    pop %rdi
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.size \name, . - \name
.endm

.text
enter_loop svm_enter_loop, 0
enter_loop svm_enter_loop_guarded, 1
