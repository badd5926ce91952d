/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GDB server: one debugger on a serial port of its own (gdb=com2[:VM]), one VM at a time, its vCPUs as
 * threads. Everything happens in gdb_poll(), by the boot CPU's loop; nothing waits there. docs/gdb.md.
 */
#pragma once

#include "core/guest_debug.h"

/* Once, before the VMs start: opens the port that config.gdb_port names, or none. */
void gdb_init(void);

/* Moves bytes and answers what is complete. Boot CPU's loop, each round; keeps a timer armed so that it is
 * called again. Returns at once where there is no port. */
void gdb_poll(void);

extern const struct guest_debug_listener gdb_listener;
