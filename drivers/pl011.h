/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's PrimeCell UART, PL011. Polled output, input by polling or interrupt. The line settings are left as
 * the firmware made them, since the input clock's rate is the board's secret.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pl011 {
    uint64_t base; /* of the register page, mapped as a device; 0: none, output is dropped */
};

/* True if the PrimeCell identification registers at `base` are a PL011's. */
bool pl011_probe(uint64_t base);

/* Takes the port over: enabled, FIFOs on, all interrupts masked. */
void pl011_init(struct pl011 *uart, uint64_t base);

/* False: no room (or no port), the byte was not taken. */
bool pl011_tx(struct pl011 *uart, uint8_t byte);

/* Waits for room, but not forever. */
void pl011_tx_wait(struct pl011 *uart, uint8_t byte);

/* False: nothing there. */
bool pl011_rx(struct pl011 *uart, uint8_t *byte);

/* Interrupts, or not, when bytes have come or one stands in the FIFO for some time. */
void pl011_rx_irq_enable(struct pl011 *uart, bool on);

/* Waits, not forever, until the last bit is on the wire. */
void pl011_drain(struct pl011 *uart);
