/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A secondary CPU on its way from the start-up IPI to
 *     _Noreturn void host_ap_main(struct x86_cpu *cpu);
 * The first part is copied to a page below 1 MiB and runs there in real mode (CS = that page, IP = 0); it jumps
 * into the image at once. The boot page tables serve until 64-bit mode is reached, then the final ones.
 * `ap_slot` holds the struct x86_cpu of the CPU being started; whoever finds it empty halts for good.
 */
#include "arch/x86/asm_offsets.h"
#include "boot/x86/layout.h"

#define MSR_EFER  0xc0000080
#define EFER_BOOT ((1 << 8) | (1 << 11)) /* LME, NXE */
#define CR0_PE    1
#define CR0_BOOT  0x80010033 /* PG, WP, NE, ET, MP, PE; caches on */
#define CR4_BOOT  (1 << 5)   /* PAE */

    .section .rodata.ap_trampoline, "a"
    .code16
    .global ap_trampoline
    .global ap_trampoline_end
ap_trampoline:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    lgdtl ap_gdt_pointer - ap_trampoline
    mov %cr0, %eax
    or $CR0_PE, %al
    mov %eax, %cr0
    ljmpl $BOOT_CS32, $ap_entry32
    .balign 4
ap_gdt_pointer:
    .short BOOT_GDT_SIZE - 1
    .long boot_gdt
ap_trampoline_end:

    .section .boot32, "ax"
    .code32
ap_entry32:
    mov $BOOT_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
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
    ljmp $BOOT_CS64, $ap_entry64

    .code64
ap_entry64:
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov ap_root, %rcx
    mov %rcx, %cr3
    xchg %rax, ap_slot
    test %rax, %rax
    jz 1f
    lea (CPU_AREA_STACK_TOP - CPU_AREA_CPU)(%rax), %rsp
    mov %rax, %rdi
    xor %ebp, %ebp /* the backtrace ends here */
    call host_ap_main
1:  cli
    hlt
    jmp 1b

    .section .bss.ap_slot, "aw", @nobits
    .balign 8
    .global ap_slot
ap_slot:
    .skip 8
    .global ap_root
ap_root:
    .skip 8
