/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void vmx_enter_loop(struct x86_switch *sw, uint64_t how)
 *
 * The world switch. In: RDI = sw, RSI = VMX_ENTER_LAUNCH or _RESUME, the vCPU's VMCS current, host IF 0, stack
 * aligned as C demands. Out: as in. Clobbers what a C function may. The guest's general registers are in
 * sw->regs except RSP, RIP and RFLAGS, which the VMCS holds. The CPU saves nothing of the host: everything it
 * loads at the exit stands in the VMCS, RSP written here.
 *
 * An NMI may come up to the very entry; it sets attention. Before vmx_entry_critical the test sees that; from
 * there on vmx_host_nmi() moves the return address to vmx_entry_again.
 *
 * What a guest leaves in the return predictor: between an exit and the next entry each RET follows its own CALL, so none of
 * the guest's entries is reached. Only the RET out of here has none, and gets a refilled predictor.
 */
#include "arch/x86/speculation.inc"
#include "arch/x86/vmx/offsets.h"

/* Nothing of the guest reaches C in a register; our frame again, so that backtraces pass through. */
.macro scrub
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
    lea VMX_FRAME(%rsp), %rbp
.endm

.text
.global vmx_enter_loop
.type vmx_enter_loop, @function
vmx_enter_loop:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi                               /* (%rsp): sw, also after an exit; the stack is 16-aligned here */
    mov $VMX_FIELD_HOST_RSP, %eax
    vmwrite %rsp, %rax
    jbe .Lfailed

.Lenter:
    testl $MITIGATE_BUFFERS, mitigations_entry_flags
    jnz .Lbuffers
.Lload:
    cmp $VMX_ENTER_LAUNCH, %rsi             /* MOV leaves the flags alone */
    mov VMX_GPR(0)(%rdi), %rax
    mov VMX_GPR(1)(%rdi), %rcx
    mov VMX_GPR(2)(%rdi), %rdx
    mov VMX_GPR(3)(%rdi), %rbx
    mov VMX_GPR(5)(%rdi), %rbp
    mov VMX_GPR(6)(%rdi), %rsi
    mov VMX_GPR(8)(%rdi), %r8
    mov VMX_GPR(9)(%rdi), %r9
    mov VMX_GPR(10)(%rdi), %r10
    mov VMX_GPR(11)(%rdi), %r11
    mov VMX_GPR(12)(%rdi), %r12
    mov VMX_GPR(13)(%rdi), %r13
    mov VMX_GPR(14)(%rdi), %r14
    mov VMX_GPR(15)(%rdi), %r15
    mov VMX_GPR(7)(%rdi), %rdi
    je .Llaunch

.global vmx_entry_critical
vmx_entry_critical:
    cmpl $0, %gs:VMX_CPU_ATTENTION
    jne vmx_entry_again
    vmresume
    jmp .Lfailed
.Llaunch:
    cmpl $0, %gs:VMX_CPU_ATTENTION
    jne vmx_entry_again
    vmlaunch
.global vmx_entry_critical_end
vmx_entry_critical_end:

.Lfailed:
    mov (%rsp), %rdi
    scrub
    call vmx_entry_failed                   /* the VM ends, or Latch */
    jmp .Lcalled

/* The guest was not entered: sw->regs is what it was. */
.global vmx_entry_again
vmx_entry_again:
    mov (%rsp), %rdi
    scrub
    call vmx_again
    jmp .Lcalled

.global vmx_exit
vmx_exit:
    push %rdi
    mov 8(%rsp), %rdi
    pop VMX_GPR(7)(%rdi)
    mov %rax, VMX_GPR(0)(%rdi)
    mov %rcx, VMX_GPR(1)(%rdi)
    mov %rdx, VMX_GPR(2)(%rdi)
    mov %rbx, VMX_GPR(3)(%rdi)
    mov %rbp, VMX_GPR(5)(%rdi)
    mov %rsi, VMX_GPR(6)(%rdi)
    mov %r8, VMX_GPR(8)(%rdi)
    mov %r9, VMX_GPR(9)(%rdi)
    mov %r10, VMX_GPR(10)(%rdi)
    mov %r11, VMX_GPR(11)(%rdi)
    mov %r12, VMX_GPR(12)(%rdi)
    mov %r13, VMX_GPR(13)(%rdi)
    mov %r14, VMX_GPR(14)(%rdi)
    mov %r15, VMX_GPR(15)(%rdi)
    scrub
    testl $MITIGATE_RETURNS, mitigations_entry_flags
    jnz .Lreturns
.Lturn:
    call vmx_turn
.Lcalled:
    mov (%rsp), %rdi
    mov %rax, %rsi
    test %rax, %rax
    jnz .Lenter

    /* The first RET since the exit without a CALL of its own; the fence holds back one that runs ahead. */
    testl $MITIGATE_RETURNS, mitigations_entry_flags
    jz .Lleave
    refill_return_stack %ecx
.Lleave:
    lfence
    pop %rdi
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

.Lbuffers:                                  /* what is loaded after this is the guest's own */
    clear_cpu_buffers
    jmp .Lload

.Lreturns:
    retire_one_call
    jmp .Lturn
.size vmx_enter_loop, . - vmx_enter_loop
