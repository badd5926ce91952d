/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vreset, vpci_none, vdebugexit: the ports that end a VM, and the empty PCI bus around one of them. */
#include "tests/unit/fake_machine.h"

#include "vdev/vdebugexit.h"
#include "vdev/vpci_none.h"
#include "vdev/vreset.h"

static struct vreset reset;
static struct vpci_none pci;
static struct vdebugexit debug_exit;

static int setup(void **state)
{
    (void)state;
    fake_machine_init();
    vreset_init(&reset, &fake_vm);
    vpci_none_init(&pci, &reset);
    vdebugexit_init(&debug_exit, &fake_vm);
    assert_int_equal(vreset_register(&reset, fake_bus()), 0);
    assert_int_equal(vpci_none_register(&pci, fake_bus()), 0);
    assert_int_equal(vdebugexit_register(&debug_exit, fake_bus()), 0);
    return 0;
}

static void expect_end(enum vm_end reason, uint32_t code)
{
    assert_int_equal(fake_end_count, 1);
    assert_int_equal(fake_end_reason, reason);
    assert_int_equal(fake_end_code, code);
    fake_end_count = 0;
}

static void test_control_register(void **state)
{
    (void)state;
    out8(0xcf9, 0x02);
    assert_int_equal(fake_end_count, 0);
    assert_int_equal(in8(0xcf9), 0x02);
    out8(0xcf9, 0x06);
    expect_end(VM_END_RESET, 0);
    out8(0xcf9, 0x06); /* no edge */
    assert_int_equal(fake_end_count, 0);
    bus_reset(fake_bus());
    assert_int_equal(in8(0xcf9), 0);
    out8(0xcf9, 0x0e);
    expect_end(VM_END_RESET, 0);
}

static void test_keyboard_controller(void **state)
{
    (void)state;
    assert_int_equal(in8(0x64), 0); /* nobody waits to write, nobody finds stale data */
    out8(0x64, 0xaa);
    assert_int_equal(in8(0x64), 1);
    assert_int_equal(in8(0x60), 0x55);
    assert_int_equal(in8(0x64), 0);
    out8(0x64, 0xd0);
    assert_int_equal(in8(0x60), 0x03);
    out8(0x64, 0xd1);
    out8(0x60, 0xdf);
    assert_int_equal(fake_end_count, 0);
    out8(0x60, 0x00); /* no longer the output port */
    out8(0x64, 0xff); /* pulses nothing */
    out8(0x64, 0x20);
    assert_int_equal(in8(0x64), 0);
    assert_int_equal(fake_end_count, 0);
    out8(0x64, 0xd1);
    out8(0x60, 0xfe);
    expect_end(VM_END_RESET, 0);
    out8(0x64, 0xfe);
    expect_end(VM_END_RESET, 0);
}

static void test_fast_reset(void **state)
{
    (void)state;
    assert_int_equal(in8(0x92), 0x02);
    out8(0x92, 0x02);
    out8(0x92, 0x00);
    assert_int_equal(fake_end_count, 0);
    assert_int_equal(in8(0x92), 0x02); /* A20 stays open */
    out8(0x92, 0x03);
    expect_end(VM_END_RESET, 0);
}

/* What Linux probes: type 1 answers, type 2 does not, no device anywhere. */
static void test_pci(void **state)
{
    (void)state;
    out8(0xcfb, 0x01);
    out32(0xcf8, 0x80000000);
    assert_int_equal(in32(0xcf8), 0x80000000);
    assert_int_equal(in32(0xcfc), 0xffffffff);
    assert_int_equal(in16(0xcfe), 0xffff);
    assert_int_equal(in8(0xcff), 0xff);
    out32(0xcfc, 0);
    assert_int_equal(in32(0xcfc), 0xffffffff);
    out32(0xcf8, 0xffffffff);
    assert_int_equal(in32(0xcf8), 0x80fffffc);
    out8(0xcfb, 0);
    out8(0xcf8, 0);
    out8(0xcfa, 0);
    assert_true(in8(0xcf8) != 0 || in8(0xcfa) != 0);
    assert_int_equal(fake_end_count, 0);
    bus_reset(fake_bus());
    assert_int_equal(in32(0xcf8), 0);
}

static void test_debug_exit(void **state)
{
    (void)state;
    assert_int_equal(in32(0xf4), 0);
    out8(0xf4, 0x1ff);
    expect_end(VM_END_DEBUG_EXIT, 0xff);
    out16(0xf4, 0x1234);
    expect_end(VM_END_DEBUG_EXIT, 0x1234);
    out32(0xf4, 0xdeadbeef);
    expect_end(VM_END_DEBUG_EXIT, 0xdeadbeef);
}

static void test_shutdown_word(void **state)
{
    (void)state;
    for (const char *s = "SShut Shutdow ShutdownS"; *s != '\0'; s++) {
        assert_int_equal(fake_end_count, s[0] == 'S' && s[1] == '\0');
        out8(0x8900, (uint8_t)*s);
    }
    expect_end(VM_END_POWEROFF, 0);
    for (const char *s = "hutdown"; *s != '\0'; s++)
        out8(0x8900, (uint8_t)*s);
    expect_end(VM_END_POWEROFF, 0);
}

static void test_storm(void **state)
{
    (void)state;
    fake_storm(0x5f, 0x66, 20000);
    fake_storm(0x90, 0xf8, 20000);
    fake_storm(0xcf0, 0xd04, 20000);
    fake_storm(0x88f8, 0x8908, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_control_register, setup),
        cmocka_unit_test_setup(test_keyboard_controller, setup),
        cmocka_unit_test_setup(test_fast_reset, setup),
        cmocka_unit_test_setup(test_pci, setup),
        cmocka_unit_test_setup(test_debug_exit, setup),
        cmocka_unit_test_setup(test_shutdown_word, setup),
        cmocka_unit_test_setup(test_storm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
