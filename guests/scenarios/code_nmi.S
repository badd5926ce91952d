/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction sequences of the NMI scenarios. C prototypes: void code_x(void), unless said otherwise; all
 * clobber RAX, RCX, RDX only.
 */
#include "guests/scenarios/places.inc"

.text
.code64
.macro function name
.balign 16
.global \name
\name:
.endm

function code_send_nmi
    send SEND_NMI
place nmi_sent
    nop
    ret

function code_nmi_in_sti_shadow
    movl $APIC_ICR_LOW, %eax
    sti
    movl $SEND_NMI, (%rax)
place sti_over
    nop
place sti_over_nop
    cli
    ret

function code_nmi_in_movss_shadow
    movl $APIC_ICR_LOW, %eax
    movl %ss, %ecx
    movl %ecx, %ss
    movl $SEND_NMI, (%rax)
place movss_over
    nop
    ret

function code_nmi_irq_ud
    movl $APIC_ICR_LOW, %eax
    sti
    movl $SEND_NMI, (%rax)
place three_at_once
    ud2
place after_ud
    cli
    ret

/* Until the handler of what comes moves RIP from spin to spin_over. RFLAGS as they are. */
function code_spin
place spin
    jmp spin
place spin_over
    ret

/* void code_movss_storm(volatile unsigned int *counter, unsigned int until) */
function code_movss_storm
    movl %ss, %ecx
1:  movl %ecx, %ss
place storm_shadow
    nop
place storm_after
    cmpl %esi, (%rdi)
    jb 1b
    ret

/*
 * unsigned int code_movss_flags_storm(volatile unsigned int *counter, unsigned int until): instructions that store RFLAGS,
 * each in a shadow. Returns how often PUSHF found TF set.
 */
function code_movss_flags_storm
    movl %ss, %ecx
    xorl %edx, %edx
1:  movl %ecx, %ss
    pushfq
    popq %rax
    shrl $8, %eax
    andl $1, %eax
    addl %eax, %edx
    movl %ecx, %ss
    pushfq
    popq %rax
    shrl $8, %eax
    andl $1, %eax
    addl %eax, %edx
    movl %ecx, %ss
    int $0x70
place storm_after_int
    movl %ecx, %ss
    int3
place storm_after_int3
    cmpl %esi, (%rdi)
    jb 1b
    movl %edx, %eax
    ret

function code_halt
    hlt
place after_hlt
    ret

function code_sti_halt
    sti
    hlt
place after_sti_hlt
    cli
    ret

/* void code_copy(void *to, const void *from, uint64_t size) */
function code_copy
    movq %rdx, %rcx
place rep_movsb
    rep movsb
place rep_done
    ret

function code_breakpoint
    int3
place after_int3
    nop
    ret

function code_invalid
place invalid
    ud2
place after_invalid
    nop
    ret

/* XSETBV of a register that does not exist: #GP, and always the hypervisor's business. The handler skips it. */
function code_bad_xsetbv
    movl $5, %ecx
    xorl %eax, %eax
    xorl %edx, %edx
place bad_xsetbv
    xsetbv
place after_bad_xsetbv
    nop
    ret

/* IRETQ to the next instruction with everything unchanged. */
function code_iret_here
    movq %rsp, %rax
    movl %ss, %ecx
    pushq %rcx
    pushq %rax
    pushfq
    movl %cs, %ecx
    pushq %rcx
    pushq $iret_here
    iretq
place iret_here
    nop
    ret

.section .note.GNU-stack, "", @progbits
