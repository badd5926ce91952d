/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/arm64: syndromes and instructions decoded, identification registers, against values of real CPUs and
 * assemblers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/arm64/exit_decode.h"
#include "arch/arm64/guest_id.h"
#include "arch/arm64/mmio_decode.h"

static struct vm_exit decode(uint64_t esr, uint64_t far, uint64_t hpfar)
{
    struct vm_exit exit;

    exit_decode(esr, far, hpfar, &exit);
    assert_int_equal(exit.raw, esr);
    return exit;
}

/* Syndromes as QEMU's CPUs gave them. */
static void test_kinds(void **state)
{
    static const struct {
        uint64_t esr;
        enum vm_exit_kind kind;
        uint8_t length;
    } cases[] = {
        {0x5a000000, VM_EXIT_HYPERCALL, 0}, /* HVC #0 */
        {0x5a001234, VM_EXIT_HYPERCALL, 0}, /* HVC #0x1234 */
        {0x5e000000, VM_EXIT_HYPERCALL, 4}, /* SMC #0 */
        {0x07e00000, VM_EXIT_HALT, 4},      /* WFI */
        {0x07e00001, VM_EXIT_PAUSE, 4},     /* WFE */
        {0x02000000, VM_EXIT_UNDEFINED, 4}, /* unknown reason */
        {0x66000000, VM_EXIT_UNDEFINED, 4}, /* SVE */
        {0x1fe00000, VM_EXIT_UNDEFINED, 4}, /* FP */
        {0x0e000000, VM_EXIT_UNDEFINED, 4}, /* CP15 of an AArch32 program */
        {0x0c000000, VM_EXIT_UNDEFINED, 2},
        {0x3a000000, VM_EXIT_UNKNOWN, 4}, /* illegal state: EL1's own affair */
        {0xbe000000, VM_EXIT_UNKNOWN, 4}, /* SError as a class: comes by its own vector */
        {0xf2000000, VM_EXIT_DEBUG, 4},   /* BRK */
        {0xe0000000, VM_EXIT_DEBUG, 2},   /* BKPT of an AArch32 program */
        {0xc2000022, VM_EXIT_DEBUG, 4},   /* breakpoint, step, watchpoint */
        {0xca000022, VM_EXIT_DEBUG, 4},
        {0xd2000062, VM_EXIT_DEBUG, 4},
        {0xea000000, VM_EXIT_UNKNOWN, 4}, /* vector catch: not asked for */
        {0x62300001, VM_EXIT_SYSREG_READ, 4},
        {0x62300000, VM_EXIT_SYSREG_WRITE, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vm_exit exit = decode(cases[i].esr, 0, 0);

        assert_int_equal(exit.kind, cases[i].kind);
        assert_int_equal(exit.length, cases[i].length);
    }
}

static void test_system_register(void **state)
{
    /* msr icc_sgi1r_el1, x5: S3_0_C12_C11_5 */
    struct vm_exit exit = decode(0x623a30b6, 0, 0);

    (void)state;
    assert_int_equal(exit.kind, VM_EXIT_SYSREG_WRITE);
    assert_int_equal(exit.u.sysreg.number, ESR_SYSREG(3, 0, 12, 11, 5));
    assert_int_equal((exit.raw & ESR_SYSREG_RT) >> 5, 5);
}

static void test_access(void **state)
{
    /* ldr w1, [x1] at 0x09000018, level 1 translation fault */
    struct vm_exit exit = decode(0x93810005, 0xffff800009000018, 0x90000);
    struct mmio_access access;

    (void)state;
    assert_int_equal(exit.kind, VM_EXIT_MMIO);
    assert_int_equal(exit.u.mmio.at.v, 0x09000018);
    assert_false(exit.u.mmio.is_write || exit.u.mmio.is_fetch || exit.u.mmio.during_walk);
    assert_int_equal(exit.length, 4);
    assert_true(exit_is_access(0x93810005));
    assert_int_equal(exit_address(0xffff800009000018, 0x90000).v, 0x09000018);
    assert_true(mmio_from_syndrome(exit.raw, &access));
    assert_int_equal(access.size, 4);
    assert_int_equal(access.reg[0], 1);
    assert_false(access.is_write || access.sign_extend || access.wide || access.write_back);

    exit = decode(0x93c08045, 0x08000000, 0x80000); /* str x0, [x2] */
    assert_true(exit.u.mmio.is_write);
    assert_true(mmio_from_syndrome(exit.raw, &access) && access.wide && access.size == 8 && access.is_write);
    /* Without ISV, of a walk, of a fetch, of memory that fails: none of them is the plain kind. */
    assert_false(exit_is_access(0x92000045));
    assert_false(exit_is_access(0x93810085));
    assert_false(exit_is_access(0x82000005));
    assert_false(exit_is_access(0x93810010));
    assert_false(mmio_from_syndrome(0x92000045, &access));
    assert_true(decode(0x82000006, 0x1000, 0).u.mmio.is_fetch);
    assert_true(decode(0x92000087, 0x1000, 0).u.mmio.during_walk);
    assert_int_equal(decode(0x93810010, 0, 0).kind, VM_EXIT_MEMORY_ERROR);
    assert_int_equal(decode(0x92000015, 0, 0).kind, VM_EXIT_MEMORY_ERROR);
    assert_int_equal(decode(0x9381004f, 0, 0).kind, VM_EXIT_UNKNOWN); /* permission: never withheld */
}

/* Encodings as the assembler made them. */
static void test_instructions(void **state)
{
    static const struct {
        uint32_t insn;
        struct mmio_access access;
    } cases[] = {
        {0xf8408441, {8, 1, false, false, true, true, {1}, 2, 8}},       /* ldr x1, [x2], #8 */
        {0xb85fcc83, {4, 1, false, false, false, true, {3}, 4, -4}},     /* ldr w3, [x4, #-4]! */
        {0x380014c5, {1, 1, true, false, false, true, {5}, 6, 1}},       /* strb w5, [x6], #1 */
        {0x389ff507, {1, 1, false, true, true, true, {7}, 8, -1}},       /* ldrsb x7, [x8], #-1 */
        {0x78c02d49, {2, 1, false, true, false, true, {9}, 10, 2}},      /* ldrsh w9, [x10, #2]! */
        {0xb88107eb, {4, 1, false, true, true, true, {11}, 31, 16}},     /* ldrsw x11, [sp], #16 */
        {0xf80ff59f, {8, 1, true, false, true, true, {31}, 12, 255}},    /* str xzr, [x12], #255 */
        {0xa9400861, {8, 2, false, false, true, false, {1, 2}, 3, 0}},   /* ldp x1, x2, [x3] */
        {0x298114c4, {4, 2, true, false, false, true, {4, 5}, 6, 8}},    /* stp w4, w5, [x6, #8]! */
        {0xa8ff2127, {8, 2, false, false, true, true, {7, 8}, 9, -16}},  /* ldp x7, x8, [x9], #-16 */
        {0x6940ad8a, {4, 2, false, true, true, false, {10, 11}, 12, 4}}, /* ldpsw x10, x11, [x12, #4] */
        {0xa80039ed, {8, 2, true, false, true, false, {13, 14}, 15, 0}}, /* stnp x13, x14, [x15] */
    };
    /* ldr q0; ldxr; ldadd; dc zva; plain ldr, ldr with index, prfm (all described by the syndrome); stp q;
     * ldtr */
    static const uint32_t others[] = {0x3cc10420, 0xc85f7c20, 0xf8200041, 0xd50b7420, 0xf9400041,
                                      0xf8636841, 0xf9800000, 0xad000440, 0xf8400820};
    struct mmio_access access;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mmio_access *wanted = &cases[i].access;

        assert_true(mmio_from_instruction(cases[i].insn, &access));
        assert_int_equal(access.size, wanted->size);
        assert_int_equal(access.count, wanted->count);
        assert_int_equal(access.is_write, wanted->is_write);
        assert_int_equal(access.sign_extend, wanted->sign_extend);
        assert_int_equal(access.wide, wanted->wide);
        assert_int_equal(access.write_back, wanted->write_back);
        assert_int_equal(access.reg[0], wanted->reg[0]);
        assert_int_equal(access.reg[1], wanted->reg[1]);
        assert_int_equal(access.base, wanted->base);
        if (wanted->write_back)
            assert_true(access.step == wanted->step);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(mmio_from_instruction(others[i], &access));
}

static void test_extend(void **state)
{
    struct mmio_access access = {.size = 1, .sign_extend = true, .wide = true};

    (void)state;
    assert_true(mmio_extend(&access, 0xabcdef80) == 0xffffffffffffff80);
    access.wide = false;
    assert_true(mmio_extend(&access, 0x80) == 0xffffff80);
    access.sign_extend = false;
    assert_true(mmio_extend(&access, 0x1280) == 0x80);
    access = (struct mmio_access){.size = 8, .wide = true};
    assert_true(mmio_extend(&access, 0xfedcba9876543210) == 0xfedcba9876543210);
    access = (struct mmio_access){.size = 8, .wide = true, .sign_extend = true};
    assert_true(mmio_extend(&access, 0xfedcba9876543210) == 0xfedcba9876543210);
}

static uint64_t id(uint32_t crm, uint32_t op2, uint64_t hardware)
{
    return guest_id_value(crm, op2, hardware);
}

static void test_identification(void **state)
{
    (void)state;
    /* A CPU with everything: the guest sees AArch64 at EL1 with a GICv3 interface, and nothing of EL2, EL3,
     * SVE, RAS, MPAM, AMU; CSV2 is cut to what needs no register. */
    assert_true(id(4, 0, 0x3301101121112222) == 0x3101000001110012);
    assert_true(id(4, 1, ~UINT64_C(0)) == 0xff);
    assert_true(id(5, 0, 0xffffffffffffffff) == 0xf0f0f0f00f);
    assert_true((id(5, 0, 0x10305106) & 0xf00) == 0); /* Cortex-A57's PMU */
    assert_true(id(6, 0, ~UINT64_C(0)) == 0xfffffffff0ffffff);
    assert_true(id(6, 1, ~UINT64_C(0)) == 0x00ffffffffffffff);
    /* 48 bits of address are cut to 40, 36 stay. */
    assert_true((id(7, 0, 0x1125) & 0xf) == 2 && (id(7, 0, 0x1121) & 0xf) == 1);
    assert_true((id(7, 1, ~UINT64_C(0)) & FIELD(11, 4)) == 0);  /* VMID width, VHE */
    assert_true((id(7, 2, ~UINT64_C(0)) & FIELD(27, 24)) == 0); /* nested virtualization */
    /* What has no meaning yet. */
    for (uint32_t op2 = 0; op2 < 8; op2++) {
        assert_true(id(3, op2, ~UINT64_C(0)) == 0);
        if (op2 > 1)
            assert_true(id(4, op2, ~UINT64_C(0)) == 0);
        if (op2 > 2)
            assert_true(id(7, op2, ~UINT64_C(0)) == 0);
    }
    /* Nothing is made up that the CPU does not have, but for the fixed fields. */
    assert_true(id(4, 0, 0) == (UINT64_C(1) << 24 | 1 << 4));
    assert_true(id(6, 0, 0) == 0 && id(7, 0, 0) == 0 && id(7, 1, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),  cmocka_unit_test(test_system_register),
        cmocka_unit_test(test_access), cmocka_unit_test(test_instructions),
        cmocka_unit_test(test_extend), cmocka_unit_test(test_identification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
