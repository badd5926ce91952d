/* SPDX-License-Identifier: BSD-2-Clause */
/* IA32_FEATURE_CONTROL: lock (bit 0), VMX inside SMX (bit 1), VMX outside of SMX (bit 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/vmx/vmx_firmware.h"

static void locked_off(void **state)
{
    (void)state;
    assert_int_equal(vmx_firmware_says(0x1), VMX_FIRMWARE_FORBIDS);
    /* Inside SMX only: not for Latch. */
    assert_int_equal(vmx_firmware_says(0x3), VMX_FIRMWARE_FORBIDS);
    assert_int_equal(vmx_firmware_says(0xff03), VMX_FIRMWARE_FORBIDS);
}

static void locked_on(void **state)
{
    (void)state;
    assert_int_equal(vmx_firmware_says(0x5), VMX_FIRMWARE_ALLOWS);
    assert_int_equal(vmx_firmware_says(0x7), VMX_FIRMWARE_ALLOWS);
}

static void not_locked(void **state)
{
    (void)state;
    assert_int_equal(vmx_firmware_says(0x0), VMX_FIRMWARE_UNDECIDED);
    assert_int_equal(vmx_firmware_says(0x4), VMX_FIRMWARE_UNDECIDED);
    assert_int_equal(vmx_firmware_says(0x2), VMX_FIRMWARE_UNDECIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locked_off),
        cmocka_unit_test(locked_on),
        cmocka_unit_test(not_locked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
