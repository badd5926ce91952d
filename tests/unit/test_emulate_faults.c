/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator's addresses and faults: effective addresses, segments, pages, fetch. A fault leaves registers,
 * memory and devices alone.
 */
#include "tests/unit/emulate_steps.h"

static void test_page_crossing(void **state)
{
    (void)state;
    setup64();
    run64("48 8b 83 fd 0f 00 00"); /* 3 bytes of one page, 5 of the next */
    assert_int_equal(RAX, device(0xffd, 8));
    expect_log(0, false, FAKE_DEVICE + 0xffd, 1, device(0xffd, 1));
    expect_log(1, false, FAKE_DEVICE + 0xffe, 2, device(0xffe, 2));
    expect_log(2, false, FAKE_DEVICE + 0x1000, 4, device(0x1000, 4));
    expect_log(3, false, FAKE_DEVICE + 0x1004, 1, device(0x1004, 1));

    /* Pages that are not neighbours: RAM first, then the device. */
    (void)fake_map(&guest, 0x400000, 0x7000 | PTE_P | PTE_W);
    (void)fake_map(&guest, 0x401000, FAKE_DEVICE | PTE_P | PTE_W);
    RBX = 0x400ffe;
    RAX = 0x44332211;
    run64("89 03");
    assert_int_equal(guest.log_count, 1);
    expect_log(0, true, FAKE_DEVICE, 2, 0x4433);
    assert_memory_equal(&guest.ram[0x7ffe], "\x11\x22", 2);
    assert_int_equal(guest.ram[0x8000], 0);

    /* The second page is missing, or read-only: no byte is written, CR2 is its first byte. */
    (void)fake_map(&guest, 0x401000, 0);
    expect_exception("89 03", X86_PF, PF_WRITE, 0x401000);
    (void)fake_map(&guest, 0x401000, 0x8000 | PTE_P);
    expect_exception("89 03", X86_PF, PF_WRITE | PF_PRESENT, 0x401000);
    assert_memory_equal(&guest.ram[0x7ffe], "\x11\x22", 2);
    run64("8b 03");
}

static void test_fault_hint(void **state)
{
    (void)state;
    setup64();
    /* An address that no table maps: only the exit knows where it leads. */
    RBX = 0x7f0000020;
    guest.emu.fault_valid = true;
    guest.emu.fault_gpa = gpa(FAKE_DEVICE + 0x20);
    run64("8b 03");
    assert_int_equal(RAX, device(0x20, 4));
    /* It was a read: a write through it must be checked again. */
    expect_exception("89 03", X86_PF, PF_WRITE, 0x7f0000020);
    guest.emu.fault_is_write = true;
    run64("89 03");
    /* Another page offset is another access. */
    RBX += 4;
    expect_exception("89 03", X86_PF, PF_WRITE, 0x7f0000024);
    /* With two memory operands it could be either. */
    RBX -= 4;
    RSP = 0x8000;
    expect_exception("ff 33", X86_PF, 0, 0x7f0000020);
}

static void test_page_faults(void **state)
{
    (void)state;
    setup64();
    RBX = 0x400000;
    expect_exception("8b 03", X86_PF, 0, 0x400000);
    (void)fake_map(&guest, 0x400000, FAKE_DEVICE | PTE_P | PTE_W | PTE_U);
    guest.mode.cr4 |= CR4_SMAP;
    expect_exception("83 0b 01", X86_PF, PF_PRESENT | PF_WRITE, 0x400000);
    guest.regs.rflags |= RFLAGS_AC;
    run64("83 0b 01");
    guest.mode.cpl = 3;
    expect_exception("83 0b 01", X86_PF, PF_PRESENT | PF_USER | PF_FETCH, guest.regs.rip);
    RBX = UINT64_C(0x800000000000);
    guest.mode.cpl = 0;
    expect_exception("8b 03", X86_GP, 0, 0);
    expect_exception("8b 04 1c", X86_SSF, 0, 0); /* based on %rsp */
    RBX = UINT64_C(0x7ffffffffffe);
    expect_exception("8b 03", X86_GP, 0, 0); /* the end is not canonical */
    guest.cmpxchg_busy = 100;
    (void)fake_map(&guest, 0x400000, FAKE_DEVICE | PTE_P);
    RBX = 0x400000;
    assert_int_equal(fake_run(&guest, "8b 03"), EMULATE_RETRY);
}

static void test_addressing_64(void **state)
{
    (void)state;
    setup64();
    (void)fake_map(&guest, 0x2000, FAKE_DEVICE | PTE_P | PTE_W);
    run64("8b 05 fa 0f 00 00"); /* 0xffa(%rip) */
    expect_log(0, false, FAKE_DEVICE, 4, device(0, 4));
    guest.segs[X86_GS].base = FAKE_DEVICE;
    guest.segs[X86_DS].base = 0x1234; /* no meaning in 64-bit mode */
    RBX = 0;
    run64("65 8b 43 10");
    expect_log(0, false, FAKE_DEVICE + 0x10, 4, device(0x10, 4));
    RBX = 0x5555555500000000 | FAKE_DEVICE;
    run64("67 8b 43 10"); /* addr32 */
    expect_log(0, false, FAKE_DEVICE + 0x10, 4, device(0x10, 4));
    RBX = FAKE_DEVICE + 0x100;
    guest.regs.gpr[X86_R12] = (uint64_t)-8;
    run64("42 8b 04 e3"); /* (%rbx,%r12,8) */
    expect_log(0, false, FAKE_DEVICE + 0xc0, 4, device(0xc0, 4));
}

static void test_segments_32(void **state)
{
    (void)state;
    fake_mode_32(&guest);
    RBX = 0xffffffff00000000 | FAKE_DEVICE; /* junk above 32 bits is not looked at */
    run64("8b 43 20");
    assert_int_equal(RAX, device(0x20, 4));
    guest.segs[X86_ES].base = FAKE_DEVICE;
    guest.segs[X86_ES].limit = 0xff;
    RBX = 0xfc;
    run64("26 8b 03");
    RBX = 0xfd;
    expect_exception("26 8b 03", X86_GP, 0, 0);
    guest.segs[X86_ES].attr &= (uint16_t)~X86_SEG_P; /* a null selector */
    RBX = 0;
    expect_exception("26 8b 03", X86_GP, 0, 0);
    guest.segs[X86_ES].attr = 0xc91; /* read-only data */
    run64("26 8b 03");
    expect_exception("26 89 03", X86_GP, 0, 0);
    guest.segs[X86_ES].attr = 0xc99; /* execute-only code */
    expect_exception("26 8b 03", X86_GP, 0, 0);
    guest.segs[X86_ES].attr = 0xc9b; /* readable code */
    run64("26 8b 03");
    expect_exception("26 89 03", X86_GP, 0, 0);
    guest.segs[X86_ES].attr = 0xc97; /* expand-down, 4 GiB: valid above the limit */
    guest.segs[X86_ES].base = FAKE_DEVICE - 0x1000;
    expect_exception("26 8b 03", X86_GP, 0, 0);
    RBX = 0x1010;
    run64("26 8b 03");
    guest.segs[X86_SS].limit = 0xfff;
    guest.regs.gpr[X86_RBP] = 0x1000;
    expect_exception("8b 45 00", X86_SSF, 0, 0);
    run64("3e 8b 45 00"); /* a DS override: RAM at 0x1000 */
    assert_int_equal(guest.log_count, 0);
}

static void test_real_mode(void **state)
{
    (void)state;
    fake_mode_16(&guest);
    guest.segs[X86_DS].base = 0xffff0;
    RBX = 0x10;
    run64("8b 07"); /* linear 0x100000: the read-only page */
    assert_int_equal(guest.log_count, 0);
    run64("89 07"); /* a write there goes to whatever answers */
    expect_log(0, true, FAKE_ROM, 2, RAX & 0xffff);
    RBX = 0xffff;
    expect_exception("8b 07", X86_GP, 0, 0);
    run64("8a 07");
    guest.regs.gpr[X86_RBP] = 0xffff;
    expect_exception("8b 46 00", X86_SSF, 0, 0);
    guest.regs.gpr[X86_RSI] = 0xfff8;
    RBX = 0x10;
    run64("8b 40 10"); /* bx+si+0x10 wraps at 64 KiB */
    guest.segs[X86_CS].base = 0x4000;
    memcpy(&guest.ram[0x5800], "wxyz", 4);
    run64("2e 66 8b 06 00 18");
    assert_memory_equal(&RAX, "wxyz\0\0\0\0", 8);
}

static void test_fetch(void **state)
{
    (void)state;
    setup64();
    guest.regs.rip = 0x2ffe;
    run64("c7 83 b0 00 00 00 01 00 00 00"); /* across two pages */
    expect_log(0, true, FAKE_DEVICE + 0xb0, 4, 1);
    /* The next page matters only if the instruction reaches into it. */
    (void)fake_map(&guest, 0x3000, 0);
    guest.regs.rip = 0x2ffe;
    run64("8b 03");
    guest.regs.rip = 0x2ffe;
    expect_exception("8b 43 10", X86_PF, PF_FETCH, 0x3000);
    (void)fake_map(&guest, 0x3000, 0x3000 | PTE_P | PTE_NX | PTE_A);
    expect_exception("8b 43 10", X86_PF, PF_FETCH | PF_PRESENT, 0x3000);
    guest.regs.rip = 0x5000;
    expect_exception("0f 0b", X86_UD, 0, 0);
}

static void test_fetch_limits(void **state)
{
    (void)state;
    fake_mode_32(&guest);
    guest.segs[X86_CS].limit = 0x1fff;
    RBX = FAKE_DEVICE;
    guest.regs.rip = 0x1ffe;
    run64("8b 03");
    guest.regs.rip = 0x1ffe;
    expect_exception("8b 43 10", X86_GP, 0, 0);
    guest.regs.rip = 0x2000;
    expect_exception("90", X86_GP, 0, 0);
    guest.regs.rip = 0x1000;
    expect_exception("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 8b 03", X86_GP, 0, 0);
    expect_exception("f0 8b 03", X86_UD, 0, 0);
    /* Bytes that came with the exit are used instead of memory. */
    guest.emu.bytes_count = 15;
    memcpy(guest.emu.bytes, "\x8b\x43\x20\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 15);
    assert_int_equal(emulate_instruction(&guest.emu), EMULATE_DONE);
    assert_int_equal(RAX, device(0x20, 4));
    assert_int_equal(guest.regs.rip, 0x1003);
    guest.regs.rip = FAKE_DEVICE & 0xffffffff;
    guest.segs[X86_CS].limit = UINT32_MAX;
    guest.emu.bytes_count = 0;
    assert_int_equal(emulate_instruction(&guest.emu), EMULATE_UNHANDLED); /* code on a device */
}

/* A length for an intercepted instruction, without executing anything. */
static void test_decode_only(void **state)
{
    (void)state;
    setup64();
    struct x86_regs before = guest.regs;
    memcpy(&guest.ram[FAKE_CODE], "\x66\x0f\xa2", 3);
    assert_int_equal(emulate_decode(&guest.emu), EMULATE_DONE);
    assert_int_equal(guest.emu.insn.op, INSN_CPUID);
    assert_int_equal(guest.emu.insn.length, 3);
    assert_memory_equal(&before, &guest.regs, sizeof(before));
    emulate_advance(&guest.regs, &guest.emu.insn);
    assert_int_equal(guest.regs.rip, FAKE_CODE + 3);
    fake_mode_32(&guest);
    guest.regs.rip = 0xffffffff;
    guest.emu.insn = (struct insn){.length = 2, .mode = INSN_MODE_32};
    emulate_advance(&guest.regs, &guest.emu.insn);
    assert_int_equal(guest.regs.rip, 1);
}

static void test_unhandled(void **state)
{
    static const char *const instructions[] = {
        "0f 28 03",    /* movaps (%rbx),%xmm0 */
        "d9 03",       /* fld */
        "f7 23",       /* mul */
        "0f a2",       /* cpuid */
        "8b c3",       /* mov %ebx,%eax: no memory */
        "c5 f8 10 03", /* vmovups */
        "ff 13",       /* call *(%rbx) */
        "e4 60",       /* in */
    };
    (void)state;
    setup64();
    for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        struct x86_regs before = guest.regs;
        assert_int_equal(fake_run(&guest, instructions[i]), EMULATE_UNHANDLED);
        assert_memory_equal(&before, &guest.regs, sizeof(before));
    }
    assert_int_equal(guest.log_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_crossing), cmocka_unit_test(test_fault_hint),
        cmocka_unit_test(test_page_faults),   cmocka_unit_test(test_addressing_64),
        cmocka_unit_test(test_segments_32),   cmocka_unit_test(test_real_mode),
        cmocka_unit_test(test_fetch),         cmocka_unit_test(test_fetch_limits),
        cmocka_unit_test(test_decode_only),   cmocka_unit_test(test_unhandled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
