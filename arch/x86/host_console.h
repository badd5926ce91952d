/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's serial port behind core's arch_console_*(): which one, and its interrupt.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Finds the word `console=comN[,baud]` in Latch's command line and sets that port up; COM1 at 115200 without
 * one. Early, before the command line is parsed for good: a malformed word counts as absent here.
 */
void host_console_init(const char *cmdline);

/* The legacy IRQ of the port, and its name for people ("com1", "none"). */
uint8_t host_console_irq(void);
const char *host_console_name(void);

/* Received bytes raise the interrupt from now on. */
void host_console_irq_enable(void);

/* Waits until the last byte is on the wire; before the machine ends. */
void host_console_drain(void);
