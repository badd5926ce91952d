/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch. System registers, FP and timers are the guest's for as long as its vCPU is the current one
 * of a CPU; here only general registers, PC and PSTATE change sides.
 *
 * void guest_run(struct arm64_switch *sw);
 *     In: x0. Interrupts masked, the vCPU loaded on this CPU and ready to enter. Enters the guest again and
 *     again, and returns when guest_turn() gives none. Clobbers what a C function may.
 *
 * guest_vector_*: reached from the vectors of EL2 with the guest's registers in place, interrupts masked, SP
 *     as guest_run left it. They save the guest's registers, clear what it left in ours, and call
 *     struct arm64_switch *guest_turn(struct arm64_switch *sw, uint64_t vector, uint64_t traced).
 */
#include "arch/arm64/guest_switch.h"

#define FRAME_SIZE 112
#define FRAME_SW   96

    .section .text.hot.guest_entry, "ax"
    .global guest_run
guest_run:
    stp x29, x30, [sp, #-FRAME_SIZE]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    str x0, [sp, #FRAME_SW]
enter:
    ldp x2, x3, [x0, #SWITCH_PC]
    msr elr_el2, x2
    msr spsr_el2, x3
    ldp x2, x3, [x0, #SWITCH_X(2)]
    ldp x4, x5, [x0, #SWITCH_X(4)]
    ldp x6, x7, [x0, #SWITCH_X(6)]
    ldp x8, x9, [x0, #SWITCH_X(8)]
    ldp x10, x11, [x0, #SWITCH_X(10)]
    ldp x12, x13, [x0, #SWITCH_X(12)]
    ldp x14, x15, [x0, #SWITCH_X(14)]
    ldp x16, x17, [x0, #SWITCH_X(16)]
    ldp x18, x19, [x0, #SWITCH_X(18)]
    ldp x20, x21, [x0, #SWITCH_X(20)]
    ldp x22, x23, [x0, #SWITCH_X(22)]
    ldp x24, x25, [x0, #SWITCH_X(24)]
    ldp x26, x27, [x0, #SWITCH_X(26)]
    ldp x28, x29, [x0, #SWITCH_X(28)]
    ldr x30, [x0, #SWITCH_X(30)]
    ldp x0, x1, [x0, #SWITCH_X(0)]
    eret
    /* Nothing behind it runs ahead of the exception return. */
    dsb nsh
    isb

    .macro exit_vector name, number
    .global \name
\name:
    stp x0, x1, [sp, #-16]!
    mov x1, #\number
    b guest_leave
    .endm

    exit_vector guest_vector_irq, GUEST_VECTOR_IRQ
    exit_vector guest_vector_fiq, GUEST_VECTOR_FIQ
    exit_vector guest_vector_serror, GUEST_VECTOR_SERROR
    exit_vector guest_vector_sync, GUEST_VECTOR_SYNC
guest_leave:
    ldr x0, [sp, #(16 + FRAME_SW)]
    stp x2, x3, [x0, #SWITCH_X(2)]
    stp x4, x5, [x0, #SWITCH_X(4)]
    stp x6, x7, [x0, #SWITCH_X(6)]
    stp x8, x9, [x0, #SWITCH_X(8)]
    stp x10, x11, [x0, #SWITCH_X(10)]
    stp x12, x13, [x0, #SWITCH_X(12)]
    stp x14, x15, [x0, #SWITCH_X(14)]
    stp x16, x17, [x0, #SWITCH_X(16)]
    stp x18, x19, [x0, #SWITCH_X(18)]
    stp x20, x21, [x0, #SWITCH_X(20)]
    stp x22, x23, [x0, #SWITCH_X(22)]
    stp x24, x25, [x0, #SWITCH_X(24)]
    stp x26, x27, [x0, #SWITCH_X(26)]
    stp x28, x29, [x0, #SWITCH_X(28)]
    str x30, [x0, #SWITCH_X(30)]
    ldp x2, x3, [sp], #16
    stp x2, x3, [x0, #SWITCH_X(0)]
    mrs x2, elr_el2
    mrs x3, spsr_el2
    stp x2, x3, [x0, #SWITCH_PC]
    mov x29, sp /* guest_run's frame record, for backtraces */
    ldp x2, x3, [x0, #SWITCH_TRACE]
    ldp x4, x5, [x0, #SWITCH_ZEROS]
    ldp x6, x7, [x0, #SWITCH_ZEROS]
    ldp x8, x9, [x0, #SWITCH_ZEROS]
    ldp x10, x11, [x0, #SWITCH_ZEROS]
    ldp x12, x13, [x0, #SWITCH_ZEROS]
    ldp x14, x15, [x0, #SWITCH_ZEROS]
    ldp x16, x17, [x0, #SWITCH_ZEROS]
    ldp x18, x19, [x0, #SWITCH_ZEROS]
    ldp x20, x21, [x0, #SWITCH_ZEROS]
    ldp x22, x23, [x0, #SWITCH_ZEROS]
    ldp x24, x25, [x0, #SWITCH_ZEROS]
    ldp x26, x27, [x0, #SWITCH_ZEROS]
    ldr x28, [x0, #SWITCH_ZEROS]
    bl guest_turn
    cbnz x0, enter
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp x29, x30, [sp], #FRAME_SIZE
    ret

    .macro fpsimd_each insn
    \insn q0, q1, [x0, #0]
    \insn q2, q3, [x0, #32]
    \insn q4, q5, [x0, #64]
    \insn q6, q7, [x0, #96]
    \insn q8, q9, [x0, #128]
    \insn q10, q11, [x0, #160]
    \insn q12, q13, [x0, #192]
    \insn q14, q15, [x0, #224]
    \insn q16, q17, [x0, #256]
    \insn q18, q19, [x0, #288]
    \insn q20, q21, [x0, #320]
    \insn q22, q23, [x0, #352]
    \insn q24, q25, [x0, #384]
    \insn q26, q27, [x0, #416]
    \insn q28, q29, [x0, #448]
    \insn q30, q31, [x0, #480]
    .endm

    /* void fpsimd_save(struct arm64_fpsimd *to); clobbers x0 to x2. */
    .section .text.fpsimd, "ax"
    .global fpsimd_save
fpsimd_save:
    fpsimd_each stp
    mrs x1, fpcr
    mrs x2, fpsr
    add x0, x0, #FPSIMD_FPCR
    stp x1, x2, [x0]
    ret

    /* void fpsimd_load(const struct arm64_fpsimd *from); clobbers x0 to x2. */
    .global fpsimd_load
fpsimd_load:
    fpsimd_each ldp
    add x0, x0, #FPSIMD_FPCR
    ldp x1, x2, [x0]
    msr fpcr, x1
    msr fpsr, x2
    ret
