/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First instructions of an arm64 guest program: an arm64 Image header, so that it loads as such and also as a
 * raw binary entered at byte 0. Entry: EL1, MMU off, x0 = device tree. Runs wherever it was put: the
 * relocations that the linker left are applied first.
 *
 *   void smp_entry(stack top)      where PSCI CPU_ON starts the other CPUs, x0 = context ID
 */
#define STACK_SIZE 16384

    .section .head, "ax"
    .global _start
_start:
    b start
    .word 0
    .quad 0                         /* text_offset */
    .quad image_end - _start        /* image_size: with bss */
    .quad 0xa                       /* little endian, 4 KiB pages, anywhere */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .word 0

start:
    mov x19, x0
    adrp x20, _start                /* page-aligned by the linker script */
    adrp x1, rela_start
    add x1, x1, :lo12:rela_start
    adrp x2, rela_end
    add x2, x2, :lo12:rela_end
1:  cmp x1, x2
    b.hs 2f
    ldp x3, x4, [x1]                /* place, kind: only R_AARCH64_RELATIVE occurs */
    ldr x5, [x1, #16]               /* address as linked */
    add x5, x5, x20
    str x5, [x20, x3]
    add x1, x1, #24
    b 1b
2:  adrp x1, bss_start
    add x1, x1, :lo12:bss_start
    adrp x2, bss_end
    add x2, x2, :lo12:bss_end
3:  cmp x1, x2
    b.hs 4f
    str xzr, [x1], #8
    b 3b
4:  adrp x1, boot_stack
    add x1, x1, :lo12:boot_stack
    mov x2, #STACK_SIZE
    add sp, x1, x2
    bl trap_load
    mov x0, x19
    bl guest_start

    .text
    .global smp_entry
smp_entry:
    mov sp, x0
    bl trap_load
    bl smp_main

/* void trap_load(void): this CPU's vectors. */
    .global trap_load
trap_load:
    adrp x9, vectors
    add x9, x9, :lo12:vectors
    msr vbar_el1, x9
    isb
    ret

/*
 * Vectors. What comes from the current level with its own stack, and what EL0 does itself, is saved as struct trap_frame and handed to
 * trap_irq(), trap_sync() or trap_serror(); anything else ends in trap_unexpected().
 */
    .macro save
    sub sp, sp, #272
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    mrs x1, elr_el1
    stp x30, x1, [sp, #240]
    mrs x1, spsr_el1
    str x1, [sp, #256]
    mov x0, sp
    .endm

    .macro vector handler
    .balign 128
    save
    bl \handler
    b restore
    .endm

    .balign 2048
vectors:
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_sync
    vector trap_irq
    vector trap_unexpected
    vector trap_serror
    vector trap_sync
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected
    vector trap_unexpected

    .balign 128
restore:
    ldr x1, [sp, #256]
    msr spsr_el1, x1
    ldp x30, x1, [sp, #240]
    msr elr_el1, x1
    ldp x28, x29, [sp, #224]
    ldp x26, x27, [sp, #208]
    ldp x24, x25, [sp, #192]
    ldp x22, x23, [sp, #176]
    ldp x20, x21, [sp, #160]
    ldp x18, x19, [sp, #144]
    ldp x16, x17, [sp, #128]
    ldp x14, x15, [sp, #112]
    ldp x12, x13, [sp, #96]
    ldp x10, x11, [sp, #80]
    ldp x8, x9, [sp, #64]
    ldp x6, x7, [sp, #48]
    ldp x4, x5, [sp, #32]
    ldp x2, x3, [sp, #16]
    ldp x0, x1, [sp, #0]
    add sp, sp, #272
    eret

    .section .bss.stack, "aw", %nobits
    .balign 4096
boot_stack:
    .skip STACK_SIZE
