/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GDB server on the console's wire (gdb=console), for machines with one serial port.
 *
 * Towards Latch: the console's escape character and `g`, then one unit of the remote protocol: a packet from
 * '$' to the second digit behind '#', or one byte (an acknowledgment, 0x03). Within it no byte means anything
 * else. From Latch: frames `ESC _ 0x1e g BYTES ESC \`, an "application program command" that terminals do not
 * show; at most GDB_FRAME_MAX bytes, never with anything in between. Guests cannot send 0x1e then. The other
 * end is tools/gdb-mux, or the launcher. Boot CPU's loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/console.h"
#include "core/gdb_packet.h"
#include "lib/bits.h"

#define GDB_FRAME_MAX CONSOLE_FRAME_MAX

/* The escape character and `g` have come. */
void gdb_console_begin(void);

/* A byte off the wire: true if it belonged to a unit that had begun. */
bool gdb_console_take(uint8_t byte);

/* The next byte for the server. */
MUST_CHECK bool gdb_console_rx(uint8_t *byte);

/* Sends of the link's bytes what a frame holds; `*budget` less by so many. False: there is no room now. */
MUST_CHECK bool gdb_console_send(struct gdb_link *link, uint32_t *budget);
