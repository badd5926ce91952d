/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of further CPUs, several at once if need be: smp_start() copies ap_begin..ap_end to AP_PAGE, where SIPI makes
 * the CPU begin in real mode. Ends in ap_entry(APIC ID) (C) with the first CPU's page tables and IDT, the guest's GDT, and
 * a stack of its own.
 */
#define AP_PAGE      0x9000
#define AT(label)    (AP_PAGE + label - ap_begin)
#define MSR_EFER     0xC0000080
#define STACK_SHIFT  14
#define STACKS       8 /* SMP_CPUS_MAX */

.text
.code16
.global ap_begin, ap_end
.balign 16
ap_begin:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl AT(ap_gdtr)
    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $page_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax
    andl $0x9FFFFFFF, %eax
    movl %eax, %cr0
    ljmpl $8, $AT(ap_64)
.code64
ap_64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $1, %eax
    cpuid
    shrl $24, %ebx
    movl %ebx, %edi
    shll $STACK_SHIFT, %ebx
    leal ap_stacks(%rbx), %esp
    xorl %ebp, %ebp
    movq $ap_entry, %rax
    call *%rax
1:  cli
    hlt
    jmp 1b
.balign 8
ap_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
ap_gdtr:
    .word 23
    .long AT(ap_gdt)
ap_end:

.section .bss
.balign 16
ap_stacks: .skip (STACKS - 1) << STACK_SHIFT /* CPU n's ends at n * size: the first CPU has another */
    .skip 16

.section .note.GNU-stack, "", @progbits
