/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of an exception that Latch itself took: what, where, all registers, the calls that led there.
 */
#include "arch/arm64/traps.h"

#include "arch/arm64/asm_offsets.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/panic.h"

_Static_assert(__builtin_offsetof(struct trap_frame, sp) == TRAP_FRAME_SP, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, elr) == TRAP_FRAME_ELR, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, spsr) == TRAP_FRAME_SPSR, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, esr) == TRAP_FRAME_ESR, "trap frame");
_Static_assert(__builtin_offsetof(struct trap_frame, far) == TRAP_FRAME_FAR, "trap frame");
_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME_SIZE, "trap frame");

#define KIND_SYNC   0 /* of a slot's lower two bits */
#define KIND_SERROR 3

/* ESR_EL2.EC: the classes that EL2 can take from itself. */
enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_FP = 0x07,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SYSTEM_REGISTER = 0x18,
    EC_SVE = 0x19,
    EC_PAUTH = 0x1c,
    EC_INSTRUCTION_ABORT = 0x21,
    EC_PC_ALIGNMENT = 0x22,
    EC_DATA_ABORT = 0x25,
    EC_SP_ALIGNMENT = 0x26,
    EC_SERROR = 0x2f,
    EC_BREAKPOINT = 0x31,
    EC_STEP = 0x33,
    EC_WATCHPOINT = 0x35,
    EC_BRK = 0x3c,
};

static const char *class_name(uint64_t class)
{
    switch (class) {
    case EC_UNKNOWN:
        return "undefined instruction";
    case EC_FP:
        return "FP or SIMD register used";
    case EC_ILLEGAL_STATE:
        return "illegal execution state";
    case EC_SYSTEM_REGISTER:
        return "system register access";
    case EC_SVE:
        return "SVE used";
    case EC_PAUTH:
        return "pointer authentication failed";
    case EC_INSTRUCTION_ABORT:
        return "instruction abort";
    case EC_PC_ALIGNMENT:
        return "PC alignment";
    case EC_DATA_ABORT:
        return "data abort";
    case EC_SP_ALIGNMENT:
        return "SP alignment";
    case EC_SERROR:
        return "SError";
    case EC_BREAKPOINT:
        return "breakpoint";
    case EC_STEP:
        return "single step";
    case EC_WATCHPOINT:
        return "watchpoint";
    case EC_BRK:
        return "BRK instruction";
    default:
        return "reserved";
    }
}

/* Fault status code of an abort; the lower two bits are the table level where that has a meaning. */
static const char *fault_name(uint64_t status)
{
    switch (status >> 2) {
    case 0:
        return "address size fault, level";
    case 1:
        return "translation fault, level";
    case 2:
        return "access flag fault, level";
    case 3:
        return "permission fault, level";
    case 5:
        return "external abort on a table walk, level";
    default:
        break;
    }
    switch (status) {
    case 0x10:
        return "external abort";
    case 0x11:
        return "tag check fault";
    case 0x18:
        return "parity or ECC error";
    case 0x21:
        return "alignment fault";
    case 0x30:
        return "TLB conflict";
    default:
        return "other fault";
    }
}

static void print_cause(const struct trap_frame *f, uint64_t slot)
{
    static const char *const kinds[] = {"", "unexpected IRQ", "unexpected FIQ", "SError"};
    uint64_t class = field_get(f->esr, ESR_EC);
    uint64_t status = field_get(f->esr, ISS_DFSC);
    bool abort = class == EC_DATA_ABORT || class == EC_INSTRUCTION_ABORT;

    if ((slot & 3) != KIND_SYNC)
        panic_line("PANIC host exception %s at %016lx esr %08lx", kinds[slot & 3], f->elr, f->esr);
    else
        panic_line("PANIC host exception %s at %016lx esr %08lx far %016lx", class_name(class), f->elr,
                   f->esr, f->far);
    panic_context();
    if ((slot & 3) != KIND_SYNC || !abort)
        return;
    panic_line("%s %lu, on a %s", fault_name(status), status & 3,
               class == EC_INSTRUCTION_ABORT ? "fetch"
               : (f->esr & ISS_WNR) != 0     ? "write"
                                             : "read");
}

static void print_registers(const struct trap_frame *f, uint64_t slot)
{
    static const char *const from[] = {"EL2 with SP_EL0", "EL2", "EL1 or EL0", "AArch32"};

    panic_line("from %s, spsr %08lx sp %016lx sctlr %08lx hcr %016lx", from[slot >> 2 & 3], f->spsr, f->sp,
               SYSREG_READ(sctlr_el2), SYSREG_READ(hcr_el2));
    for (uint32_t i = 0; i < 28; i += 4)
        panic_line("x%-2u %016lx x%-2u %016lx x%-2u %016lx x%-2u %016lx", i, f->x[i], i + 1, f->x[i + 1],
                   i + 2, f->x[i + 2], i + 3, f->x[i + 3]);
    panic_line("x28 %016lx x29 %016lx x30 %016lx", f->x[28], f->x[29], f->x[30]);
}

void trap_handle(const struct trap_frame *frame, uint64_t slot)
{
    panic_begin();
    print_cause(frame, slot);
    print_registers(frame, slot);
    panic_backtrace(frame->elr, frame->x[29]);
    panic_end();
}
