/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 16550 by polling, plus the receive interrupt. The transmit FIFO's depth is used: once THRE shows it empty,
 * 16 bytes go without another look at the status, each of which costs a microsecond on real ports.
 */
#include "drivers/uart16550.h"

#include "lib/bits.h"
#include "lib/pio.h"

enum uart_register {
    UART_DATA = 0, /* DLL while DLAB */
    UART_IER = 1,  /* DLM while DLAB */
    UART_FCR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_SCRATCH = 7,
};

#define UART_IER_RX    BIT(0)
#define UART_FCR_SETUP 0x07 /* on, both FIFOs cleared, interrupt at the first byte */
#define UART_LCR_8N1   0x03
#define UART_LCR_DLAB  0x80
#define UART_MCR_SETUP 0x0b /* DTR, RTS, OUT2: the interrupt line is connected */
#define UART_LSR_DATA  BIT(0)
#define UART_LSR_THRE  BIT(5)
#define UART_LSR_TEMT  BIT(6)

#define UART_CLOCK    115200
#define UART_FIFO     16
#define UART_TX_TRIES 200000

static void uart_write(const struct uart16550 *uart, enum uart_register reg, uint8_t value)
{
    pio_write8((uint16_t)(uart->port + reg), value);
}

static uint8_t uart_read(const struct uart16550 *uart, enum uart_register reg)
{
    return pio_read8((uint16_t)(uart->port + reg));
}

bool uart16550_init(struct uart16550 *uart, uint16_t port, uint32_t baud)
{
    uint32_t divisor = baud == 0 || baud > UART_CLOCK ? 1 : UART_CLOCK / baud;
    const uint8_t probe = 0x5a;

    *uart = (struct uart16550){.port = port};
    uart_write(uart, UART_SCRATCH, probe);
    if (uart_read(uart, UART_SCRATCH) != probe) {
        uart->port = 0;
        return false;
    }
    uart_write(uart, UART_IER, 0);
    uart_write(uart, UART_LCR, UART_LCR_DLAB);
    uart_write(uart, UART_DATA, (uint8_t)divisor);
    uart_write(uart, UART_IER, (uint8_t)(divisor >> 8));
    uart_write(uart, UART_LCR, UART_LCR_8N1);
    uart_write(uart, UART_FCR, UART_FCR_SETUP);
    uart_write(uart, UART_MCR, UART_MCR_SETUP);
    return true;
}

bool uart16550_tx(struct uart16550 *uart, uint8_t byte)
{
    if (uart->port == 0)
        return true; /* nobody listens: take it, so that nothing waits */
    if (uart->tx_room == 0) {
        if ((uart_read(uart, UART_LSR) & UART_LSR_THRE) == 0)
            return false;
        uart->tx_room = UART_FIFO;
    }
    uart->tx_room--;
    uart_write(uart, UART_DATA, byte);
    return true;
}

bool uart16550_rx(struct uart16550 *uart, uint8_t *byte)
{
    if (uart->port == 0 || (uart_read(uart, UART_LSR) & UART_LSR_DATA) == 0)
        return false;
    *byte = uart_read(uart, UART_DATA);
    return true;
}

void uart16550_rx_irq_enable(struct uart16550 *uart)
{
    if (uart->port != 0)
        uart_write(uart, UART_IER, UART_IER_RX);
}

void uart16550_tx_wait(struct uart16550 *uart, uint8_t byte)
{
    for (uint32_t i = 0; i < UART_TX_TRIES && !uart16550_tx(uart, byte); i++)
        ;
}

void uart16550_drain(const struct uart16550 *uart)
{
    for (uint32_t i = 0; i < UART_TX_TRIES && uart->port != 0; i++)
        if ((uart_read(uart, UART_LSR) & UART_LSR_TEMT) != 0)
            return;
}
