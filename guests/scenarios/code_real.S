/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs in real mode. code_real() copies the part between real_begin and real_end to REAL_BASE, leaves long mode for
 * real mode, sends itself an NMI whose handler sends another, and comes back. FS keeps its 4 GiB limit from
 * protected mode, to reach the APIC.
 *
 * unsigned int code_real(uint16_t ips[2]): NMIs taken; where the first two interrupted, less REAL_SENT's offset.
 */
#define REAL_BASE    0x8000
#define REAL_STACK   0x7000
#define AT(label)    (REAL_BASE + label - real_begin)
#define APIC_ICR_LOW 0xFEE00300
#define SEND_NMI     0x4400
#define MSR_EFER     0xC0000080
#define EFER_LME     0x100
#define CR0_PE       0x1
#define CR0_PG       0x80000000
#define R_CODE64     0x08
#define R_DATA       0x10
#define R_CODE32     0x18
#define R_CODE16     0x20

.text
.code64
.balign 16
.global code_real
code_real:
    pushq %rbx
    pushq %rbp
    pushq %rdi
    movq $real_begin, %rsi
    movl $REAL_BASE, %edi
    movl $real_end - real_begin, %ecx
    rep movsb
    sgdt real_old_gdt
    sidt real_old_idt
    movl 8, %ebx /* vector 2 of the real-mode table */
    movl $AT(real_nmi), 8
    movq %rsp, real_rsp
    lgdt AT(real_gdtr)
    pushq $R_CODE32
    pushq $AT(real_down)
    lretq
real_back:
    movq real_rsp, %rsp
    lgdt real_old_gdt
    lidt real_old_idt
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %ebx, 8
    popq %rdi
    movl AT(real_ips), %eax
    movl %eax, (%rdi)
    movzwl AT(real_count), %eax
    popq %rbp
    popq %rbx
    ret

.balign 16
real_begin:
.code32
real_down:
    movl $R_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %cr0, %eax
    andl $~CR0_PG, %eax
    movl %eax, %cr0
    movl $MSR_EFER, %ecx
    rdmsr
    andl $~EFER_LME, %eax
    wrmsr
    lidt AT(real_idtr)
    ljmp $R_CODE16, $AT(real_16)
.code16
real_16:
    movl %cr0, %eax
    andl $~CR0_PE, %eax
    movl %eax, %cr0
    ljmp $0, $AT(real_mode)
real_mode:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $REAL_STACK, %esp                  /* all of it: SS may still be a 32-bit stack */
    movl $APIC_ICR_LOW, %esi
    movl $SEND_NMI, %fs:(%esi)
real_sent:
    nop
    nop
    movl %cr0, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl $R_CODE32, $AT(real_up)

/* Only AX, DI and flags change, which the code above does not need. */
real_nmi:
    movw %sp, %di
    movw (%di), %ax
    subw $AT(real_sent), %ax
    movw AT(real_count), %di
    cmpw $2, %di
    jae 1f
    addw %di, %di
    movw %ax, AT(real_ips)(%di)
1:  incw AT(real_count)
    cmpw $1, AT(real_count)
    jne 2f
    movl $SEND_NMI, %fs:(%esi)
2:  iretw

.code32
real_up:
    movl $R_DATA, %eax
    movl %eax, %ds
    movl %eax, %ss
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PG, %eax
    movl %eax, %cr0
    ljmp $R_CODE64, $AT(real_up64)
.code64
real_up64:
    movq $real_back, %rax
    jmp *%rax

.balign 8
real_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
    .quad 0x00CF9B000000FFFF
    .quad 0x00009B000000FFFF
real_gdtr:
    .word 39
    .quad AT(real_gdt)
real_idtr:
    .word 0x3ff
    .quad 0
.balign 4
real_ips: .word 0xffff, 0xffff
real_count: .word 0
real_end:

.section .bss
.balign 8
real_rsp: .skip 8
real_old_gdt: .skip 10
real_old_idt: .skip 10

.section .note.GNU-stack, "", @progbits
