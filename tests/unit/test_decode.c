/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder against GNU as (decode_corpus.h), against hand-checked operand fields, and at its edges:
 * truncation at every byte, 15-byte limit, undefined encodings, LOCK. A random walk over all bytes runs under
 * the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/decode.h"

struct corpus_entry {
    int mode;
    int op;
    uint32_t length;
    uint8_t bytes[15];
    const char *text;
};

#include "tests/unit/decode_corpus.h"

#define CORPUS_COUNT (sizeof(corpus) / sizeof(corpus[0]))

static enum decode_status decode(enum insn_mode mode, const char *hex, struct insn *insn)
{
    uint8_t bytes[32];
    uint32_t count = 0;
    for (const char *p = hex; *p != 0 && count < sizeof(bytes); p += p[2] == ' ' ? 3 : 2) {
        char digits[3] = {p[0], p[1], 0};
        bytes[count++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    /* An exact heap copy, so that the sanitizer sees any read past the end. */
    uint8_t *exact = malloc(count);
    memcpy(exact, bytes, count);
    enum decode_status status = decode_insn(exact, count, mode, insn);
    free(exact);
    return status;
}

static void test_corpus_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        const struct corpus_entry *entry = &corpus[i];
        struct insn insn;
        enum decode_status status =
            decode_insn(entry->bytes, entry->length, (enum insn_mode)entry->mode, &insn);
        if (status != DECODE_OK || insn.length != entry->length || insn.op != entry->op)
            fail_msg("%s (mode %d): status %d, length %u, op %u; want length %u, op %d", entry->text,
                     entry->mode, (int)status, insn.length, insn.op, entry->length, entry->op);
    }
}

/* Cut anywhere, an instruction asks for more bytes; followed by anything, it keeps its length. */
static void test_corpus_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        const struct corpus_entry *entry = &corpus[i];
        struct insn insn;
        for (uint32_t cut = 0; cut < entry->length; cut++) {
            uint8_t *exact = malloc(cut + 1);
            memcpy(exact, entry->bytes, cut);
            enum decode_status status = decode_insn(exact, cut, (enum insn_mode)entry->mode, &insn);
            if (status != DECODE_MORE)
                fail_msg("%s cut to %u bytes: status %d, length %u", entry->text, cut, (int)status,
                         insn.length);
            free(exact);
        }
        for (int filler = 0; filler < 256; filler += 51) {
            uint8_t padded[15];
            memset(padded, filler, sizeof(padded));
            memcpy(padded, entry->bytes, entry->length);
            assert_int_equal(decode_insn(padded, 15, (enum insn_mode)entry->mode, &insn), DECODE_OK);
            assert_int_equal(insn.length, entry->length);
        }
    }
}

/* Prefixes up to exactly 15 bytes are fine; one more is not, whatever follows. */
static void test_length_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        const struct corpus_entry *entry = &corpus[i];
        uint8_t padded[32];
        struct insn insn;
        memset(padded, 0x3e, sizeof(padded));
        memcpy(padded + 15 - entry->length, entry->bytes, entry->length);
        assert_int_equal(decode_insn(padded, 15, (enum insn_mode)entry->mode, &insn), DECODE_OK);
        assert_int_equal(insn.length, 15);
        memset(padded, 0x3e, sizeof(padded));
        memcpy(padded + 16 - entry->length, entry->bytes, entry->length);
        assert_int_equal(decode_insn(padded, 32, (enum insn_mode)entry->mode, &insn), DECODE_TOO_LONG);
    }
    uint8_t prefixes[15];
    struct insn insn;
    memset(prefixes, 0x66, sizeof(prefixes));
    assert_int_equal(decode_insn(prefixes, 15, INSN_MODE_64, &insn), DECODE_TOO_LONG);
    assert_int_equal(decode_insn(prefixes, 14, INSN_MODE_64, &insn), DECODE_MORE);
    assert_int_equal(decode_insn(prefixes, 0, INSN_MODE_64, &insn), DECODE_MORE);
}

struct operand_case {
    enum insn_mode mode;
    const char *hex;
    uint8_t form, op_size, mem_size, addr_size, seg, reg, base, index, scale;
    int64_t disp, imm;
};

#define NO INSN_NO_REG

static void test_operands(void **state)
{
    static const struct operand_case cases[] = {
        /* mov %eax,0xb0(%rdi) */
        {INSN_MODE_64, "89 87 b0 00 00 00", INSN_FORM_RM_REG, 4, 4, 8, X86_DS, 0, X86_RDI, NO, 0, 0xb0, 0},
        /* mov %r15,(%r13): mod 1, disp 0; DS although the low bits say rBP's slot */
        {INSN_MODE_64, "4d 89 7d 00", INSN_FORM_RM_REG, 8, 8, 8, X86_DS, 15, X86_R13, NO, 0, 0, 0},
        /* mov (%r12),%r8: SIB without index */
        {INSN_MODE_64, "4d 8b 04 24", INSN_FORM_REG_RM, 8, 8, 8, X86_DS, 8, X86_R12, NO, 0, 0, 0},
        /* index r12 is an index, rsp is none */
        {INSN_MODE_64, "42 c6 04 60 55", INSN_FORM_RM_IMM, 1, 1, 8, X86_DS, 0, X86_RAX, X86_R12, 1, 0, 0x55},
        /* mov %ax,0x11223344(%rsp,%rbp,8): SS */
        {INSN_MODE_64, "66 89 84 ec 44 33 22 11", INSN_FORM_RM_REG, 2, 2, 8, X86_SS, 0, X86_RSP, X86_RBP, 3,
         0x11223344, 0},
        /* movl $-1,-8(%rbp): SS */
        {INSN_MODE_64, "c7 45 f8 ff ff ff ff", INSN_FORM_RM_IMM, 4, 4, 8, X86_SS, 0, X86_RBP, NO, 0, -8, -1},
        /* movl with an absolute address: SIB, no base, no index */
        {INSN_MODE_64, "89 04 25 b0 c0 5f ff", INSN_FORM_RM_REG, 4, 4, 8, X86_DS, 0, NO, NO, 0,
         (int32_t)0xff5fc0b0, 0},
        /* (,%rcx,4) with disp32 */
        {INSN_MODE_64, "8b 04 8d 10 00 00 00", INSN_FORM_REG_RM, 4, 4, 8, X86_DS, 0, NO, X86_RCX, 2, 0x10, 0},
        /* addr32 */
        {INSN_MODE_64, "67 8b 10", INSN_FORM_REG_RM, 4, 4, 4, X86_DS, 2, X86_RAX, NO, 0, 0, 0},
        /* an ES override means nothing in 64-bit mode, GS does; a REX before a prefix is dropped */
        {INSN_MODE_64, "26 8b 10", INSN_FORM_REG_RM, 4, 4, 8, X86_DS, 2, X86_RAX, NO, 0, 0, 0},
        {INSN_MODE_64, "65 2e 8b 10", INSN_FORM_REG_RM, 4, 4, 8, X86_GS, 2, X86_RAX, NO, 0, 0, 0},
        {INSN_MODE_64, "4f 65 8b 10", INSN_FORM_REG_RM, 4, 4, 8, X86_GS, 2, X86_RAX, NO, 0, 0, 0},
        /* REX.W beats 66 */
        {INSN_MODE_64, "66 48 8b 10", INSN_FORM_REG_RM, 8, 8, 8, X86_DS, 2, X86_RAX, NO, 0, 0, 0},
        /* movzbl, movswq, movslq, movzwl */
        {INSN_MODE_64, "0f b6 08", INSN_FORM_REG_RM, 4, 1, 8, X86_DS, 1, X86_RAX, NO, 0, 0, 0},
        {INSN_MODE_64, "48 0f bf 08", INSN_FORM_REG_RM, 8, 2, 8, X86_DS, 1, X86_RAX, NO, 0, 0, 0},
        {INSN_MODE_64, "48 63 48 04", INSN_FORM_REG_RM, 8, 4, 8, X86_DS, 1, X86_RAX, NO, 0, 4, 0},
        {INSN_MODE_64, "66 63 08", INSN_FORM_REG_RM, 2, 2, 8, X86_DS, 1, X86_RAX, NO, 0, 0, 0},
        /* addq $-1, sign-extended; testq imm32 */
        {INSN_MODE_64, "48 83 00 ff", INSN_FORM_RM_IMM, 8, 8, 8, X86_DS, 0, X86_RAX, NO, 0, 0, -1},
        {INSN_MODE_64, "48 f7 00 00 00 00 80", INSN_FORM_RM_IMM, 8, 8, 8, X86_DS, 0, X86_RAX, NO, 0, 0,
         INT32_MIN},
        /* push, pop default to 64 bits */
        {INSN_MODE_64, "ff 30", INSN_FORM_RM, 8, 8, 8, X86_DS, 6, X86_RAX, NO, 0, 0, 0},
        {INSN_MODE_64, "66 8f 00", INSN_FORM_RM, 2, 2, 8, X86_DS, 0, X86_RAX, NO, 0, 0, 0},
        /* moffs */
        {INSN_MODE_64, "a1 88 77 66 55 44 33 22 11", INSN_FORM_ACC_MOFFS, 4, 4, 8, X86_DS, 0, NO, NO, 0,
         0x1122334455667788, 0},
        {INSN_MODE_64, "67 a2 00 00 00 f0", INSN_FORM_MOFFS_ACC, 1, 1, 4, X86_DS, 0, NO, NO, 0, 0xf0000000,
         0},
        {INSN_MODE_32, "a3 b0 00 e0 fe", INSN_FORM_MOFFS_ACC, 4, 4, 4, X86_DS, 0, NO, NO, 0, 0xfee000b0, 0},
        /* 32-bit: absolute; with 67 the 16-bit forms */
        {INSN_MODE_32, "89 05 b0 00 e0 fe", INSN_FORM_RM_REG, 4, 4, 4, X86_DS, 0, NO, NO, 0,
         (int32_t)0xfee000b0, 0},
        {INSN_MODE_32, "67 66 8b 43 10", INSN_FORM_REG_RM, 2, 2, 2, X86_SS, 0, X86_RBP, X86_RDI, 0, 0x10, 0},
        /* 16-bit */
        {INSN_MODE_16, "26 88 05", INSN_FORM_RM_REG, 1, 1, 2, X86_ES, 0, X86_RDI, NO, 0, 0, 0},
        {INSN_MODE_16, "8b 0e 34 f2", INSN_FORM_REG_RM, 2, 2, 2, X86_DS, 1, NO, NO, 0, 0xf234, 0},
        {INSN_MODE_16, "66 8b 46 fe", INSN_FORM_REG_RM, 4, 4, 2, X86_SS, 0, X86_RBP, NO, 0, -2, 0},
        {INSN_MODE_16, "8b 40 01", INSN_FORM_REG_RM, 2, 2, 2, X86_DS, 0, X86_RBX, X86_RSI, 0, 1, 0},
        {INSN_MODE_16, "67 8b 44 b3 05", INSN_FORM_REG_RM, 2, 2, 4, X86_DS, 0, X86_RBX, X86_RSI, 2, 5, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct operand_case *want = &cases[i];
        struct insn insn;
        print_message("%s\n", want->hex);
        assert_int_equal(decode(want->mode, want->hex, &insn), DECODE_OK);
        assert_true(decode_is_memory_op(&insn));
        assert_int_equal(insn.form, want->form);
        assert_int_equal(insn.op_size, want->op_size);
        assert_int_equal(insn.mem_size, want->mem_size);
        assert_int_equal(insn.addr_size, want->addr_size);
        assert_int_equal(insn.seg, want->seg);
        assert_int_equal(insn.reg, want->reg);
        assert_int_equal(insn.base, want->base);
        assert_int_equal(insn.index, want->index);
        assert_int_equal(insn.scale, want->scale);
        assert_int_equal((int64_t)insn.disp, want->disp);
        assert_int_equal((int64_t)insn.imm, want->imm);
        assert_false(insn.rm_is_reg);
        assert_false(insn.rip_relative);
    }
}

static void test_rip_relative(void **state)
{
    (void)state;
    struct insn insn;
    assert_int_equal(decode(INSN_MODE_64, "c7 05 10 00 00 00 78 56 34 12", &insn), DECODE_OK);
    assert_true(insn.rip_relative);
    assert_int_equal(insn.disp, 0x10);
    assert_int_equal(insn.imm, 0x12345678);
    assert_int_equal(insn.length, 10);
    assert_int_equal(decode(INSN_MODE_32, "c7 05 10 00 00 00 78 56 34 12", &insn), DECODE_OK);
    assert_false(insn.rip_relative);
}

static void test_control_registers(void **state)
{
    (void)state;
    struct insn insn;
    assert_int_equal(decode(INSN_MODE_64, "44 0f 22 c0", &insn), DECODE_OK); /* mov %rax,%cr8 */
    assert_int_equal(insn.op, INSN_MOV_TO_CR);
    assert_int_equal(insn.reg, 8);
    assert_int_equal(insn.rm, X86_RAX);
    assert_int_equal(insn.op_size, 8);
    assert_int_equal(decode(INSN_MODE_32, "f0 0f 20 c1", &insn), DECODE_OK); /* AMD: lock mov %cr0 is CR8 */
    assert_int_equal(insn.reg, 8);
    assert_int_equal(insn.rm, X86_RCX);
    assert_int_equal(insn.op_size, 4);
    assert_int_equal(decode(INSN_MODE_16, "0f 20 c1", &insn), DECODE_OK);
    assert_int_equal(insn.op_size, 4);
    /* ModRM.mod is ignored: no displacement follows. */
    assert_int_equal(decode(INSN_MODE_64, "41 0f 20 5d", &insn), DECODE_OK);
    assert_int_equal(insn.reg, 3);
    assert_int_equal(insn.rm, X86_R13);
    assert_int_equal(decode(INSN_MODE_64, "0f 22 c8", &insn), DECODE_INVALID);    /* CR1 */
    assert_int_equal(decode(INSN_MODE_64, "44 0f 22 c8", &insn), DECODE_INVALID); /* CR9 */
    assert_int_equal(decode(INSN_MODE_64, "44 0f 23 c0", &insn), DECODE_INVALID); /* DR8 */
    assert_int_equal(decode(INSN_MODE_64, "0f 23 f8", &insn), DECODE_OK);
    assert_int_equal(insn.reg, 7);
    assert_int_equal(decode(INSN_MODE_64, "cd 80", &insn), DECODE_OK);
    assert_int_equal(insn.imm, 0x80);
    assert_int_equal(decode(INSN_MODE_64, "e6 f4", &insn), DECODE_OK);
    assert_int_equal(insn.imm, 0xf4);
    assert_int_equal(decode(INSN_MODE_64, "f3 90", &insn), DECODE_OK);
    assert_int_equal(insn.op, INSN_PAUSE);
    assert_int_equal(decode(INSN_MODE_64, "f3 41 90", &insn), DECODE_OK);
    assert_int_equal(insn.op, INSN_OTHER);
    assert_int_equal(decode(INSN_MODE_64, "0f 01 20", &insn), DECODE_OK);
    assert_int_equal(insn.op, INSN_SMSW);
    assert_false(insn.rm_is_reg);
}

struct status_case {
    enum insn_mode mode;
    enum decode_status status;
    const char *hex;
};

static void check_statuses(const struct status_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct insn insn;
        enum decode_status status = decode(cases[i].mode, cases[i].hex, &insn);
        if (status != cases[i].status)
            fail_msg("%s: status %d, want %d", cases[i].hex, (int)status, (int)cases[i].status);
    }
}

static void test_undefined(void **state)
{
    static const struct status_case cases[] = {
        {INSN_MODE_64, DECODE_INVALID, "06"},       /* push %es */
        {INSN_MODE_64, DECODE_INVALID, "ce"},       /* into */
        {INSN_MODE_64, DECODE_INVALID, "60"},       /* pusha */
        {INSN_MODE_64, DECODE_INVALID, "82 00 01"}, /* alias of 80 */
        {INSN_MODE_64, DECODE_INVALID, "9a 00 00 00 00 00 00"},
        {INSN_MODE_32, DECODE_OK, "82 00 01"},
        {INSN_MODE_64, DECODE_INVALID, "8d c0"},       /* lea from a register */
        {INSN_MODE_64, DECODE_INVALID, "c6 c8 00"},    /* C6 /1 */
        {INSN_MODE_64, DECODE_INVALID, "fe d0"},       /* FE /2 */
        {INSN_MODE_64, DECODE_INVALID, "ff f8"},       /* FF /7 */
        {INSN_MODE_64, DECODE_INVALID, "ff d8"},       /* far call through a register */
        {INSN_MODE_64, DECODE_INVALID, "0f ba 00 01"}, /* 0F BA /0 */
        {INSN_MODE_64, DECODE_INVALID, "0f 04"},
        {INSN_MODE_64, DECODE_INVALID, "0f 24 00"}, /* mov %tr */
        {INSN_MODE_64, DECODE_INVALID, "0f b8 c0"}, /* POPCNT without F3 */
        {INSN_MODE_64, DECODE_INVALID, "0f 01 c0"},
        {INSN_MODE_32, DECODE_INVALID, "0f 01 f8"}, /* SWAPGS */
        {INSN_MODE_64, DECODE_OK, "0f 01 f8"},
        {INSN_MODE_64, DECODE_INVALID, "0f c7 c8"},          /* CMPXCHG8B with a register */
        {INSN_MODE_64, DECODE_INVALID, "0f 38 f0 c0"},       /* MOVBE with a register */
        {INSN_MODE_64, DECODE_OK, "f2 0f 38 f0 c0"},         /* CRC32 */
        {INSN_MODE_64, DECODE_INVALID, "66 c5 f8 77"},       /* VEX after 66 */
        {INSN_MODE_64, DECODE_INVALID, "48 c5 f8 77"},       /* VEX after REX */
        {INSN_MODE_64, DECODE_INVALID, "c4 e8 78 10 00"},    /* VEX map 8 */
        {INSN_MODE_64, DECODE_INVALID, "62 f1 78 48 10 00"}, /* EVEX with a fixed bit clear */
    };
    (void)state;
    check_statuses(cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_lock(void **state)
{
    static const struct status_case cases[] = {
        {INSN_MODE_64, DECODE_OK, "f0 01 00"},         /* lock add %eax,(%rax) */
        {INSN_MODE_64, DECODE_INVALID, "f0 03 00"},    /* lock add (%rax),%eax */
        {INSN_MODE_64, DECODE_INVALID, "f0 01 c0"},    /* register destination */
        {INSN_MODE_64, DECODE_INVALID, "f0 39 00"},    /* CMP */
        {INSN_MODE_64, DECODE_INVALID, "f0 83 38 01"}, /* CMP, group form */
        {INSN_MODE_64, DECODE_OK, "f0 83 08 01"},
        {INSN_MODE_64, DECODE_INVALID, "f0 89 00"}, /* MOV */
        {INSN_MODE_64, DECODE_INVALID, "f0 85 00"}, /* TEST */
        {INSN_MODE_64, DECODE_INVALID, "f0 f7 00 00 00 00 00"},
        {INSN_MODE_64, DECODE_OK, "f0 f7 10"},         /* NOT */
        {INSN_MODE_64, DECODE_OK, "f0 f6 18"},         /* NEG */
        {INSN_MODE_64, DECODE_INVALID, "f0 f7 20"},    /* MUL */
        {INSN_MODE_64, DECODE_OK, "f0 ff 00"},         /* INC */
        {INSN_MODE_64, DECODE_OK, "f0 fe 08"},         /* DEC */
        {INSN_MODE_64, DECODE_INVALID, "f0 ff 30"},    /* PUSH */
        {INSN_MODE_64, DECODE_OK, "f0 87 00"},         /* XCHG */
        {INSN_MODE_64, DECODE_OK, "f0 0f b1 08"},      /* CMPXCHG */
        {INSN_MODE_64, DECODE_OK, "f0 0f c7 08"},      /* CMPXCHG8B */
        {INSN_MODE_64, DECODE_INVALID, "f0 0f c7 f0"}, /* RDRAND */
        {INSN_MODE_64, DECODE_OK, "f0 0f c1 00"},      /* XADD */
        {INSN_MODE_64, DECODE_INVALID, "f0 0f a3 00"}, /* BT */
        {INSN_MODE_64, DECODE_OK, "f0 0f ab 00"},      /* BTS */
        {INSN_MODE_64, DECODE_OK, "f0 0f ba 30 01"},   /* BTR */
        {INSN_MODE_64, DECODE_INVALID, "f0 0f ba 20 01"},
        {INSN_MODE_64, DECODE_INVALID, "f0 a4"},    /* MOVS */
        {INSN_MODE_64, DECODE_INVALID, "f0 0f a2"}, /* CPUID */
        {INSN_MODE_64, DECODE_INVALID, "f0 90"},
    };
    (void)state;
    check_statuses(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Properties that hold for any bytes: bounds, statuses, and the same answer from a longer buffer. */
static void test_random(void **state)
{
    (void)state;
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[15];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(seed >> 56);
        }
        enum insn_mode mode = (enum insn_mode)(1 + (seed >> 40) % 3);
        struct insn insn, again;
        enum decode_status status = decode_insn(bytes, 15, mode, &insn);
        assert_int_not_equal(status, DECODE_MORE);
        if (status != DECODE_OK)
            continue;
        assert_in_range(insn.length, 1, 15);
        assert_true(insn.op < INSN_OP_COUNT);
        assert_int_equal(decode_insn(bytes, insn.length, mode, &again), DECODE_OK);
        assert_memory_equal(&insn, &again, sizeof(insn));
        assert_int_equal(decode_insn(bytes, insn.length - 1u, mode, &again), DECODE_MORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_lengths), cmocka_unit_test(test_corpus_truncated),
        cmocka_unit_test(test_length_limit),   cmocka_unit_test(test_operands),
        cmocka_unit_test(test_rip_relative),   cmocka_unit_test(test_control_registers),
        cmocka_unit_test(test_undefined),      cmocka_unit_test(test_lock),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
