/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turning the MMU of EL2 on, on the boot CPU and on the others; and where PSCI starts those.
 */
#include "arch/arm64/asm_offsets.h"

    /* Loads struct host_map_registers at x9; clobbers x9 to x13. The MMU is off. */
    .macro mmu_on
    ldp x10, x11, [x9]
    ldp x12, x13, [x9, #16]
    msr mair_el2, x10
    msr tcr_el2, x11
    msr ttbr0_el2, x12
    isb
    tlbi alle2
    ic iallu
    dsb nsh
    isb
    msr sctlr_el2, x13
    isb
    .endm

    .section .text.host_entry, "ax"
    /*
     * void host_map_enable(const struct host_map_registers *registers, uint64_t start, uint64_t end);
     * All that was written so far went past the caches, so a line that holds any of [start, end) is older
     * than memory: invalidate, never clean. No line can come in before the MMU is on. Clobbers x0 to x4, x9
     * to x13.
     */
    .global host_map_enable
host_map_enable:
    mov x9, x0
    mrs x3, ctr_el0
    ubfx x3, x3, #16, #4
    mov x4, #4
    lsl x3, x4, x3 /* bytes of the smallest data cache line */
    dsb sy
1:
    dc ivac, x1
    add x1, x1, x3
    cmp x1, x2
    b.lo 1b
    dsb sy
    mmu_on
    ret

    /*
     * PSCI's CPU_ON comes here at EL2 with the MMU off; in: x0 = the CPU's struct arm64_cpu, prepared and
     * cleaned to memory by the boot CPU. Does not return from
     *     _Noreturn void host_secondary_main(struct arm64_cpu *cpu);
     */
    .global host_secondary_entry
host_secondary_entry:
    msr daifset, #15
    msr spsel, #1
    mov x1, #HCR_HOST
    msr hcr_el2, x1
    ldr w1, =SCTLR_EL2_OFF
    msr sctlr_el2, x1
    isb
    adrp x9, host_map_registers
    add x9, x9, :lo12:host_map_registers
    mmu_on
    sub x1, x0, #(CPU_AREA_CPU - CPU_AREA_STACK_TOP)
    mov sp, x1
    mov x29, xzr
    mov x30, xzr
    b host_secondary_main
    .ltorg
