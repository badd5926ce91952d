/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The integer operations against an oracle: the CPU that runs the test executes the same operation on the
 * same random operands and flags, and result and defined flags must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/x86/emulate_alu.h"
#include "arch/x86/regs.h"

#define ROUNDS 20000
#define STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

typedef uint64_t (*native_fn)(uint64_t a, uint64_t b, uint64_t *flags);

/* Loads the status flags, runs one instruction, reads them back; steps over the red zone to use the stack. */
#define NATIVE(name, type, instruction, constraint)                                 \
    static uint64_t name(uint64_t wide_a, uint64_t wide_b, uint64_t *flags)         \
    {                                                                               \
        type a = (type)wide_a, b = (type)wide_b;                                    \
        uint64_t f = *flags;                                                        \
        __asm__ volatile("lea -128(%%rsp), %%rsp\n push %[f]\n popfq\n" instruction \
                         "\n pushfq\n pop %[f]\n lea 128(%%rsp), %%rsp"             \
                         : [a] "+q"(a), [f] "+r"(f)                                 \
                         : [b] constraint(b)                                        \
                         : "cc", "memory");                                         \
        *flags = f;                                                                 \
        return a;                                                                   \
    }

#define NATIVE_SIZES(op, b_operand, constraint)                             \
    NATIVE(native_##op##1, uint8_t, #op "b " b_operand "%[a]", constraint)  \
    NATIVE(native_##op##2, uint16_t, #op "w " b_operand "%[a]", constraint) \
    NATIVE(native_##op##4, uint32_t, #op "l " b_operand "%[a]", constraint) \
    NATIVE(native_##op##8, uint64_t, #op "q " b_operand "%[a]", constraint)
#define NATIVE_BINARY(op) NATIVE_SIZES(op, "%[b], ", "q")
#define NATIVE_UNARY(op)  NATIVE_SIZES(op, "", "q")
#define NATIVE_SHIFT(op)  NATIVE_SIZES(op, "%%cl, ", "c")
#define NATIVE_BIT(op)                                        \
    NATIVE(native_##op##2, uint16_t, #op "w %[b], %[a]", "r") \
    NATIVE(native_##op##4, uint32_t, #op "l %[b], %[a]", "r") \
    NATIVE(native_##op##8, uint64_t, #op "q %[b], %[a]", "r")

/* clang-format off */
NATIVE_BINARY(add) NATIVE_BINARY(or) NATIVE_BINARY(adc) NATIVE_BINARY(sbb)
NATIVE_BINARY(and) NATIVE_BINARY(sub) NATIVE_BINARY(xor) NATIVE_BINARY(cmp) NATIVE_BINARY(test)
NATIVE_UNARY(inc) NATIVE_UNARY(dec) NATIVE_UNARY(not) NATIVE_UNARY(neg)
NATIVE_SHIFT(rol) NATIVE_SHIFT(ror) NATIVE_SHIFT(rcl) NATIVE_SHIFT(rcr)
NATIVE_SHIFT(shl) NATIVE_SHIFT(shr) NATIVE_SHIFT(sar)
NATIVE_BIT(bt) NATIVE_BIT(bts) NATIVE_BIT(btr) NATIVE_BIT(btc)

#define ROW(op, name)  {op, #name, {native_##name##1, native_##name##2, native_##name##4, native_##name##8}}
#define BITS(op, name) {op, #name, {NULL, native_##name##2, native_##name##4, native_##name##8}}
    /* clang-format on */

    struct oracle {
    enum insn_op op;
    const char *name;
    native_fn native[4];
};

static const struct oracle oracles[] = {
    ROW(INSN_ADD, add), ROW(INSN_OR, or),    ROW(INSN_ADC, adc),  ROW(INSN_SBB, sbb),   ROW(INSN_AND, and),
    ROW(INSN_SUB, sub), ROW(INSN_XOR, xor),  ROW(INSN_CMP, cmp),  ROW(INSN_TEST, test), ROW(INSN_INC, inc),
    ROW(INSN_DEC, dec), ROW(INSN_NOT, not ), ROW(INSN_NEG, neg),  ROW(INSN_ROL, rol),   ROW(INSN_ROR, ror),
    ROW(INSN_RCL, rcl), ROW(INSN_RCR, rcr),  ROW(INSN_SHL, shl),  ROW(INSN_SHR, shr),   ROW(INSN_SAR, sar),
    BITS(INSN_BT, bt),  BITS(INSN_BTS, bts), BITS(INSN_BTR, btr), BITS(INSN_BTC, btc),
};

static uint64_t seed = 0x243f6a8885a308d3;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Half of the operands are near the edges, where the flags are made. */
static uint64_t next_operand(uint32_t size)
{
    static const uint64_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000};
    uint64_t value = next_random();
    if ((value & 3) == 0)
        return edges[(value >> 8) % (sizeof(edges) / sizeof(edges[0]))] << ((value >> 4 & 1) * 4 * size);
    if ((value & 3) == 1)
        return (UINT64_C(1) << (8 * size - 1)) - 1 + (value >> 8 & 3);
    return next_random();
}

static bool is_bit_op(enum insn_op op)
{
    return op >= INSN_BT && op <= INSN_BTC;
}

/* The flags that the manuals define for this operation and count. */
static uint64_t defined_flags(enum insn_op op, uint32_t size, uint64_t count)
{
    uint64_t defined = STATUS;
    if (is_bit_op(op))
        return RFLAGS_CF | RFLAGS_ZF;
    if (op == INSN_AND || op == INSN_OR || op == INSN_XOR || op == INSN_TEST)
        return STATUS & ~RFLAGS_AF;
    if (op < INSN_ROL || op > INSN_SAR)
        return defined;
    count &= size == 8 ? 63 : 31;
    if (count != 1 && count != 0)
        defined &= ~RFLAGS_OF;
    if (op >= INSN_SHL && count != 0)
        defined &= ~RFLAGS_AF;
    if ((op == INSN_SHL || op == INSN_SHR) && count >= 8 * size)
        defined &= ~RFLAGS_CF;
    return defined;
}

static void check(const struct oracle *oracle, uint32_t log_size)
{
    uint32_t size = 1u << log_size;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = next_operand(size);
        uint64_t b = next_operand(size);
        uint64_t want_flags = (next_random() & STATUS) | RFLAGS_ONE;
        uint64_t got_flags = want_flags;
        uint64_t before = want_flags;
        uint64_t want = oracle->native[log_size](a, b, &want_flags);
        uint64_t got = is_bit_op(oracle->op)
                           ? alu_bit(oracle->op, size, a & (UINT64_MAX >> (64 - 8 * size)), b, &got_flags)
                           : alu_execute(oracle->op, size, a, b, &got_flags);
        uint64_t defined = defined_flags(oracle->op, size, b);
        if (got != want || ((got_flags ^ want_flags) & defined) != 0 || ((got_flags ^ before) & ~STATUS) != 0)
            fail_msg("%s%u a=%#jx b=%#jx flags %#jx: got %#jx flags %#jx, CPU %#jx flags %#jx", oracle->name,
                     size, (uintmax_t)a, (uintmax_t)b, (uintmax_t)before, (uintmax_t)got,
                     (uintmax_t)got_flags, (uintmax_t)want, (uintmax_t)want_flags);
    }
}

static void test_against_cpu(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(oracles) / sizeof(oracles[0]); i++)
        for (uint32_t log_size = 0; log_size < 4; log_size++)
            if (oracles[i].native[log_size] != NULL)
                check(&oracles[i], log_size);
}

#define SETCC(code, cc)                                                                                    \
    case code:                                                                                             \
        __asm__ volatile("lea -128(%%rsp), %%rsp\n push %1\n popfq\n set" cc " %0\n lea 128(%%rsp), %%rsp" \
                         : "=q"(result)                                                                    \
                         : "r"(flags)                                                                      \
                         : "cc", "memory");                                                                \
        break

static uint8_t native_condition(uint32_t code, uint64_t flags)
{
    uint8_t result = 0;
    switch (code) {
        SETCC(0, "o");
        SETCC(1, "no");
        SETCC(2, "b");
        SETCC(3, "ae");
        SETCC(4, "e");
        SETCC(5, "ne");
        SETCC(6, "be");
        SETCC(7, "a");
        SETCC(8, "s");
        SETCC(9, "ns");
        SETCC(10, "p");
        SETCC(11, "np");
        SETCC(12, "l");
        SETCC(13, "ge");
        SETCC(14, "le");
        SETCC(15, "g");
    }
    return result;
}

static void test_conditions(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 16; code++) {
        for (uint64_t flags = 0; flags < 0x1000; flags++) {
            if ((flags & ~STATUS) != 0)
                continue;
            assert_int_equal(alu_condition(0x90 + code, flags), native_condition(code, flags | RFLAGS_ONE));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_cpu), cmocka_unit_test(test_conditions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
