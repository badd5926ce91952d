/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions with one explicit memory operand. Order in each: prepare (all faults), read, compute, write
 * memory, and only then registers and flags, so that a retry or fault leaves the guest as it was.
 */
#include "arch/x86/emulate_alu.h"
#include "arch/x86/emulate_operand.h"
#include "lib/bits.h"

static bool is_locked(const struct insn *insn)
{
    return insn->op == INSN_XCHG || (insn->prefixes & INSN_PREFIX_LOCK) != 0;
}

/* The second half of read-modify-write. */
static enum emulate_result write_back(struct emulator *emu, const struct operand *mem, uint64_t old,
                                      uint64_t value)
{
    if (is_locked(&emu->insn))
        return operand_replace(emu, mem, old, value);
    operand_write(emu, mem, value);
    return EMULATE_DONE;
}

static uint64_t sign_extend(uint64_t value, uint32_t size)
{
    uint32_t spare = 64 - 8 * size;
    return (uint64_t)((int64_t)(value << spare) >> spare);
}

static uint64_t swap_bytes(uint64_t value, uint32_t size)
{
    return __builtin_bswap64(value) >> (64 - 8 * size);
}

/* The operand that is not memory, as a value. */
static uint64_t other_operand(const struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    switch (insn->form) {
    case INSN_FORM_RM_REG:
    case INSN_FORM_REG_RM:
        return operand_reg_read(emu, insn->reg, insn->op_size);
    case INSN_FORM_RM_IMM:
    case INSN_FORM_RM_ONE:
        return insn->imm;
    case INSN_FORM_RM_CL:
        return emu->regs->gpr[X86_RCX] & 0xff;
    case INSN_FORM_MOFFS_ACC:
        return operand_reg_read(emu, X86_RAX, insn->op_size);
    default:
        return 0;
    }
}

/* MOV and MOVBE. */
static enum emulate_result move(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    uint32_t size = insn->op_size;
    bool load = insn->form == INSN_FORM_REG_RM || insn->form == INSN_FORM_ACC_MOFFS;
    uint64_t value = load ? operand_read(emu, mem) : other_operand(emu);

    if (insn->op == INSN_MOVBE)
        value = swap_bytes(value, size);
    if (load)
        operand_reg_write(emu, insn->form == INSN_FORM_ACC_MOFFS ? X86_RAX : insn->reg, size, value);
    else
        operand_write(emu, mem, value);
    return EMULATE_DONE;
}

/* ADD..TEST, INC..NEG and the shifts. */
static enum emulate_result arithmetic(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    enum insn_op op = (enum insn_op)insn->op;
    uint64_t rflags = emu->regs->rflags;
    uint64_t in_memory = operand_read(emu, mem);
    uint64_t other = other_operand(emu);

    if (insn->form == INSN_FORM_REG_RM) {
        uint64_t result = alu_execute(op, insn->op_size, other, in_memory, &rflags);
        if (op != INSN_CMP)
            operand_reg_write(emu, insn->reg, insn->op_size, result);
    } else {
        uint64_t value = alu_execute(op, insn->op_size, in_memory, other, &rflags);
        if (op != INSN_CMP && op != INSN_TEST) {
            enum emulate_result result = write_back(emu, mem, in_memory, value);
            if (result != EMULATE_DONE)
                return result;
        }
    }
    emu->regs->rflags = rflags;
    return EMULATE_DONE;
}

static enum emulate_result bit_operation(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    uint64_t rflags = emu->regs->rflags;
    uint64_t old = operand_read(emu, mem);
    uint64_t value = alu_bit((enum insn_op)insn->op, insn->op_size, old, other_operand(emu), &rflags);

    if (insn->op != INSN_BT) {
        enum emulate_result result = write_back(emu, mem, old, value);
        if (result != EMULATE_DONE)
            return result;
    }
    emu->regs->rflags = rflags;
    return EMULATE_DONE;
}

/* XCHG and XADD: memory gets the new value, the register the old one. */
static enum emulate_result exchange(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    uint64_t rflags = emu->regs->rflags;
    uint64_t old = operand_read(emu, mem);
    uint64_t value = other_operand(emu);

    if (insn->op == INSN_XADD)
        value = alu_execute(INSN_ADD, insn->op_size, old, value, &rflags);
    enum emulate_result result = write_back(emu, mem, old, value);
    if (result != EMULATE_DONE)
        return result;
    operand_reg_write(emu, insn->reg, insn->op_size, old);
    emu->regs->rflags = rflags;
    return EMULATE_DONE;
}

/* The CPU writes memory in either case: the old value when the comparison fails. */
static enum emulate_result compare_exchange(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    uint32_t size = insn->op_size;
    uint64_t rflags = emu->regs->rflags;
    uint64_t old = operand_read(emu, mem);
    uint64_t accumulator = operand_reg_read(emu, X86_RAX, size);
    bool equal = old == accumulator;

    (void)alu_execute(INSN_CMP, size, accumulator, old, &rflags);
    enum emulate_result result = write_back(emu, mem, old, equal ? other_operand(emu) : old);
    if (result != EMULATE_DONE)
        return result;
    if (!equal)
        operand_reg_write(emu, X86_RAX, size, old);
    emu->regs->rflags = rflags;
    return EMULATE_DONE;
}

static enum emulate_result compare_exchange8(struct emulator *emu, const struct operand *mem)
{
    uint64_t *gpr = emu->regs->gpr;
    uint64_t old = operand_read(emu, mem);
    bool equal = old == ((gpr[X86_RDX] & UINT32_MAX) << 32 | (gpr[X86_RAX] & UINT32_MAX));
    uint64_t value = equal ? (gpr[X86_RCX] & UINT32_MAX) << 32 | (gpr[X86_RBX] & UINT32_MAX) : old;

    enum emulate_result result = write_back(emu, mem, old, value);
    if (result != EMULATE_DONE)
        return result;
    if (!equal) {
        gpr[X86_RAX] = old & UINT32_MAX;
        gpr[X86_RDX] = old >> 32;
    }
    emu->regs->rflags = (emu->regs->rflags & ~RFLAGS_ZF) | (equal ? RFLAGS_ZF : 0);
    return EMULATE_DONE;
}

/* Instructions that read memory into a register, or store a condition. */
static enum emulate_result convert(struct emulator *emu, const struct operand *mem)
{
    const struct insn *insn = &emu->insn;
    bool condition = alu_condition(insn->opcode, emu->regs->rflags);

    if (insn->op == INSN_SETCC) {
        operand_write(emu, mem, condition ? 1 : 0);
        return EMULATE_DONE;
    }
    uint64_t value = operand_read(emu, mem);
    if (insn->op == INSN_MOVSX)
        value = sign_extend(value, insn->mem_size);
    else if (insn->op == INSN_CMOVCC && !condition)
        value = operand_reg_read(emu, insn->reg, insn->op_size); /* clears the upper half all the same */
    operand_reg_write(emu, insn->reg, insn->op_size, value);
    return EMULATE_DONE;
}

static uint32_t stack_address_size(const struct emulator *emu)
{
    if (cpu_mode_is_64(emu->mode))
        return 8;
    return (emu->mode->segs[X86_SS].attr & X86_SEG_DB) != 0 ? 4 : 2;
}

static enum emulate_result push(struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    uint32_t width = stack_address_size(emu);
    uint64_t top = (emu->regs->gpr[X86_RSP] - insn->op_size) & bytes_mask(width);
    struct operand from = {0};
    struct operand stack = {0};

    enum emulate_result result = operand_prepare(emu, &from, (enum x86_sreg)insn->seg,
                                                 operand_effective_offset(emu), insn->op_size, WALK_READ);
    if (result == EMULATE_DONE)
        result = operand_prepare(emu, &stack, X86_SS, top, insn->op_size, WALK_WRITE);
    if (result != EMULATE_DONE)
        return result;
    operand_write(emu, &stack, operand_read(emu, &from));
    operand_address_reg_write(emu, X86_RSP, width, top);
    return EMULATE_DONE;
}

enum emulate_result emulate_push_flags(struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    uint64_t rflags = emu->regs->rflags;
    uint32_t width = stack_address_size(emu);
    uint64_t top = (emu->regs->gpr[X86_RSP] - insn->op_size) & bytes_mask(width);
    struct operand stack = {0};

    if ((rflags & RFLAGS_VM) != 0 && (rflags & RFLAGS_IOPL) != RFLAGS_IOPL)
        return emulate_raise_code(emu, X86_GP, 0);
    enum emulate_result result = operand_prepare(emu, &stack, X86_SS, top, insn->op_size, WALK_WRITE);
    if (result != EMULATE_DONE)
        return result;
    operand_write(emu, &stack, rflags & ~(uint64_t)(RFLAGS_VM | RFLAGS_RF) & bytes_mask(insn->op_size));
    operand_address_reg_write(emu, X86_RSP, width, top);
    return EMULATE_DONE;
}

/* An address that uses rSP sees it after the increment. */
static enum emulate_result pop(struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    uint32_t width = stack_address_size(emu);
    uint64_t saved = emu->regs->gpr[X86_RSP];
    struct operand stack = {0};
    struct operand to = {0};

    enum emulate_result result =
        operand_prepare(emu, &stack, X86_SS, saved & bytes_mask(width), insn->op_size, WALK_READ);
    if (result != EMULATE_DONE)
        return result;
    operand_address_reg_write(emu, X86_RSP, width, saved + insn->op_size);
    result = operand_prepare(emu, &to, (enum x86_sreg)insn->seg, operand_effective_offset(emu), insn->op_size,
                             WALK_WRITE);
    if (result != EMULATE_DONE) {
        emu->regs->gpr[X86_RSP] = saved;
        return result;
    }
    operand_write(emu, &to, operand_read(emu, &stack));
    return EMULATE_DONE;
}

/* A bit number in a register reaches beyond the operand: it selects the unit of op_size bytes too. */
static uint64_t memory_offset(const struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    uint64_t offset = operand_effective_offset(emu);

    if (insn->op >= INSN_BT && insn->op <= INSN_BTC && insn->form == INSN_FORM_RM_REG) {
        int64_t bit = (int64_t)sign_extend(other_operand(emu), insn->op_size);
        int64_t unit_bits = 8 * (int64_t)insn->op_size;
        int64_t units = (bit - (bit & (unit_bits - 1))) / unit_bits;
        offset = (offset + (uint64_t)units * insn->op_size) & bytes_mask(insn->addr_size);
    }
    return offset;
}

static uint32_t memory_access(const struct insn *insn)
{
    switch (insn->op) {
    case INSN_CMP:
    case INSN_TEST:
    case INSN_BT:
    case INSN_MOVZX:
    case INSN_MOVSX:
    case INSN_CMOVCC:
        return WALK_READ;
    default:
        return insn->form == INSN_FORM_REG_RM || insn->form == INSN_FORM_ACC_MOFFS ? WALK_READ : WALK_WRITE;
    }
}

static enum emulate_result execute(struct emulator *emu, const struct operand *mem)
{
    switch (emu->insn.op) {
    case INSN_MOV:
    case INSN_MOVBE:
        return move(emu, mem);
    case INSN_MOVZX:
    case INSN_MOVSX:
    case INSN_CMOVCC:
    case INSN_SETCC:
        return convert(emu, mem);
    case INSN_XCHG:
    case INSN_XADD:
        return exchange(emu, mem);
    case INSN_CMPXCHG:
        return compare_exchange(emu, mem);
    case INSN_CMPXCHG8B:
        return compare_exchange8(emu, mem);
    case INSN_BT:
    case INSN_BTS:
    case INSN_BTR:
    case INSN_BTC:
        return bit_operation(emu, mem);
    default:
        return arithmetic(emu, mem);
    }
}

enum emulate_result emulate_memory(struct emulator *emu)
{
    const struct insn *insn = &emu->insn;
    if (insn->op == INSN_PUSH)
        return push(emu);
    if (insn->op == INSN_POP)
        return pop(emu);
    if (insn->mem_size > 8) /* CMPXCHG16B */
        return EMULATE_UNHANDLED;

    struct operand mem;
    mem.page_valid = false;
    enum emulate_result result = operand_prepare(emu, &mem, (enum x86_sreg)insn->seg, memory_offset(emu),
                                                 insn->mem_size, memory_access(insn));
    return result == EMULATE_DONE ? execute(emu, &mem) : result;
}
