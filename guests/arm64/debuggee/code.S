/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the debuggee steps through, watches and runs into; main.c has the vectors' handlers.
 *
 *   void step_block(uint64_t value)     at EL1: BRK #1 begins, each instruction is stepped, BRK #2 ends
 *   void break_block(volatile uint64_t *word)   at EL1: an instruction for breakpoints, a store for watchpoints
 *   void el0_block(uint64_t spsr)       from EL1: to EL0 by ERET, and back by SVC #4
 *   void undefined_here(void)           an instruction that does not exist
 */
    .text
    .global step_block, step_first
step_block:
    mov x1, x0
    brk #1
step_first:
    nop
    mrs x9, daif
    msr dbgbvr1_el1, x1
    svc #3
    mrs x9, dbgbvr1_el1
    mov w0, #0x84000000 /* PSCI_VERSION */
    hvc #0
    cbz xzr, 1f
    nop
1:  nop
    brk #2
    ret

    .global undefined_here
undefined_here:
    udf #0
    ret

    .global break_block, break_here, store_here
break_block:
    mov x1, #1
break_here:
    add x1, x1, #1
store_here:
    str x1, [x0]
    ret

    .global el0_block, el0_first, el0_break, el0_back
el0_block:
    adr x9, el0_first
    msr elr_el1, x9
    msr spsr_el1, x0
    isb
    eret
el0_first:
    mov x10, #5
el0_break:
    sub x10, x10, #1
    nop
    svc #4
el0_back:
    ret
