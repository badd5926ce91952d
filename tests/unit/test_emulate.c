/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated memory instructions: what registers, flags, memory and devices look like after each. Addresses and
 * faults are in test_emulate_faults.c, strings in test_emulate_string.c, flags in test_emulate_alu.c.
 */
#include "tests/unit/emulate_steps.h"

static void test_mov_load(void **state)
{
    (void)state;
    setup64();
    RAX = RCX = ~UINT64_C(0);
    run64("8b 43 20"); /* mov 0x20(%rbx),%eax: clears the upper half */
    assert_int_equal(RAX, device(0x20, 4));
    expect_log(0, false, FAKE_DEVICE + 0x20, 4, device(0x20, 4));
    assert_int_equal(guest.log_count, 1);
    run64("48 8b 4b 08");
    assert_int_equal(RCX, device(8, 8));
    RAX = ~UINT64_C(0);
    run64("66 8b 43 02");
    assert_int_equal(RAX, 0xffffffffffff0000 | device(2, 2));
    RAX = 0;
    run64("8a 63 05"); /* %ah */
    assert_int_equal(RAX, device(5, 1) << 8);
    run64("40 8a 63 05"); /* with REX the same number is %spl */
    assert_int_equal(RSP & 0xff, device(5, 1));
    run64("44 8b 7b 10");
    assert_int_equal(guest.regs.gpr[X86_R15], device(0x10, 4));
    run64("a1 30 00 e0 fe 00 00 00 00"); /* movabs 0xfee00030,%eax */
    assert_int_equal(RAX, device(0x30, 4));
    run64("67 a0 31 00 e0 fe");
    assert_int_equal(RAX & 0xff, device(0x31, 1));
}

static void test_mov_store(void **state)
{
    (void)state;
    setup64();
    RAX = 0x1122334455667788;
    run64("89 43 20");
    expect_log(0, true, FAKE_DEVICE + 0x20, 4, 0x55667788);
    run64("48 89 43 08");
    expect_log(0, true, FAKE_DEVICE + 8, 8, 0x1122334455667788);
    run64("88 63 01"); /* %ah */
    expect_log(0, true, FAKE_DEVICE + 1, 1, 0x77);
    run64("66 89 43 02");
    expect_log(0, true, FAKE_DEVICE + 2, 2, 0x7788);
    run64("c7 83 b0 00 00 00 00 00 00 80");
    expect_log(0, true, FAKE_DEVICE + 0xb0, 4, 0x80000000);
    run64("48 c7 03 fe ff ff ff"); /* sign-extended to 64 bits */
    expect_log(0, true, FAKE_DEVICE, 8, 0xfffffffffffffffe);
    run64("c6 43 07 aa");
    expect_log(0, true, FAKE_DEVICE + 7, 1, 0xaa);
    run64("0f c3 43 40"); /* movnti */
    expect_log(0, true, FAKE_DEVICE + 0x40, 4, 0x55667788);
    run64("a3 b0 00 e0 fe 00 00 00 00");
    expect_log(0, true, FAKE_DEVICE + 0xb0, 4, 0x55667788);
    run64("0f 38 f1 43 44"); /* movbe */
    expect_log(0, true, FAKE_DEVICE + 0x44, 4, 0x88776655);
    run64("66 0f 38 f1 43 46");
    expect_log(0, true, FAKE_DEVICE + 0x46, 2, 0x8877);
    run64("0f 38 f0 4b 44"); /* bytes 55 66, 77 88 as written above */
    assert_int_equal(RCX, 0x55667788);
}

static void test_extend(void **state)
{
    (void)state;
    setup64();
    guest.device[0] = 0x80;
    guest.device[1] = 0xff;
    guest.device[2] = 0x34;
    guest.device[3] = 0x92;
    RCX = ~UINT64_C(0);
    run64("0f b6 0b");
    assert_int_equal(RCX, 0x80);
    expect_log(0, false, FAKE_DEVICE, 1, 0x80);
    run64("0f be 0b");
    assert_int_equal(RCX, 0xffffff80);
    run64("48 0f be 0b");
    assert_int_equal(RCX, 0xffffffffffffff80);
    run64("48 0f b7 0b");
    assert_int_equal(RCX, 0xff80);
    run64("0f bf 0b");
    assert_int_equal(RCX, 0xffffff80);
    run64("48 63 0b");
    assert_int_equal(RCX, 0xffffffff9234ff80);
    run64("66 0f be 0b");
    assert_int_equal(RCX, 0xffffffff9234ff80);
    guest.device[0] = 0x7f;
    run64("66 0f be 0b");
    assert_int_equal(RCX, 0xffffffff9234007f);
}

static void test_read_modify_write(void **state)
{
    (void)state;
    setup64();
    memcpy(&guest.device[0x10], "\xf0\x00\x00\x80", 4);
    run64("83 4b 10 0f"); /* orl $0xf */
    assert_int_equal(guest.log_count, 2);
    expect_log(0, false, FAKE_DEVICE + 0x10, 4, 0x800000f0);
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, 0x800000ff);
    assert_int_equal(guest.regs.rflags & (RFLAGS_SF | RFLAGS_ZF | RFLAGS_PF), RFLAGS_SF | RFLAGS_PF);
    RAX = 0xff;
    run64("f0 21 43 10"); /* lock andl */
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, 0xff);
    run64("83 7b 10 ff"); /* cmpl $-1: read only */
    assert_int_equal(guest.log_count, 1);
    assert_int_equal(guest.regs.rflags & RFLAGS_CF, RFLAGS_CF);
    run64("f6 43 10 80"); /* testb */
    assert_int_equal(guest.log_count, 1);
    assert_int_equal(guest.regs.rflags & (RFLAGS_SF | RFLAGS_ZF | RFLAGS_CF), RFLAGS_SF);
    run64("ff 43 10");
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, 0x100);
    run64("fe 4b 10");
    expect_log(1, true, FAKE_DEVICE + 0x10, 1, 0xff);
    run64("66 f7 53 10");
    expect_log(1, true, FAKE_DEVICE + 0x10, 2, 0xfe00);
    run64("f7 5b 10");
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, 0u - 0xfe00u);
    RAX = 5;
    run64("03 43 10"); /* add to a register: one read */
    assert_int_equal(guest.log_count, 1);
    assert_int_equal(RAX, (5u + 0u - 0xfe00u));
    run64("3b 43 10"); /* cmp leaves the register alone */
    assert_int_equal(RAX, (5u + 0u - 0xfe00u));
    run64("c1 63 10 04"); /* shll $4 */
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, (0u - 0xfe00u) << 4);
    RCX = 0x1f;
    run64("d3 6b 10"); /* shrl %cl */
    expect_log(1, true, FAKE_DEVICE + 0x10, 4, 1);
}

static void test_exchange(void **state)
{
    (void)state;
    setup64();
    uint64_t old = device(0x20, 4);
    RAX = 0xffffffff00001234;
    run64("87 43 20");
    assert_int_equal(RAX, old);
    expect_log(1, true, FAKE_DEVICE + 0x20, 4, 0x1234);
    RAX = 0x1234;
    RCX = 0x77;
    run64("f0 0f b1 4b 20"); /* cmpxchg, equal */
    expect_log(1, true, FAKE_DEVICE + 0x20, 4, 0x77);
    assert_true((guest.regs.rflags & RFLAGS_ZF) != 0);
    run64("0f b1 4b 20"); /* not equal: the old value is written back */
    expect_log(1, true, FAKE_DEVICE + 0x20, 4, 0x77);
    assert_int_equal(RAX, 0x77);
    assert_true((guest.regs.rflags & RFLAGS_ZF) == 0);
    RCX = 0xff;
    run64("f0 0f c0 4b 20"); /* xadd %cl */
    expect_log(1, true, FAKE_DEVICE + 0x20, 1, 0x76);
    assert_int_equal(RCX, 0x77);
    assert_true((guest.regs.rflags & RFLAGS_CF) != 0);
    memcpy(&guest.device[8], "\1\0\0\0\2\0\0\0", 8);
    uint64_t rbx = RBX;
    guest.regs.gpr[X86_RSI] = FAKE_DEVICE;
    RAX = 1, RDX = 2, RBX = 3, RCX = 4;
    run64("f0 0f c7 4e 08"); /* cmpxchg8b */
    expect_log(1, true, FAKE_DEVICE + 8, 8, 0x400000003);
    assert_true((guest.regs.rflags & RFLAGS_ZF) != 0);
    run64("0f c7 4e 08");
    assert_int_equal(RAX, 3);
    assert_int_equal(RDX, 4);
    assert_true((guest.regs.rflags & RFLAGS_ZF) == 0);
    RBX = rbx;
    assert_int_equal(fake_run(&guest, "f0 48 0f c7 0b"), EMULATE_UNHANDLED); /* cmpxchg16b */
}

static void test_bits(void **state)
{
    (void)state;
    setup64();
    memcpy(&guest.device[0x40], "\0\0\0\0\0\0\0\0", 8);
    run64("0f ba 6b 40 25"); /* btsl $37: modulo 32 for an immediate */
    expect_log(1, true, FAKE_DEVICE + 0x40, 4, 1u << 5);
    RAX = 37;
    run64("0f ab 43 40"); /* by register: the next four bytes */
    expect_log(1, true, FAKE_DEVICE + 0x44, 4, 1u << 5);
    RAX = (uint64_t)-27;
    run64("0f a3 43 44"); /* bt, backwards: bit 5 of 0x40 */
    assert_int_equal(guest.log_count, 1);
    expect_log(0, false, FAKE_DEVICE + 0x40, 4, 1u << 5);
    assert_true((guest.regs.rflags & RFLAGS_CF) != 0);
    RAX = 0xffff;
    run64("66 0f bb 43 42"); /* btcw -1 */
    expect_log(0, false, FAKE_DEVICE + 0x40, 2, 1u << 5);
    expect_log(1, true, FAKE_DEVICE + 0x40, 2, 0x8020);
    assert_true((guest.regs.rflags & RFLAGS_CF) == 0);
}

static void test_conditional(void **state)
{
    (void)state;
    setup64();
    guest.regs.rflags |= RFLAGS_ZF;
    run64("0f 94 43 09");
    expect_log(0, true, FAKE_DEVICE + 9, 1, 1);
    run64("0f 95 43 09");
    expect_log(0, true, FAKE_DEVICE + 9, 1, 0);
    RCX = 0xffffffff12345678;
    run64("0f 45 4b 10"); /* not taken: reads all the same, clears the upper half */
    assert_int_equal(guest.log_count, 1);
    assert_int_equal(RCX, 0x12345678);
    run64("0f 44 4b 10");
    assert_int_equal(RCX, device(0x10, 4));
}

/* Each byte is touched once, in naturally aligned pieces. */
static void test_misaligned(void **state)
{
    (void)state;
    setup64();
    run64("8b 43 02");
    assert_int_equal(guest.log_count, 2);
    expect_log(0, false, FAKE_DEVICE + 2, 2, device(2, 2));
    expect_log(1, false, FAKE_DEVICE + 4, 2, device(4, 2));
    assert_int_equal(RAX, device(2, 4));
    RAX = 0x1122334455667788;
    run64("48 89 43 01");
    assert_int_equal(guest.log_count, 4);
    expect_log(0, true, FAKE_DEVICE + 1, 1, 0x88);
    expect_log(1, true, FAKE_DEVICE + 2, 2, 0x6677);
    expect_log(2, true, FAKE_DEVICE + 4, 4, 0x22334455);
    expect_log(3, true, FAKE_DEVICE + 8, 1, 0x11);
    /* The exit's own address serves misaligned accesses too. */
    guest.emu.fault_valid = true;
    guest.emu.fault_gpa = gpa(FAKE_DEVICE + 2);
    run64("8b 43 02");
    assert_int_equal(guest.log_count, 2);
    assert_int_equal(RAX, device(2, 4));
}

static void test_stack(void **state)
{
    (void)state;
    setup64();
    RSP = 0x9000;
    run64("ff 73 08"); /* push 8(%rbx) */
    assert_int_equal(RSP, 0x8ff8);
    assert_memory_equal(&guest.ram[0x8ff8], &guest.device[8], 8);
    memcpy(&guest.ram[0x8ff8], "\x10\x32\x54\x76\x98\xba\xdc\xfe", 8);
    run64("8f 43 18");
    assert_int_equal(RSP, 0x9000);
    expect_log(0, true, FAKE_DEVICE + 0x18, 8, 0xfedcba9876543210);
    /* An address with rSP sees it incremented; a fault puts it back. */
    RSP = 0x7f8;
    memcpy(&guest.ram[0x7f8], "ABCDEFGH", 8);
    run64("8f 04 24");
    assert_memory_equal(&guest.ram[0x800], "ABCDEFGH", 8);
    RBX = 0x7ffff0000;
    expect_exception("8f 03", X86_PF, PF_WRITE, 0x7ffff0000);
    RBX = FAKE_DEVICE;
    RSP = 0x80000000;
    expect_exception("ff 33", X86_PF, PF_WRITE, 0x7ffffff8);

    fake_mode_32(&guest);
    RBX = FAKE_DEVICE;
    guest.segs[X86_SS].attr = 0x93; /* a 16-bit stack under 32-bit code */
    RSP = 0x12340002;
    run64("66 ff 33");
    assert_int_equal(RSP, 0x12340000);
    assert_memory_equal(&guest.ram[0], &guest.device[0], 2);
}

/* What PUSHF stores: the guest's flags, RF and VM as zeros. */
static void test_push_flags(void **state)
{
    (void)state;
    setup64();
    RSP = 0x9000;
    guest.regs.rflags = 0x247;
    run64("9c");
    assert_int_equal(RSP, 0x8ff8);
    assert_memory_equal(&guest.ram[0x8ff8], "\x47\x02\0\0\0\0\0\0", 8);
    run64("66 9c");
    assert_int_equal(RSP, 0x8ff6);
    assert_memory_equal(&guest.ram[0x8ff6], "\x47\x02", 2);
    RSP = 0x80000000;
    expect_exception("9c", X86_PF, PF_WRITE, 0x7ffffff8);
}

/* Locked operations on RAM are one exchange, or nothing and another try. */
static void test_locked_ram(void **state)
{
    (void)state;
    setup64();
    RBX = 0x6001;
    memcpy(&guest.ram[0x6000], "\x10\x20\x30\x40", 4);
    run64("f0 fe 03");
    assert_memory_equal(&guest.ram[0x6000], "\x10\x21\x30\x40", 4);
    RBX = 0x6000;
    RAX = 0xaabb;
    run64("66 87 43 02");
    assert_memory_equal(&guest.ram[0x6000], "\x10\x21\xbb\xaa", 4);
    assert_int_equal(RAX, 0x4030);
    run64("f0 48 ff 03");
    struct x86_regs before = guest.regs;
    guest.cmpxchg_busy = 1;
    assert_int_equal(fake_run(&guest, "f0 48 ff 03"), EMULATE_RETRY);
    assert_memory_equal(&before, &guest.regs, sizeof(before));
    assert_int_equal(guest.ram[0x6000], 0x11);
    RBX = FAKE_ROM & 0xfffff000; /* not mapped in 64-bit mode: use the tables' word for it */
    (void)fake_map(&guest, RBX, FAKE_ROM | PTE_P | PTE_W);
    run64("f0 ff 03"); /* read-only memory: the write goes to the bus */
    expect_log(0, true, FAKE_ROM, 4, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mov_load),    cmocka_unit_test(test_mov_store),
        cmocka_unit_test(test_extend),      cmocka_unit_test(test_read_modify_write),
        cmocka_unit_test(test_exchange),    cmocka_unit_test(test_bits),
        cmocka_unit_test(test_conditional), cmocka_unit_test(test_misaligned),
        cmocka_unit_test(test_stack),       cmocka_unit_test(test_push_flags),
        cmocka_unit_test(test_locked_ram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
