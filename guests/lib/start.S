/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry of our own guests: a Multiboot1 loader jumps here in 32-bit protected mode, paging off, EAX = magic,
 * EBX = information structure. Leaves for guest_start(info) in 64-bit mode with the first 4 GiB mapped one to
 * one in 2 MiB pages, user-accessible, IF=0. The TSC is read by the very first instructions, for benchmarks.
 */
#define HEADER_MAGIC 0x1BADB002
#define HEADER_FLAGS 3 /* page-aligned modules, memory information */
#define PTE_FLAGS    0x07 /* present, writable, user */
#define PTE_LARGE    0x80
#define MSR_EFER     0xC0000080

.section .multiboot, "a"
.balign 4
.long HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)

.text
.code32
.global start
start:
    movl %eax, %ebp
    rdtsc
    movl %eax, boot_tsc
    movl %edx, boot_tsc + 4
    cli
    cld
    movl $boot_stack_end, %esp
    movl %ebx, %esi

    movl $page_pml4, %edi
    movl $page_pdpt + PTE_FLAGS, (%edi)
    movl $page_pdpt, %edi
    movl $page_pd + PTE_FLAGS, %eax
    movl $4, %ecx
1:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 1b
    movl $page_pd, %edi
    movl $PTE_FLAGS + PTE_LARGE, %eax
    movl $2048, %ecx
2:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 2b

    movl $page_pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x20, %eax /* PAE */
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $0x100, %eax /* LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax /* PG, WP, PE */
    andl $0x9FFFFFFF, %eax /* CD, NW off */
    movl %eax, %cr0
    lgdt start_gdtr
    ljmp $8, $start64

.code64
start64:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $boot_stack_end, %esp
    movl %ebp, %edi
    xorl %ebp, %ebp
    call guest_start
3:  cli
    hlt
    jmp 3b

/* Only for the jump above; segments.c loads the real one. */
.section .data
.balign 8
start_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
start_gdtr:
    .word 23
    .long start_gdt

.section .bss
.global page_pml4, page_pdpt, page_pd, boot_stack_end
.balign 4096
page_pml4: .skip 4096
page_pdpt: .skip 4096
page_pd:   .skip 4 * 4096
boot_stack: .skip 32768
boot_stack_end:
.section .data
.global boot_tsc
.balign 8
boot_tsc: .quad 0

.section .note.GNU-stack, "", @progbits
