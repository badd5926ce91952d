/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header of an arm64 Image ("Booting AArch64 Linux"), by which QEMU, U-Boot and others load it, and the
 * way from the loader to C.
 *
 * boot_entry: in: x0 = device tree blob; MMU off, interrupts masked, the image clean to the point of
 * coherency. Calls, with the MMU still off, on the boot CPU's stack, relocated and with bss zeroed:
 *     _Noreturn void arm64_boot_main(uint64_t dtb, uint64_t entry_state);
 * entry_state: bits 3:2 are the exception level; bit 34 says that HCR_EL2.E2H cannot be cleared.
 */
#include "arch/arm64/asm_offsets.h"
#include "boot/arm64/layout.h"

#define IMAGE_FLAGS (1 << 3 | 1 << 1) /* anywhere in memory, 4 KiB pages, little-endian */

    .section .boot_header, "ax"
    .global boot_header
boot_header:
    b boot_entry
    .long 0
    .quad 0          /* text_offset: any multiple of 2 MiB */
    .quad image_size /* bss included */
    .quad IMAGE_FLAGS
    .quad 0
    .quad 0
    .quad 0
    .ascii "ARM\x64"
    .long 0

    .section .text.boot, "ax"
    .global boot_entry
boot_entry:
    msr daifset, #15
    msr spsel, #1
    mov x19, x0
    mrs x20, CurrentEL
    cmp x20, #(2 << 2)
    b.ne 1f
    mov x1, #HCR_HOST
    msr hcr_el2, x1
    isb
    mrs x1, hcr_el2
    and x1, x1, #(1 << HCR_E2H_BIT)
    orr x20, x20, x1
    ldr w1, =SCTLR_EL2_OFF
    msr sctlr_el2, x1
    isb
1:
    /* Every address in the image's data is the linked one: add how far it was moved. */
    adrp x1, boot_header
    ldr x2, =IMAGE_BASE
    sub x3, x1, x2
    adrp x4, relocs_start
    add x4, x4, :lo12:relocs_start
    adrp x5, relocs_end
    add x5, x5, :lo12:relocs_end
2:
    cmp x4, x5
    b.hs 3f
    ldrh w6, [x4], #2 /* distance from the last one in words of 8 bytes */
    add x1, x1, x6, lsl #3
    ldr x7, [x1]
    add x7, x7, x3
    str x7, [x1]
    b 2b
3:
    adrp x1, bss_start
    adrp x2, bss_end
4:
    cmp x1, x2
    b.hs 5f
    stp xzr, xzr, [x1], #16
    b 4b
5:
    adrp x1, boot_cpu_area
    add x1, x1, #CPU_AREA_STACK_TOP
    mov sp, x1
    mov x29, xzr
    mov x30, xzr
    mov x0, x19
    mov x1, x20
    b arm64_boot_main
    .ltorg
