/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String instructions: every one, both directions, all address sizes, chunked repetition, early ends, and
 * faults in the middle of a REP that keep exactly the finished iterations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/emulate.h"
#include "tests/unit/fake_guest.h"

static struct fake_guest guest;

#define RAX guest.regs.gpr[X86_RAX]
#define RCX guest.regs.gpr[X86_RCX]
#define RDX guest.regs.gpr[X86_RDX]
#define RSI guest.regs.gpr[X86_RSI]
#define RDI guest.regs.gpr[X86_RDI]

static void run(const char *hex, enum emulate_result want)
{
    uint64_t rip = guest.regs.rip;
    guest.log_count = 0;
    assert_int_equal(fake_run(&guest, hex), want);
    assert_int_equal(guest.regs.rip, want == EMULATE_DONE ? rip + (strlen(hex) + 1) / 3 : rip);
    assert_int_equal(guest.misaligned, 0);
}

static void test_single(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    RSI = 0x5000, RDI = FAKE_DEVICE, RCX = 0;
    memcpy(&guest.ram[0x5000], "abcdefgh", 8);
    run("a4", EMULATE_DONE); /* no REP: once, whatever rCX says */
    assert_int_equal(guest.device[0], 'a');
    run("66 a5", EMULATE_DONE);
    assert_memory_equal(guest.device, "abc", 3);
    assert_int_equal(guest.log_count, 2); /* a word at an odd address is two accesses */
    guest.regs.rflags |= RFLAGS_DF;
    RSI = 0x5004, RDI = FAKE_DEVICE + 8;
    run("48 a5", EMULATE_DONE);
    assert_int_equal(RSI, 0x4ffc);
    assert_int_equal(RDI, FAKE_DEVICE);
    RAX = 0x1122334455667788;
    run("ab", EMULATE_DONE);
    assert_int_equal(RDI, FAKE_DEVICE - 4);
    assert_memory_equal(guest.device, "\x88\x77\x66\x55", 4);
    guest.regs.rflags &= ~RFLAGS_DF;
    RSI = FAKE_DEVICE;
    run("ad", EMULATE_DONE);
    assert_int_equal(RAX, 0x55667788);
    assert_int_equal(RSI, FAKE_DEVICE + 4);
    run("ac", EMULATE_DONE);
    assert_int_equal(RAX, 0x55667700 | guest.device[4]);
}

static void test_rep_zero(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    RSI = RDI = 0x123456789000; /* unmapped, and not touched */
    RCX = 0;
    run("f3 a4", EMULATE_DONE);
    RCX = 0x100000000; /* addr32 looks at %ecx */
    run("67 f3 aa", EMULATE_DONE);
    assert_int_equal(RCX, 0x100000000);
    assert_int_equal(guest.log_count, 0);
}

static void test_rep_chunks(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    for (uint32_t i = 0; i < 3000; i++)
        guest.ram[0x5000 + i] = (uint8_t)(i * 13);
    RSI = 0x5000, RDI = FAKE_DEVICE + 0x100, RCX = 700;
    run("f3 a5", EMULATE_REPEAT);
    assert_int_equal(RCX, 700 - EMULATE_REP_CHUNK);
    assert_int_equal(RSI, 0x5000 + 4 * EMULATE_REP_CHUNK);
    assert_int_equal(RDI, FAKE_DEVICE + 0x100 + 4 * EMULATE_REP_CHUNK);
    assert_int_equal(guest.log_count, EMULATE_REP_CHUNK);
    run("f3 a5", EMULATE_REPEAT);
    run("f3 a5", EMULATE_DONE);
    assert_int_equal(RCX, 0);
    assert_memory_equal(&guest.device[0x100], &guest.ram[0x5000], 2800);
    /* Single-step: one iteration at a time. */
    guest.regs.rflags |= RFLAGS_TF;
    RCX = 2;
    run("f3 aa", EMULATE_REPEAT);
    assert_int_equal(RCX, 1);
    run("f2 aa", EMULATE_DONE); /* REPNE repeats STOS just as well */
    assert_int_equal(RCX, 0);
}

static void test_rep_across_pages(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    /* Destination pages in reverse order, elements that straddle them. */
    (void)fake_map(&guest, 0x400000, 0x7000 | PTE_P | PTE_W);
    (void)fake_map(&guest, 0x401000, 0x6000 | PTE_P | PTE_W);
    for (uint32_t i = 0; i < 64; i++)
        guest.device[i] = (uint8_t)(0x40 + i);
    RSI = FAKE_DEVICE, RDI = 0x400fea, RCX = 8;
    run("f3 48 a5", EMULATE_DONE);
    assert_memory_equal(&guest.ram[0x7fea], &guest.device[0], 22);
    assert_memory_equal(&guest.ram[0x6000], &guest.device[22], 42);
    /* Backwards over the same border. */
    guest.regs.rflags |= RFLAGS_DF;
    memset(&guest.ram[0x6000], 0, 0x2000);
    RSI = FAKE_DEVICE + 63, RDI = 0x40101f, RCX = 64;
    run("f3 a4", EMULATE_DONE);
    assert_memory_equal(&guest.ram[0x7fe0], &guest.device[0], 32);
    assert_memory_equal(&guest.ram[0x6000], &guest.device[32], 32);
}

static void test_rep_fault(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    (void)fake_map(&guest, 0x400000, 0x7000 | PTE_P | PTE_W);
    RSI = FAKE_DEVICE, RDI = 0x400ff0, RCX = 100;
    run("f3 a4", EMULATE_EXCEPTION);
    assert_int_equal(guest.emu.exception.vector, X86_PF);
    assert_int_equal(guest.emu.exception.error_code, PF_WRITE);
    assert_int_equal(guest.emu.exception.cr2, 0x401000);
    assert_int_equal(RCX, 84);
    assert_int_equal(RSI, FAKE_DEVICE + 16);
    assert_int_equal(RDI, 0x401000);
    assert_int_equal(guest.log_count, 16); /* the device was not read for the byte that had nowhere to go */
    /* The element that straddles the missing page is not begun. */
    RSI = FAKE_DEVICE, RDI = 0x400ffa, RCX = 4;
    memset(&guest.ram[0x7ff0], 0xee, 16);
    run("f3 a5", EMULATE_EXCEPTION);
    assert_int_equal(guest.emu.exception.cr2, 0x401000);
    assert_int_equal(RCX, 3);
    assert_int_equal(guest.ram[0x7ffe], 0xee);
    /* Mapped now: the guest returns from its fault handler and it goes on. */
    (void)fake_map(&guest, 0x401000, 0x6000 | PTE_P | PTE_W);
    run("f3 a5", EMULATE_DONE);
    assert_memory_equal(&guest.ram[0x7ffa], &guest.device[0], 6);
    assert_memory_equal(&guest.ram[0x6000], &guest.device[6], 10);
}

static void test_compare(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    memset(guest.device, 0, 16);
    guest.device[10] = 'x';
    RDI = FAKE_DEVICE, RCX = 100, RAX = 'x';
    run("f2 ae", EMULATE_DONE); /* repne scasb */
    assert_int_equal(RDI, FAKE_DEVICE + 11);
    assert_int_equal(RCX, 89);
    assert_true((guest.regs.rflags & RFLAGS_ZF) != 0);
    RDI = FAKE_DEVICE, RCX = 5;
    run("f2 ae", EMULATE_DONE); /* not found */
    assert_int_equal(RCX, 0);
    assert_true((guest.regs.rflags & RFLAGS_ZF) == 0);
    memcpy(&guest.ram[0x5000], guest.device, 64);
    guest.ram[0x5014]++;
    RSI = 0x5000, RDI = FAKE_DEVICE, RCX = 16;
    run("f3 a7", EMULATE_DONE); /* repe cmpsl */
    assert_int_equal(RCX, 10);
    assert_int_equal(RSI, 0x5018);
    assert_int_equal(guest.regs.rflags & (RFLAGS_ZF | RFLAGS_CF), 0); /* RAM is above the device */
}

static void test_ports(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    guest.port_value = 0x11223344;
    RDX = 0xffff00000000abcd, RDI = 0x5000, RCX = 3;
    run("f3 6d", EMULATE_DONE); /* rep insl */
    assert_int_equal(guest.log_count, 3);
    assert_int_equal(guest.log[0].at, UINT64_C(0xabcd) << 32);
    assert_int_equal(guest.log[0].size, 4);
    assert_memory_equal(&guest.ram[0x5000], "\x44\x33\x22\x11\x45\x33\x22\x11\x46\x33\x22\x11", 12);
    assert_int_equal(RDI, 0x500c);
    RSI = 0x5000, RCX = 2;
    run("f3 66 6f", EMULATE_DONE); /* rep outsw */
    assert_int_equal(guest.log[1].value, 0x1122);
    assert_int_equal(guest.log[1].size, 2);
    run("48 6e", EMULATE_DONE);
    assert_int_equal(guest.log[0].size, 1);
    /* A port is not read for a byte that has nowhere to go. */
    RDI = 0x400000, RCX = 1;
    run("f3 6c", EMULATE_EXCEPTION);
    assert_int_equal(guest.log_count, 0);
    /* FS for the source; the destination is always ES, which has no base here. */
    guest.segs[X86_FS].base = 0x5004;
    RSI = 0;
    run("64 6f", EMULATE_DONE);
    assert_int_equal(guest.log[0].value, 0x11223345);
    RSI = RDI = 0;
    run("64 a5", EMULATE_DONE);
    assert_memory_equal(&guest.ram[0], "\x45\x33\x22\x11", 4);
}

static void test_narrow_addresses(void **state)
{
    (void)state;
    fake_mode_16(&guest);
    guest.segs[X86_DS].base = 0x20000;
    guest.segs[X86_ES].base = 0xfee00000 & 0xffff0000;
    RSI = 0x1234fffe, RDI = 0x56780000, RCX = 0x9abc0003;
    memcpy(&guest.ram[0x2fffe], "\x01\x02", 2);
    guest.ram[0x20000] = 3;
    run("f3 a4", EMULATE_DONE); /* %si wraps, upper halves stay */
    assert_int_equal(RSI, 0x12340001);
    assert_int_equal(RDI, 0x56780003);
    assert_int_equal(RCX, 0x9abc0000);
    assert_memory_equal(guest.device, "\x01\x02\x03", 3);
    RSI = 0xffff;
    run("ad", EMULATE_EXCEPTION); /* a word at the very end is over the limit */
    assert_int_equal(guest.emu.exception.vector, X86_GP);
    run("2e ac", EMULATE_DONE); /* CS override, a byte is fine */

    fake_mode_64(&guest);
    RSI = 0xffffffff00005000, RDI = 0xfffffffffee00000, RCX = 0xffffffff00000002;
    run("67 f3 a4", EMULATE_DONE); /* addr32: registers end zero-extended */
    assert_int_equal(RSI, 0x5002);
    assert_int_equal(RDI, 0xfee00002);
    assert_int_equal(RCX, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),     cmocka_unit_test(test_rep_zero),
        cmocka_unit_test(test_rep_chunks), cmocka_unit_test(test_rep_across_pages),
        cmocka_unit_test(test_rep_fault),  cmocka_unit_test(test_compare),
        cmocka_unit_test(test_ports),      cmocka_unit_test(test_narrow_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
