/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text out of the first serial port, polled. Lines end in CR LF on the wire.
 */
#pragma once

/* 115200 8N1, FIFO on, interrupts off. */
void print_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Waits, but not for ever, until the last byte is out: what follows may turn the machine off. */
void print_drain(void);
