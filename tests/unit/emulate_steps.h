/* SPDX-License-Identifier: BSD-2-Clause */
/* One fake guest and the steps that the emulator's tests share: run, expect a device access, expect an
 * exception. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/fake_guest.h"

static struct fake_guest guest;

#define RAX guest.regs.gpr[X86_RAX]
#define RCX guest.regs.gpr[X86_RCX]
#define RDX guest.regs.gpr[X86_RDX]
#define RBX guest.regs.gpr[X86_RBX]
#define RSP guest.regs.gpr[X86_RSP]

/* Runs one instruction in 64-bit mode with RBX on the device; expects it to complete. */
static inline void run64(const char *hex)
{
    uint64_t rip = guest.regs.rip;
    guest.log_count = 0;
    guest.regs.rflags |= RFLAGS_RF;
    assert_int_equal(fake_run(&guest, hex), EMULATE_DONE);
    assert_int_equal(guest.regs.rip, rip + (strlen(hex) + 1) / 3);
    assert_int_equal(guest.regs.rflags & RFLAGS_RF, 0);
    assert_int_equal(guest.misaligned, 0);
}

static inline void setup64(void)
{
    fake_mode_64(&guest);
    RBX = FAKE_DEVICE;
}

static inline void expect_log(uint32_t index, bool is_write, uint64_t at, uint32_t size, uint64_t value)
{
    assert_true(index < guest.log_count);
    assert_int_equal(guest.log[index].is_write, is_write);
    assert_int_equal(guest.log[index].at, at);
    assert_int_equal(guest.log[index].size, size);
    assert_int_equal(guest.log[index].value, value);
}

static inline uint64_t device(uint32_t offset, uint32_t size)
{
    uint64_t value = 0;
    memcpy(&value, &guest.device[offset], size);
    return value;
}

static inline void expect_exception(const char *hex, uint8_t vector, uint32_t error_code, uint64_t cr2)
{
    struct x86_regs before = guest.regs;
    guest.log_count = 0;
    assert_int_equal(fake_run(&guest, hex), EMULATE_EXCEPTION);
    assert_int_equal(guest.emu.exception.vector, vector);
    assert_int_equal(guest.emu.exception.has_error_code, vector != X86_UD);
    assert_int_equal(guest.emu.exception.error_code, error_code);
    assert_int_equal(guest.emu.exception.cr2, cr2);
    assert_int_equal(guest.log_count, 0);
    assert_memory_equal(&before, &guest.regs, sizeof(before));
}
