/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executes one guest instruction in software, for the exits where the CPU stopped before an access we must
 * make in its place: a nested page fault on a device, or INS/OUTS. Vendor code fills a `struct emulator` from
 * its exit and control block, calls emulate_instruction(), and acts on the result.
 *
 * Invariant: registers change only when the instruction, or one iteration of a REP, is complete. Every page
 * an operand touches is translated and checked before the first device is touched. Locking: none of its own;
 * the vCPU is stopped and owned by the calling CPU, devices lock inside the ops.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/decode.h"
#include "arch/x86/guest_walk.h"
#include "arch/x86/regs.h"

/* Iterations of a REP done in one call: bounds the time spent outside the guest with interrupts waiting. */
#define EMULATE_REP_CHUNK 256u

/*
 * After EMULATE_DONE the caller ends the interrupt shadow; after DONE or REPEAT with RFLAGS.TF set it owes
 * the guest a single-step #DB (a REP then stops after every iteration).
 */
enum emulate_result {
    EMULATE_DONE = 0, /* complete: registers and flags updated, RIP on the next instruction, RF clear */
    EMULATE_REPEAT,   /* part of a REP done and committed; RIP still on the instruction: enter the guest again
                       */
    EMULATE_EXCEPTION, /* inject `exception`; nothing changed but finished REP iterations */
    EMULATE_RETRY,     /* nothing done: guest tables or code changed under us; enter the guest again */
    EMULATE_UNHANDLED, /* an instruction outside the covered set: stop the VM with a record of `bytes`, or #UD
                        */
};

struct emulate_exception {
    uint8_t vector;
    bool has_error_code;
    uint32_t error_code;
    uint64_t cr2; /* for #PF */
};

struct emulator {
    /* In: */
    struct x86_regs *regs;
    const struct x86_cpu_mode *mode;
    const struct guest_access_ops *ops;
    void *ctx;
    const uint64_t *pdptes; /* see struct guest_walk */
    uint8_t phys_bits;
    bool has_1g_pages;
    /*
     * The access that made the CPU exit, if any: the CPU has checked the guest's tables for it, so an operand
     * at the same page offset needs no walk (a write only if the CPU's access was one). Always device memory,
     * never RAM.
     */
    bool fault_valid;
    bool fault_is_write;
    gpa_t fault_gpa;
    /* Instruction bytes delivered by the CPU (SVM decode assists); 0: fetch them from guest memory. */
    uint8_t bytes_count;
    uint8_t bytes[INSN_LENGTH_MAX + 1];
    /* Out: */
    struct insn insn;
    struct emulate_exception exception;
};

/* Fetch (unless delivered), decode and execute the instruction at CS:RIP. */
enum emulate_result emulate_instruction(struct emulator *emu);

/*
 * Fetch and decode only; `emu->insn` then has the length and operands. For exits without a reported next RIP.
 * Gives EMULATE_DONE, EMULATE_EXCEPTION or EMULATE_RETRY; registers are untouched.
 */
enum emulate_result emulate_decode(struct emulator *emu);

/* Step RIP over the decoded instruction as the CPU would: clear RF, wrap at 4 GiB outside 64-bit mode. */
void emulate_advance(struct x86_regs *regs, const struct insn *insn);
