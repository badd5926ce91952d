/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction sequences of the interrupt and debug scenarios; rules as in code_nmi.S. */
#include "guests/scenarios/places.inc"
#define VECTOR_LOW  0x40
#define VECTOR_HIGH 0x60
#define APIC_TPR    0xFEE00080

.text
.code64
.macro function name
.balign 16
.global \name
\name:
.endm

function code_sti_nop
    sti
place sti_shadow
    nop
place sti_irq_due
    nop
    cli
    ret

function code_sti_cli
    sti
place sti_cli_shadow
    cli
place sti_cli_over
    nop
    ret

function code_popf
    pushfq
    orl $0x200, (%rsp)
    popfq
place popf_done
    nop
    cli
    ret

function code_irq_in_movss_shadow
    sti
    movl $APIC_ICR_LOW, %eax
    movl %ss, %ecx
    movl %ecx, %ss
    movl $SEND_IRQ(VECTOR_LOW), (%rax)
place irq_movss_over
    nop
    cli
    ret

function code_sti_ud
    sti
place sti_ud
    ud2
place after_sti_ud
    nop
    cli
    ret

function code_send_irq
    sti
    nop
    send SEND_IRQ(VECTOR_LOW)
place irq_sent
    nop
    cli
    ret

/* TPR was raised above both vectors by the caller. */
function code_lower_cr8
    sti
    nop
place cr8_above
    movl $5, %ecx
    movq %rcx, %cr8
place cr8_between
    nop
    xorl %ecx, %ecx
    movq %rcx, %cr8
place cr8_below
    nop
    cli
    ret

function code_lower_tpr
    movl $APIC_TPR, %eax
    sti
    nop
place tpr_above
    movl $0x50, (%rax)
place tpr_between
    nop
    movl $0, (%rax)
place tpr_below
    nop
    cli
    ret

/* TF is turned on by POPF: the trap comes after each following instruction until the handler clears it. */
.macro step_on
    pushfq
    orl $0x100, (%rsp)
    popfq
.endm

function code_step
    step_on
    nop
place step_1
    nop
place step_2
    ret

function code_step_cpuid
    pushq %rbx
    xorl %eax, %eax
    xorl %ecx, %ecx
    step_on
    cpuid
place step_cpuid
    popq %rbx
    ret

function code_step_port
    step_on
    inb $0x61, %al
place step_port
    ret

function code_step_mmio
    movl $APIC_TPR, %eax
    step_on
    movl (%rax), %ecx
place step_mmio
    ret

function code_step_send_nmi
    movl $APIC_ICR_LOW, %eax
    step_on
    movl $SEND_NMI, (%rax)
place step_nmi_sent
    nop
place step_nmi_next
    ret

/* uint64_t code_pushf_after_nmi(void): RFLAGS as pushed by the instruction that the NMI returned to. */
function code_pushf_after_nmi
    send SEND_NMI
place pushf_target
    pushfq
place pushf_next
    popq %rax
    ret

/* The same with POPFQ as the instruction returned to. */
function code_popf_after_nmi
    pushfq
    send SEND_NMI
place popf_target
    popfq
place popf_next
    pushfq
    popq %rax
    ret

function code_int_after_nmi
    send SEND_NMI
place int_target
    int3
place int_next
    nop
    ret

function code_nmi_then_break
    send SEND_NMI
place break_target
    nop
place break_next
    nop
    ret

function code_step_after_nmi
    send SEND_NMI
place step_target
    nop
place step_target_next
    nop
place step_target_last
    ret

.section .note.GNU-stack, "", @progbits
