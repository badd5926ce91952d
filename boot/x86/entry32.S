/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot_entry32: where a multiboot2 loader jumps. 32-bit protected mode, paging off, interrupts off, EAX the
 * loader's magic, EBX the information structure. Checks what 64-bit mode needs, maps the first 4 GiB on
 * itself with temporary page tables, and calls
 *     _Noreturn void x86_boot_main(uint64_t multiboot2_info);
 * on the boot CPU's final stack. What is missing is said in one line on COM1 and on the VGA text screen.
 */
#include "boot/x86/layout.h"
#include "arch/x86/asm_offsets.h"

#define CPUID_EXT_MAX   0x80000000
#define CPUID_EXT_BASE  0x80000001
#define CPUID_NX_BIT    20
#define CPUID_LM_BIT    29
#define EFLAGS_ID       (1 << 21)
#define MSR_EFER        0xc0000080
#define EFER_BOOT       ((1 << 8) | (1 << 11)) /* LME, NXE */
#define CR0_BOOT        0x80010033             /* PG, WP, NE, ET, MP, PE */
#define CR4_BOOT        (1 << 5)               /* PAE */
#define PTE_TABLE       3                      /* present, writable */
#define PTE_LARGE       0x83
#define COM1            0x3f8
#define VGA_TEXT        0xb8000
#define VGA_ATTRIBUTE   0x4f

    .section .boot32, "ax"
    .code32
    .global boot_entry32
boot_entry32:
    cld
    cli
    mov %eax, %ecx
    rdtsc
    mov %eax, boot_entry_tsc
    mov %edx, boot_entry_tsc + 4
    mov %ecx, %eax
    mov $early_stack_top, %esp
    mov $text_magic, %esi
    cmp $MULTIBOOT2_LOADER_MAGIC, %eax
    jne fail
    mov %ebx, %ebp

    mov $text_cpuid, %esi
    pushfl
    pop %eax
    mov %eax, %ecx
    xor $EFLAGS_ID, %eax
    push %eax
    popfl
    pushfl
    pop %eax
    cmp %ecx, %eax
    je fail
    mov $text_long_mode, %esi
    mov $CPUID_EXT_MAX, %eax
    cpuid
    cmp $CPUID_EXT_BASE, %eax
    jb fail
    mov $CPUID_EXT_BASE, %eax
    cpuid
    bt $CPUID_LM_BIT, %edx
    jnc fail
    mov $text_nx, %esi
    bt $CPUID_NX_BIT, %edx
    jnc fail

    /* One PML4, one PDPT, four directories of 2 MiB pages. */
    mov $boot_pdpt + PTE_TABLE, %eax
    mov %eax, boot_pml4
    mov $boot_pd + PTE_TABLE, %eax
    mov $boot_pdpt, %edi
    mov $BOOT_MAP_GIB, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b
    mov $PTE_LARGE, %eax
    mov $boot_pd, %edi
    mov $(BOOT_MAP_GIB * 512), %ecx
2:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 2b

    mov $CR4_BOOT, %eax
    mov %eax, %cr4
    mov $boot_pml4, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_BOOT, %eax
    wrmsr
    mov $CR0_BOOT, %eax
    mov %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $BOOT_CS64, $boot_entry64

/* ESI: text. Says it and stops for good. */
fail:
    mov $VGA_TEXT, %edi
    mov $VGA_ATTRIBUTE, %ah
    push %eax
    mov $uart_setup, %ebx
3:  mov (%ebx), %dl
    test %dl, %dl
    jz 4f
    movzbl %dl, %edx
    add $(COM1 - 1), %edx
    mov 1(%ebx), %al
    out %al, %dx
    add $2, %ebx
    jmp 3b
4:  pop %eax
5:  lodsb
    test %al, %al
    jz 7f
    mov $0x10000, %ecx /* a port without a UART behind it must not hold us for ever */
6:  mov $(COM1 + 5), %edx
    push %eax
    in %dx, %al
    test $0x20, %al
    pop %eax
    loopz 6b
    mov $COM1, %edx
    out %al, %dx
    stosw
    jmp 5b
7:  hlt
    jmp 7b

    .code64
boot_entry64:
    mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $(boot_cpu_area + CPU_AREA_STACK_TOP), %rsp
    mov %ebp, %edi
    xor %ebp, %ebp /* the backtrace ends here */
    call x86_boot_main
8:  hlt
    jmp 8b

    .section .rodata.boot, "a"
/* UART register + 1, value: 115200 8N1, FIFO on. */
uart_setup:
    .byte 2, 0x00, 4, 0x80, 1, 0x01, 2, 0x00, 4, 0x03, 3, 0x07, 5, 0x03, 0
text_magic:
    .asciz "latch: PANIC not started by a multiboot2 loader (use GRUB's `multiboot2` command)\r\n"
text_cpuid:
    .asciz "latch: PANIC this CPU has no CPUID instruction\r\n"
text_long_mode:
    .asciz "latch: PANIC this CPU has no 64-bit mode\r\n"
text_nx:
    .asciz "latch: PANIC this CPU has no NX page protection, or the firmware disabled it\r\n"
    .balign 8
    .global boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* BOOT_CS64 */
    .quad 0x00cf93000000ffff /* BOOT_DS */
    .quad 0x00cf9b000000ffff /* BOOT_CS32 */
boot_gdt_pointer:
    .short BOOT_GDT_SIZE - 1
    .long boot_gdt
    .long 0

    .section .bss.boot, "aw", @nobits
    .balign 8
    .global boot_entry_tsc
boot_entry_tsc:
    .skip 8

    .section .bss.pages, "aw", @nobits
    .balign 4096
    .global boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4096 * BOOT_MAP_GIB
early_stack:
    .skip 256
early_stack_top:
    .balign 4096
