/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers whose third instruction reads the TSC into entry_tsc: ENTRY_OVERHEAD in main.c is the two before
 * it. entry_nmi additionally raises one more NMI from inside while entry_nmi_again is not 0, and notes the TSC
 * in iret_tsc, RETURN_OVERHEAD instructions before the end of its IRETQ.
 */
#define APIC_EOI      0xFEE000B0
#define APIC_ICR_LOW  0xFEE00300
#define ICR_NMI       0x4400

.text
.code64
.macro note where
    movq %rax, saved_rax
    movq %rdx, saved_rdx
    rdtsc
    movl %eax, \where
    movl %edx, \where + 4
.endm
.macro restore
    movq saved_rdx, %rdx
    movq saved_rax, %rax
.endm

.global entry_irq
entry_irq:
    note entry_tsc
    movl $APIC_EOI, %eax
    movl $0, (%rax)
    incl entry_count
    restore
    iretq

.global entry_nmi
entry_nmi:
    note entry_tsc
    incl entry_count
    cmpl $0, entry_nmi_again
    je 1f
    decl entry_nmi_again
    movl $APIC_ICR_LOW, %eax
    movl $ICR_NMI, (%rax)
    rdtsc
    movl %eax, iret_tsc
    movl %edx, iret_tsc + 4
1:  restore
    iretq

.section .bss
.global entry_tsc, entry_count, entry_nmi_again, iret_tsc
.balign 8
entry_tsc: .skip 8
iret_tsc: .skip 8
saved_rax: .skip 8
saved_rdx: .skip 8
entry_count: .skip 4
entry_nmi_again: .skip 4

.section .note.GNU-stack, "", @progbits
