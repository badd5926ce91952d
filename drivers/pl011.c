/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers after Arm's "PrimeCell UART (PL011) Technical Reference Manual", "Summary of registers". Only
 * whoever holds the console's lock gets here, or the panicking CPU without it.
 */
#include "drivers/pl011.h"

#include "lib/bits.h"
#include "lib/mmio.h"

enum pl011_register {
    UART_DR = 0x00,
    UART_FR = 0x18,
    UART_LCR_H = 0x2c,
    UART_CR = 0x30,
    UART_IMSC = 0x38,
    UART_ICR = 0x44,
    UART_PERIPH_ID = 0xfe0, /* four registers, one byte each */
    UART_CELL_ID = 0xff0,   /* likewise */
};

#define FR_BUSY BIT(3)
#define FR_RXFE BIT(4)
#define FR_TXFF BIT(5)

#define LCR_H_FEN    BIT(4)
#define LCR_H_WLEN_8 FIELD(6, 5)

#define CR_UARTEN BIT(0)
#define CR_TXE    BIT(8)
#define CR_RXE    BIT(9)

#define INT_RX      BIT(4)
#define INT_RT      BIT(6) /* receive time-out */
#define INT_ALL     FIELD(10, 0)
#define DATA_MASK   FIELD(7, 0)
#define PART_NUMBER FIELD(11, 0)
#define PL011_PART  0x011
#define CELL_ID     0xb105f00d
#define WAIT_TRIES  1000000 /* reads of the flags: seconds on real hardware */

static uint32_t read(const struct pl011 *uart, enum pl011_register reg)
{
    return mmio_read32(uart->base + reg);
}

static void write(const struct pl011 *uart, enum pl011_register reg, uint64_t value)
{
    mmio_write32(uart->base + reg, (uint32_t)value);
}

static uint32_t read_id(uint64_t at)
{
    uint32_t id = 0;

    for (uint32_t i = 0; i < 4; i++)
        id |= (mmio_read32(at + 4 * i) & 0xff) << (8 * i);
    return id;
}

bool pl011_probe(uint64_t base)
{
    return read_id(base + UART_CELL_ID) == CELL_ID &&
           field_get(read_id(base + UART_PERIPH_ID), PART_NUMBER) == PL011_PART;
}

void pl011_init(struct pl011 *uart, uint64_t base)
{
    uart->base = base;
    write(uart, UART_IMSC, 0);
    write(uart, UART_ICR, INT_ALL);
    /* LCR_H may be written only while the port is off and idle; a firmware's console has it right already. */
    if ((read(uart, UART_LCR_H) & LCR_H_FEN) == 0) {
        pl011_drain(uart);
        write(uart, UART_CR, 0);
        write(uart, UART_LCR_H, LCR_H_FEN | LCR_H_WLEN_8);
    }
    write(uart, UART_CR, CR_UARTEN | CR_TXE | CR_RXE);
}

bool pl011_tx(struct pl011 *uart, uint8_t byte)
{
    if (uart->base == 0)
        return true;
    if ((read(uart, UART_FR) & FR_TXFF) != 0)
        return false;
    write(uart, UART_DR, byte);
    return true;
}

void pl011_tx_wait(struct pl011 *uart, uint8_t byte)
{
    for (uint32_t i = 0; i < WAIT_TRIES && !pl011_tx(uart, byte); i++)
        ;
}

bool pl011_rx(struct pl011 *uart, uint8_t *byte)
{
    if (uart->base == 0 || (read(uart, UART_FR) & FR_RXFE) != 0)
        return false;
    *byte = (uint8_t)(read(uart, UART_DR) & DATA_MASK);
    return true;
}

void pl011_rx_irq_enable(struct pl011 *uart, bool on)
{
    if (uart->base != 0)
        write(uart, UART_IMSC, on ? INT_RX | INT_RT : 0);
}

void pl011_drain(struct pl011 *uart)
{
    if (uart->base == 0)
        return;
    for (uint32_t i = 0; i < WAIT_TRIES && (read(uart, UART_FR) & FR_BUSY) != 0; i++)
        ;
}
