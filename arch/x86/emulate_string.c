/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String instructions, repeated or not. Each iteration is prepared, executed and committed (rSI, rDI, rCX,
 * flags) by itself; a fault keeps the finished ones, and RIP stays on the instruction until the count is used
 * up.
 */
#include "arch/x86/emulate_alu.h"
#include "arch/x86/emulate_operand.h"
#include "lib/bits.h"

struct string_state {
    struct operand source;
    struct operand destination;
    uint32_t size;  /* of one element */
    uint32_t width; /* address size */
};

static bool reads_source(enum insn_op op)
{
    return op == INSN_MOVS || op == INSN_CMPS || op == INSN_LODS || op == INSN_OUTS;
}

static bool uses_destination(enum insn_op op)
{
    return op != INSN_LODS && op != INSN_OUTS;
}

static enum emulate_result prepare(struct emulator *emu, struct string_state *string)
{
    enum insn_op op = (enum insn_op)emu->insn.op;
    uint64_t mask = bytes_mask(string->width);

    if (reads_source(op)) {
        enum emulate_result result = operand_prepare(emu, &string->source, (enum x86_sreg)emu->insn.seg,
                                                     emu->regs->gpr[X86_RSI] & mask, string->size, WALK_READ);
        if (result != EMULATE_DONE)
            return result;
    }
    if (!uses_destination(op))
        return EMULATE_DONE;
    bool writes = op == INSN_MOVS || op == INSN_STOS || op == INSN_INS;
    return operand_prepare(emu, &string->destination, X86_ES, emu->regs->gpr[X86_RDI] & mask, string->size,
                           writes ? WALK_WRITE : WALK_READ);
}

static void execute(struct emulator *emu, struct string_state *string)
{
    struct x86_regs *regs = emu->regs;
    uint32_t size = string->size;
    uint16_t port = (uint16_t)regs->gpr[X86_RDX];

    switch (emu->insn.op) {
    case INSN_MOVS:
        operand_write(emu, &string->destination, operand_read(emu, &string->source));
        break;
    case INSN_STOS:
        operand_write(emu, &string->destination, operand_reg_read(emu, X86_RAX, size));
        break;
    case INSN_LODS:
        operand_reg_write(emu, X86_RAX, size, operand_read(emu, &string->source));
        break;
    case INSN_CMPS: {
        uint64_t a = operand_read(emu, &string->source);
        uint64_t b = operand_read(emu, &string->destination);
        (void)alu_execute(INSN_CMP, size, a, b, &regs->rflags);
        break;
    }
    case INSN_SCAS: {
        uint64_t a = operand_reg_read(emu, X86_RAX, size);
        uint64_t b = operand_read(emu, &string->destination);
        (void)alu_execute(INSN_CMP, size, a, b, &regs->rflags);
        break;
    }
    case INSN_INS:
        operand_write(emu, &string->destination, emu->ops->port_read(emu->ctx, port, size));
        break;
    default: /* INSN_OUTS */
        emu->ops->port_write(emu->ctx, port, size, (uint32_t)operand_read(emu, &string->source));
        break;
    }
}

static void step_pointers(struct emulator *emu, const struct string_state *string)
{
    enum insn_op op = (enum insn_op)emu->insn.op;
    uint64_t *gpr = emu->regs->gpr;
    uint64_t step = string->size;

    if ((emu->regs->rflags & RFLAGS_DF) != 0)
        step = 0 - step;
    if (reads_source(op))
        operand_address_reg_write(emu, X86_RSI, string->width, gpr[X86_RSI] + step);
    if (uses_destination(op))
        operand_address_reg_write(emu, X86_RDI, string->width, gpr[X86_RDI] + step);
}

/* REPE and REPNE end early on ZF, for the two comparing instructions only. */
static bool ends_on_flag(const struct emulator *emu)
{
    bool zero = (emu->regs->rflags & RFLAGS_ZF) != 0;
    if (emu->insn.op != INSN_CMPS && emu->insn.op != INSN_SCAS)
        return false;
    return (emu->insn.prefixes & INSN_PREFIX_REP) != 0 ? !zero : zero;
}

enum emulate_result emulate_string(struct emulator *emu)
{
    struct string_state string = {.size = emu->insn.op_size, .width = emu->insn.addr_size};
    bool repeated = (emu->insn.prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE)) != 0;
    uint64_t count_mask = bytes_mask(string.width);
    uint32_t chunk = (emu->regs->rflags & RFLAGS_TF) != 0 ? 1 : EMULATE_REP_CHUNK;

    if (repeated && (emu->regs->gpr[X86_RCX] & count_mask) == 0)
        return EMULATE_DONE;
    for (uint32_t i = 0; i < chunk; i++) {
        enum emulate_result result = prepare(emu, &string);
        if (result != EMULATE_DONE)
            return result == EMULATE_RETRY && i > 0 ? EMULATE_REPEAT : result;
        execute(emu, &string);
        step_pointers(emu, &string);
        if (!repeated)
            return EMULATE_DONE;
        uint64_t left = (emu->regs->gpr[X86_RCX] - 1) & count_mask;
        operand_address_reg_write(emu, X86_RCX, string.width, left);
        if (left == 0 || ends_on_flag(emu))
            return EMULATE_DONE;
    }
    return EMULATE_REPEAT;
}
