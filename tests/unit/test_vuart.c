/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vuart: interrupts, FIFOs, loopback and the console behind it. */
#include "tests/unit/fake_console.h"

#include "vdev/vuart.h"

#define REG(offset) (VUART_COM1 + (offset))

static struct vuart uart;

static int setup(void **state)
{
    (void)state;
    fake_machine_init();
    fake_console_init(&uart);
    vuart_init(&uart, &fake_vm, &fake_line);
    return vuart_register(&uart, fake_bus());
}

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(in8(REG(VUART_LSR)), 0x60);
    assert_int_equal(in8(REG(VUART_IIR)), 0x01);
    assert_int_equal(in8(REG(VUART_MSR)), 0xb0);
    out8(REG(VUART_SCR), 0x5a);
    assert_int_equal(in8(REG(VUART_SCR)), 0x5a);
    out8(REG(VUART_LCR), 0x83);
    out16(REG(0), 0x1234); /* two 8-bit accesses: the divisor */
    assert_int_equal(in8(REG(0)), 0x34);
    assert_int_equal(in8(REG(1)), 0x12);
    assert_int_equal(console_count, 0);
    out8(REG(VUART_LCR), 0x03);
    out8(REG(VUART_IER), 0xff);
    assert_int_equal(in8(REG(VUART_IER)), 0x0f);
    out8(REG(VUART_LSR), 0xff);
    assert_int_equal(in8(REG(VUART_LSR)), 0x60);
    out8(REG(VUART_FCR), 0x01);
    assert_int_equal(in8(REG(VUART_IIR)) & 0xc0, 0xc0);
    bus_reset(fake_bus());
    assert_int_equal(in8(REG(VUART_SCR)), 0);
    assert_int_equal(in8(REG(VUART_IIR)), 0x01);
}

static void test_output(void **state)
{
    (void)state;
    for (const char *s = "hello"; *s != '\0'; s++)
        out8(REG(VUART_THR), (uint8_t)*s);
    assert_int_equal(console_count, 5);
    assert_memory_equal(console_bytes, "hello", 5);
    assert_int_equal(in8(REG(VUART_LSR)), 0x60);
    assert_int_equal(fake_edge_count, 0);
}

static void test_thre_interrupt(void **state)
{
    (void)state;
    out8(REG(VUART_MCR), VUART_MCR_OUT2);
    out8(REG(VUART_IER), VUART_IER_THRE); /* 0 -> 1 with THR empty raises */
    assert_true(fake_line.level);
    out8(REG(VUART_IER), VUART_IER_THRE); /* 1 -> 1 does nothing */
    assert_int_equal(in8(REG(VUART_IIR)), VUART_IIR_THRE);
    assert_false(fake_line.level); /* reading IIR acknowledges */
    assert_int_equal(in8(REG(VUART_IIR)), VUART_IIR_NONE);
    out8(REG(VUART_IER), VUART_IER_THRE);
    assert_false(fake_line.level);
    out8(REG(VUART_IER), 0);
    out8(REG(VUART_IER), VUART_IER_THRE);
    assert_true(fake_line.level);
    /* Each write acknowledges, and the emptied transmitter raises again: an edge each. */
    fake_edge_count = 0;
    out8(REG(VUART_THR), 'a');
    out8(REG(VUART_THR), 'b');
    assert_int_equal(fake_edge_count, 2);
    assert_true(fake_line.level);
    /* LSR does not acknowledge. */
    assert_int_equal(in8(REG(VUART_LSR)), 0x60);
    assert_true(fake_line.level);
}

static void test_back_pressure(void **state)
{
    (void)state;
    out8(REG(VUART_MCR), VUART_MCR_OUT2);
    out8(REG(VUART_FCR), VUART_FCR_ENABLE);
    out8(REG(VUART_IER), VUART_IER_THRE);
    (void)in8(REG(VUART_IIR));
    console_room = 2;
    for (unsigned int i = 0; i < 2 + VUART_FIFO; i++)
        out8(REG(VUART_THR), 'a' + i);
    assert_int_equal(console_count, 2);
    assert_int_equal(in8(REG(VUART_LSR)) & 0x60, 0);
    assert_int_equal(in8(REG(VUART_IIR)) & 0xf, VUART_IIR_NONE);
    assert_false(fake_line.level);
    console_room = 3;
    client_ops->writable(&uart);
    assert_int_equal(in8(REG(VUART_LSR)) & 0x60, 0); /* not yet all out */
    assert_false(fake_line.level);
    console_room = 100;
    client_ops->writable(&uart);
    assert_int_equal(console_count, 2 + VUART_FIFO);
    for (unsigned int i = 0; i < 2 + VUART_FIFO; i++)
        assert_int_equal(console_bytes[i], 'a' + i);
    assert_int_equal(in8(REG(VUART_LSR)) & 0x60, 0x60);
    assert_true(fake_line.level);
    client_ops->writable(&uart); /* nothing waits: nothing happens */
    /* Without FIFOs one byte waits. */
    out8(REG(VUART_FCR), 0);
    console_room = 0;
    out8(REG(VUART_THR), 'x');
    assert_int_equal(in8(REG(VUART_LSR)) & 0x60, 0);
    console_room = 1;
    client_ops->writable(&uart);
    assert_int_equal(console_bytes[console_count - 1], 'x');
}

static void test_input(void **state)
{
    (void)state;
    out8(REG(VUART_MCR), VUART_MCR_OUT2);
    out8(REG(VUART_IER), VUART_IER_RDA);
    assert_true(type('a'));
    assert_false(type('b')); /* one byte without FIFOs; the rest waits outside */
    assert_true(fake_line.level);
    assert_int_equal(in8(REG(VUART_LSR)), 0x61);
    assert_int_equal(in8(REG(VUART_IIR)), VUART_IIR_RDA);
    assert_int_equal(in8(REG(VUART_RBR)), 'a');
    assert_false(fake_line.level);
    assert_int_equal(in8(REG(VUART_LSR)), 0x60);
    assert_int_equal(in8(REG(VUART_RBR)), 0);
}

static void test_trigger_and_timeout(void **state)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    (void)state;
    out8(REG(VUART_MCR), VUART_MCR_OUT2);
    out8(REG(VUART_IER), VUART_IER_RDA);
    for (unsigned int t = 0; t < 4; t++) {
        out8(REG(VUART_FCR), VUART_FCR_ENABLE | VUART_FCR_CLEAR_RX | t << 6);
        for (unsigned int i = 1; i <= VUART_FIFO; i++) {
            assert_true(type((uint8_t)i));
            assert_int_equal(fake_line.level, i >= levels[t]);
        }
        assert_false(type(0));
        for (unsigned int i = 1; i <= VUART_FIFO; i++) {
            assert_int_equal(in8(REG(VUART_IIR)) & 0xf,
                             VUART_FIFO - i + 1 >= levels[t] ? VUART_IIR_RDA : VUART_IIR_NONE);
            assert_int_equal(in8(REG(VUART_RBR)), i);
        }
        assert_false(fake_line.level);
    }
    /* Below the trigger: after four characters of silence the time-out interrupt comes. */
    assert_true(type('x'));
    assert_true(type('y'));
    fake_pass_ns(300 * NS_PER_US);
    assert_false(fake_line.level);
    fake_pass_ns(NS_PER_MS);
    assert_true(fake_line.level);
    assert_int_equal(in8(REG(VUART_IIR)) & 0xf, VUART_IIR_CTI);
    assert_int_equal(in8(REG(VUART_RBR)), 'x'); /* reading acknowledges, and starts it again for the rest */
    assert_false(fake_line.level);
    fake_pass_ns(NS_PER_MS);
    assert_true(fake_line.level);
    assert_int_equal(in8(REG(VUART_RBR)), 'y');
    fake_pass_ns(NS_PER_SEC);
    assert_false(fake_line.level);
}

/* What Linux's autoconfiguration looks at. */
static void test_loopback(void **state)
{
    (void)state;
    out8(REG(VUART_MCR), VUART_MCR_LOOP | 0x0a);
    assert_int_equal(in8(REG(VUART_MSR)) & 0xf0, 0x90);
    out8(REG(VUART_MCR), VUART_MCR_LOOP | 0x0f);
    assert_int_equal(in8(REG(VUART_MSR)) & 0xf0, 0xf0);
    out8(REG(VUART_MCR), VUART_MCR_LOOP);
    assert_int_equal(in8(REG(VUART_MSR)), 0x0f); /* all changed, RI fell */
    assert_int_equal(in8(REG(VUART_MSR)), 0x00);
    out8(REG(VUART_MCR), VUART_MCR_LOOP | VUART_MCR_OUT1);
    assert_int_equal(in8(REG(VUART_MSR)), 0x40); /* RI rising is no event */
    out8(REG(VUART_LCR), 0x03);
    out8(REG(VUART_THR), 0xc5);
    assert_int_equal(console_count, 0);
    assert_int_equal(in8(REG(VUART_LSR)), 0x61);
    assert_false(type('z'));
    out8(REG(VUART_THR), 0xc6); /* overrun */
    assert_int_equal(in8(REG(VUART_LSR)), 0x63);
    assert_int_equal(in8(REG(VUART_LSR)), 0x61);
    assert_int_equal(in8(REG(VUART_RBR)), 0xc5);
    out8(REG(VUART_LCR), 0x00);
    out8(REG(VUART_THR), 0xff);
    assert_int_equal(in8(REG(VUART_RBR)), 0x1f); /* five data bits */
}

static void test_priorities(void **state)
{
    (void)state;
    out8(REG(VUART_FCR), VUART_FCR_ENABLE);
    out8(REG(VUART_MCR), VUART_MCR_LOOP);
    for (unsigned int i = 0; i < VUART_FIFO + 1; i++)
        out8(REG(VUART_THR), i);
    out8(REG(VUART_IER), 0x0f);
    assert_false(fake_line.level); /* loopback cuts OUT2 off */
    assert_int_equal(in8(REG(VUART_IIR)), 0xc6);
    assert_int_equal(in8(REG(VUART_LSR)), 0x63);
    assert_int_equal(in8(REG(VUART_IIR)), 0xc4);
    out8(REG(VUART_FCR), VUART_FCR_ENABLE | VUART_FCR_CLEAR_RX);
    assert_int_equal(in8(REG(VUART_IIR)), 0xc2);
    assert_int_equal(in8(REG(VUART_IIR)), 0xc0); /* modem status: the lines changed */
    (void)in8(REG(VUART_MSR));
    assert_int_equal(in8(REG(VUART_IIR)), 0xc1);
}

static void test_out2_gates(void **state)
{
    (void)state;
    out8(REG(VUART_IER), VUART_IER_RDA);
    assert_true(type('a'));
    assert_false(fake_line.level);
    out8(REG(VUART_MCR), VUART_MCR_OUT2);
    assert_true(fake_line.level);
    bus_reset(fake_bus());
    assert_false(fake_line.level);
}

static void test_storm(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 200; i++) {
        fake_storm(REG(0) - 4, REG(VUART_PORTS) + 4, 500);
        console_room = (unsigned int)rand() % 40;
        client_ops->writable(&uart);
        (void)type((uint8_t)i);
        assert_true(uart.rx.count <= VUART_FIFO && uart.tx.count <= VUART_FIFO);
        assert_int_equal((uart.lsr & VUART_LSR_DR) != 0, uart.rx.count != 0);
        assert_int_equal((uart.lsr & VUART_LSR_THRE) != 0, uart.tx.count == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers, setup),
        cmocka_unit_test_setup(test_output, setup),
        cmocka_unit_test_setup(test_thre_interrupt, setup),
        cmocka_unit_test_setup(test_back_pressure, setup),
        cmocka_unit_test_setup(test_input, setup),
        cmocka_unit_test_setup(test_trigger_and_timeout, setup),
        cmocka_unit_test_setup(test_loopback, setup),
        cmocka_unit_test_setup(test_priorities, setup),
        cmocka_unit_test_setup(test_out2_gates, setup),
        cmocka_unit_test_setup(test_storm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
