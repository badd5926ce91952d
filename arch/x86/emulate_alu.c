/* SPDX-License-Identifier: BSD-2-Clause */
/* Integer operations and flags; checked against the host CPU by tests/unit/test_emulate_alu.c. */
#include "arch/x86/emulate_alu.h"

#include "arch/x86/regs.h"
#include "lib/bits.h"

#define FLAGS_ZSP    (RFLAGS_ZF | RFLAGS_SF | RFLAGS_PF)
#define FLAGS_STATUS (FLAGS_ZSP | RFLAGS_CF | RFLAGS_AF | RFLAGS_OF)

static uint64_t sign_bit(uint32_t size)
{
    return BIT(8 * size - 1);
}

static uint64_t flag_if(bool condition, uint64_t flag)
{
    return condition ? flag : 0;
}

static uint64_t flags_of_result(uint32_t size, uint64_t result)
{
    bool parity_even = (__builtin_popcountll(result & 0xff) & 1) == 0;
    return flag_if(result == 0, RFLAGS_ZF) | flag_if((result & sign_bit(size)) != 0, RFLAGS_SF) |
           flag_if(parity_even, RFLAGS_PF);
}

static uint64_t add(uint32_t size, uint64_t a, uint64_t b, uint64_t carry, uint64_t *flags)
{
    uint64_t result = (a + b + carry) & bytes_mask(size);
    *flags = flags_of_result(size, result) | flag_if(result < a || (carry != 0 && result == a), RFLAGS_CF) |
             ((a ^ b ^ result) & RFLAGS_AF) |
             flag_if((~(a ^ b) & (a ^ result) & sign_bit(size)) != 0, RFLAGS_OF);
    return result;
}

static uint64_t subtract(uint32_t size, uint64_t a, uint64_t b, uint64_t borrow, uint64_t *flags)
{
    uint64_t result = (a - b - borrow) & bytes_mask(size);
    *flags = flags_of_result(size, result) | flag_if(a < b || (borrow != 0 && a == b), RFLAGS_CF) |
             ((a ^ b ^ result) & RFLAGS_AF) |
             flag_if(((a ^ b) & (a ^ result) & sign_bit(size)) != 0, RFLAGS_OF);
    return result;
}

static uint64_t logic(uint32_t size, uint64_t result, uint64_t *flags)
{
    *flags = flags_of_result(size, result);
    return result;
}

/* ROL, ROR: CF is the bit that wrapped; OF as defined for a count of one. `bits` is the operand's width. */
static uint64_t rotate(enum insn_op op, uint32_t bits, uint64_t a, uint32_t count, uint64_t *rflags)
{
    uint32_t left = op == INSN_ROL ? count % bits : (bits - count % bits) % bits;
    uint64_t result = left == 0 ? a : (a << left | a >> (bits - left)) & bytes_mask(bits / 8);
    bool low = (result & 1) != 0;
    bool top = (result >> (bits - 1) & 1) != 0;
    bool next = (result >> (bits - 2) & 1) != 0;
    bool carry = op == INSN_ROL ? low : top;
    bool overflow = op == INSN_ROL ? top != low : top != next;

    *rflags &= ~(RFLAGS_CF | RFLAGS_OF);
    *rflags |= flag_if(carry, RFLAGS_CF) | flag_if(overflow, RFLAGS_OF);
    return result;
}

/* RCL, RCR: a rotation of width + 1 bits through CF. */
static uint64_t rotate_carry(enum insn_op op, uint32_t bits, uint64_t a, uint32_t count, uint64_t *rflags)
{
    uint32_t steps = count % (bits + 1);
    bool carry = (*rflags & RFLAGS_CF) != 0;
    uint64_t result = a;

    for (uint32_t i = 0; i < steps; i++) {
        bool in = carry;
        if (op == INSN_RCL) {
            carry = (result >> (bits - 1) & 1) != 0;
            result = (result << 1 | (in ? 1 : 0)) & bytes_mask(bits / 8);
        } else {
            carry = (result & 1) != 0;
            result = result >> 1 | (in ? BIT(bits - 1) : 0);
        }
    }
    bool top = (result >> (bits - 1) & 1) != 0;
    bool next = (result >> (bits - 2) & 1) != 0;
    bool overflow = op == INSN_RCL ? top != carry : top != next;
    *rflags &= ~(RFLAGS_CF | RFLAGS_OF);
    *rflags |= flag_if(carry, RFLAGS_CF) | flag_if(overflow, RFLAGS_OF);
    return result;
}

static uint64_t shift(enum insn_op op, uint32_t size, uint64_t a, uint32_t count, uint64_t *rflags)
{
    uint32_t bits = 8 * size;
    int64_t wide = (int64_t)(a << (64 - bits)) >> (64 - bits);
    bool top_before = (a & sign_bit(size)) != 0;
    uint64_t result = 0;
    bool carry = false;
    bool overflow = false;

    if (op == INSN_SHL) {
        result = (a << count) & bytes_mask(size);
        carry = count <= bits && (a >> (bits - count) & 1) != 0;
        overflow = ((result & sign_bit(size)) != 0) != carry;
    } else if (op == INSN_SHR) {
        result = a >> count;
        carry = (a >> (count - 1) & 1) != 0;
        overflow = top_before;
    } else {
        result = (uint64_t)(wide >> count) & bytes_mask(size);
        carry = ((uint64_t)(wide >> (count - 1)) & 1) != 0;
    }
    *rflags &= ~(FLAGS_ZSP | RFLAGS_CF | RFLAGS_OF);
    *rflags |= flags_of_result(size, result) | flag_if(carry, RFLAGS_CF) | flag_if(overflow, RFLAGS_OF);
    return result;
}

static uint64_t shift_or_rotate(enum insn_op op, uint32_t size, uint64_t a, uint64_t b, uint64_t *rflags)
{
    uint32_t count = (uint32_t)b & (size == 8 ? 63 : 31);
    if (count == 0)
        return a;
    if (op == INSN_ROL || op == INSN_ROR)
        return rotate(op, 8 * size, a, count, rflags);
    if (op == INSN_RCL || op == INSN_RCR)
        return rotate_carry(op, 8 * size, a, count, rflags);
    return shift(op, size, a, count, rflags);
}

uint64_t alu_execute(enum insn_op op, uint32_t size, uint64_t a, uint64_t b, uint64_t *rflags)
{
    uint64_t mask = bytes_mask(size);
    uint64_t carry = (*rflags & RFLAGS_CF) != 0 ? 1 : 0;
    uint64_t changed = FLAGS_STATUS;
    uint64_t flags = 0;
    uint64_t result;

    a &= mask;
    if (op >= INSN_ROL && op <= INSN_SAR)
        return shift_or_rotate(op, size, a, b, rflags);
    b &= mask;
    switch (op) {
    case INSN_ADD:
        result = add(size, a, b, 0, &flags);
        break;
    case INSN_ADC:
        result = add(size, a, b, carry, &flags);
        break;
    case INSN_SUB:
        result = subtract(size, a, b, 0, &flags);
        break;
    case INSN_SBB:
        result = subtract(size, a, b, carry, &flags);
        break;
    case INSN_CMP:
        (void)subtract(size, a, b, 0, &flags);
        result = a;
        break;
    case INSN_TEST:
        (void)logic(size, a & b, &flags);
        result = a;
        break;
    case INSN_AND:
        result = logic(size, a & b, &flags);
        break;
    case INSN_OR:
        result = logic(size, a | b, &flags);
        break;
    case INSN_XOR:
        result = logic(size, a ^ b, &flags);
        break;
    case INSN_NEG:
        result = subtract(size, 0, a, 0, &flags);
        break;
    case INSN_INC:
        changed &= ~RFLAGS_CF;
        result = add(size, a, 1, 0, &flags);
        break;
    case INSN_DEC:
        changed &= ~RFLAGS_CF;
        result = subtract(size, a, 1, 0, &flags);
        break;
    default: /* INSN_NOT */
        return ~a & mask;
    }
    *rflags = (*rflags & ~changed) | (flags & changed);
    return result;
}

uint64_t alu_bit(enum insn_op op, uint32_t size, uint64_t a, uint64_t bit, uint64_t *rflags)
{
    uint64_t mask = BIT(bit & (8 * size - 1));
    *rflags = (*rflags & ~RFLAGS_CF) | flag_if((a & mask) != 0, RFLAGS_CF);
    switch (op) {
    case INSN_BTS:
        return a | mask;
    case INSN_BTR:
        return a & ~mask;
    case INSN_BTC:
        return a ^ mask;
    default:
        return a;
    }
}

bool alu_condition(uint32_t code, uint64_t rflags)
{
    bool less = ((rflags & RFLAGS_SF) != 0) != ((rflags & RFLAGS_OF) != 0);
    bool result;

    switch (code >> 1 & 7) {
    case 0:
        result = (rflags & RFLAGS_OF) != 0;
        break;
    case 1:
        result = (rflags & RFLAGS_CF) != 0;
        break;
    case 2:
        result = (rflags & RFLAGS_ZF) != 0;
        break;
    case 3:
        result = (rflags & (RFLAGS_CF | RFLAGS_ZF)) != 0;
        break;
    case 4:
        result = (rflags & RFLAGS_SF) != 0;
        break;
    case 5:
        result = (rflags & RFLAGS_PF) != 0;
        break;
    case 6:
        result = less;
        break;
    default:
        result = less || (rflags & RFLAGS_ZF) != 0;
        break;
    }
    return result != ((code & 1) != 0);
}
