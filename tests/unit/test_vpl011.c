/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vpl011: interrupts, FIFOs, loopback and the console behind it. */
#include "tests/unit/fake_console.h"

#include "vdev/vpl011.h"

#define BASE        UINT64_C(0x2000)
#define SIZE        UINT64_C(0x1000)
#define REG(offset) (BASE + (offset))
#define ENABLED     (VPL011_CR_UARTEN | VPL011_CR_TXE | VPL011_CR_RXE)

static struct vpl011 uart;

static int setup(void **state)
{
    (void)state;
    fake_machine_init();
    fake_console_init(&uart);
    vpl011_init(&uart, &fake_vm, &fake_line);
    return vpl011_register(&uart, fake_bus(), BASE, SIZE);
}

/* As a kernel's driver does: FIFOs on, the given interrupts. */
static void open_port(uint64_t interrupts)
{
    out32(REG(VPL011_LCR_H), (uint32_t)VPL011_LCR_FEN | 0x60);
    out32(REG(VPL011_IMSC), (uint32_t)interrupts);
}

static void test_identification(void **state)
{
    static const uint8_t wanted[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

    (void)state;
    for (uint32_t i = 0; i < sizeof(wanted); i++)
        assert_int_equal(in32(REG(VPL011_PERIPH0 + 4 * i)), wanted[i]);
    assert_int_equal(in32(REG(VPL011_FR)), 0x97);
    out32(REG(VPL011_IBRD), 13);
    out32(REG(VPL011_FBRD), 0xff);
    assert_int_equal(in32(REG(VPL011_IBRD)), 13);
    assert_int_equal(in32(REG(VPL011_FBRD)), 0x3f);
}

static void test_small_kernels_just_write(void **state)
{
    (void)state;
    out32(REG(VPL011_DR), 'h');
    out8(REG(VPL011_DR), 'i');
    assert_int_equal(console_count, 2);
    assert_memory_equal(console_bytes, "hi", 2);
    assert_false(fake_line.level);
}

static void test_transmit_interrupt(void **state)
{
    (void)state;
    open_port(VPL011_INT_TX);
    assert_false(fake_line.level);
    out32(REG(VPL011_DR), 'a');
    assert_true(fake_line.level);
    assert_int_equal(in32(REG(VPL011_MIS)), VPL011_INT_TX);
    out32(REG(VPL011_ICR), (uint32_t)VPL011_INT_TX);
    assert_false(fake_line.level);
    assert_int_equal(in32(REG(VPL011_RIS)), 0);
}

static void test_console_without_room(void **state)
{
    (void)state;
    open_port(VPL011_INT_TX);
    console_room = 1;
    for (int i = 0; i < 1 + VPL011_FIFO; i++)
        out32(REG(VPL011_DR), (uint32_t)('a' + i));
    assert_int_equal(console_count, 1);
    assert_int_equal(in32(REG(VPL011_FR)) & (VPL011_FR_TXFF | VPL011_FR_TXFE), VPL011_FR_TXFF);
    assert_false(fake_line.level); /* above the trigger level */
    out32(REG(VPL011_DR), 'X');    /* no room: lost, as in hardware */
    console_room = 2;
    client_ops->writable(&uart);
    assert_int_equal(console_count, 3);
    assert_false(fake_line.level);
    console_room = UINT32_MAX;
    client_ops->writable(&uart);
    assert_true(fake_line.level);
    assert_int_equal(console_count, 1 + VPL011_FIFO);
    assert_memory_equal(console_bytes, "abcdefghijklmnopq", 17);
    assert_true(in32(REG(VPL011_FR)) & VPL011_FR_TXFE);
}

static void test_transmitter_off_keeps_bytes(void **state)
{
    (void)state;
    open_port(0);
    out32(REG(VPL011_CR), 0);
    out32(REG(VPL011_DR), 'a');
    assert_int_equal(console_count, 0);
    assert_false(in32(REG(VPL011_FR)) & VPL011_FR_TXFE);
    out32(REG(VPL011_CR), (uint32_t)ENABLED);
    assert_int_equal(console_count, 1);
}

static void test_receive(void **state)
{
    (void)state;
    open_port(VPL011_INT_RX | VPL011_INT_RT);
    assert_true(type('a'));
    assert_int_equal(in32(REG(VPL011_MIS)), VPL011_INT_RT); /* below the trigger: the time-out */
    assert_true(fake_line.level);
    for (int i = 1; i < VPL011_FIFO; i++)
        assert_true(type((uint8_t)('a' + i)));
    assert_true(in32(REG(VPL011_MIS)) & VPL011_INT_RX);
    assert_false(type('X'));
    assert_true(in32(REG(VPL011_FR)) & VPL011_FR_RXFF);
    /* A driver acknowledges first and reads then: what is left must not be forgotten. */
    out32(REG(VPL011_ICR), (uint32_t)(VPL011_INT_RX | VPL011_INT_RT));
    assert_false(fake_line.level);
    for (int i = 0; i < VPL011_FIFO; i++)
        assert_int_equal(in32(REG(VPL011_DR)), 'a' + i);
    assert_true(in32(REG(VPL011_FR)) & VPL011_FR_RXFE);
    assert_int_equal(in32(REG(VPL011_DR)), 0);
    assert_true(type('y'));
    assert_true(fake_line.level);
    assert_int_equal(in32(REG(VPL011_DR)), 'y');
    assert_false(fake_line.level);
}

static void test_trigger_levels(void **state)
{
    static const uint8_t levels[] = {2, 4, 8, 12, 14};

    (void)state;
    open_port(VPL011_INT_RX);
    for (uint32_t i = 0; i < sizeof(levels); i++) {
        out32(REG(VPL011_IFLS), i << 3);
        for (uint32_t n = 1; n < levels[i]; n++)
            assert_true(type('a'));
        assert_false(fake_line.level);
        assert_true(type('a'));
        assert_true(fake_line.level);
        while (!(in32(REG(VPL011_FR)) & VPL011_FR_RXFE))
            (void)in32(REG(VPL011_DR));
        assert_false(fake_line.level);
    }
}

static void test_receiver_off(void **state)
{
    (void)state;
    out32(REG(VPL011_CR), (uint32_t)(VPL011_CR_UARTEN | VPL011_CR_TXE));
    assert_false(type('a'));
    out32(REG(VPL011_CR), (uint32_t)ENABLED);
    assert_true(type('a'));
    assert_false(type('b')); /* one byte without FIFOs */
}

static void test_loopback(void **state)
{
    (void)state;
    open_port(VPL011_INT_OE);
    out32(REG(VPL011_CR), (uint32_t)(ENABLED | VPL011_CR_LBE));
    for (int i = 0; i < VPL011_FIFO; i++)
        out32(REG(VPL011_DR), (uint32_t)i);
    assert_false(fake_line.level);
    out32(REG(VPL011_DR), 99);
    assert_true(fake_line.level);
    assert_int_equal(console_count, 0);
    assert_int_equal(in32(REG(VPL011_RSR)), 8);
    assert_int_equal(in32(REG(VPL011_DR)), VPL011_DR_OE);
    assert_int_equal(in32(REG(VPL011_DR)), 1);
    assert_false(type('a')); /* the line waits */
}

static void test_reset(void **state)
{
    (void)state;
    open_port(VPL011_INT_RT);
    assert_true(type('a'));
    assert_true(fake_line.level);
    bus_reset(fake_bus());
    assert_false(fake_line.level);
    assert_true(in32(REG(VPL011_FR)) & VPL011_FR_RXFE);
    assert_int_equal(in32(REG(VPL011_IMSC)), 0);
    out32(REG(VPL011_DR), 'b');
    assert_int_equal(console_count, 1);
}

static void test_storm(void **state)
{
    (void)state;
    fake_storm(BASE - 4, BASE + SIZE + 4, 200000);
    assert_int_equal(fake_end_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identification, setup),
        cmocka_unit_test_setup(test_small_kernels_just_write, setup),
        cmocka_unit_test_setup(test_transmit_interrupt, setup),
        cmocka_unit_test_setup(test_console_without_room, setup),
        cmocka_unit_test_setup(test_transmitter_off_keeps_bytes, setup),
        cmocka_unit_test_setup(test_receive, setup),
        cmocka_unit_test_setup(test_trigger_levels, setup),
        cmocka_unit_test_setup(test_receiver_off, setup),
        cmocka_unit_test_setup(test_loopback, setup),
        cmocka_unit_test_setup(test_reset, setup),
        cmocka_unit_test_setup(test_storm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
