/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 on I/O ports. No lock: the console serialises output, input is read by the boot CPU only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct uart16550 {
    uint16_t port;    /* 0: none */
    uint32_t tx_room; /* bytes the transmit FIFO certainly still takes */
};

/* 8N1 at `baud` (115200 divided by a whole number), FIFOs on, interrupts off. False: nothing answers there.
 */
bool uart16550_init(struct uart16550 *uart, uint16_t port, uint32_t baud);

/* False: no room now. */
bool uart16550_tx(struct uart16550 *uart, uint8_t byte);
bool uart16550_rx(struct uart16550 *uart, uint8_t *byte);

/* Received data raises the interrupt from now on. */
void uart16550_rx_irq_enable(struct uart16550 *uart);

/* Waits, but not for ever, for room; for panics. */
void uart16550_tx_wait(struct uart16550 *uart, uint8_t byte);

/* Waits, but not for ever, until the last byte has left the shift register. */
void uart16550_drain(const struct uart16550 *uart);
