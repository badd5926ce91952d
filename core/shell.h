/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debug shell. One command at a time, as a state machine in the boot CPU's loop: it never waits, prints
 * only what its ring has room for, and goes on at the next poll. docs/shell.md.
 *
 * Boot CPU only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Once, before the VMs start: a port of its own if config.shell_port names one. */
void shell_init(void);

/* It has one: the console is not for it. */
bool shell_has_port(void);

/* The shell gets the terminal: shows its prompt. */
void shell_open(void);

/* A byte was typed. Ctrl-C stops a command at once; other bytes wait for its end. */
void shell_input(uint8_t byte);

/* Goes on with the command, with output and with input. True: there is more to do soon. */
bool shell_poll(void);
