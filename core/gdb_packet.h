/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of the GDB remote serial protocol ("Overview", "Packet Acknowledgment", appendix "Remote Protocol"
 * of GDB's manual): bytes in, packets out, and the other way round. Pure: it reaches no wire and knows no
 * command. Whatever comes in, at most one packet of bounded size is kept; a packet that is damaged or too
 * long is refused and leaves nothing behind. Run-length encoding is neither sent nor, as the protocol demands
 * of hosts, received.
 *
 * One user at a time: the boot CPU's loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define GDB_PACKET_MAX 4096 /* bytes of a packet's contents, either direction */

enum gdb_event {
    GDB_NOTHING,
    GDB_PACKET,    /* link->packet holds the contents */
    GDB_INTERRUPT, /* 0x03 outside a packet */
};

struct gdb_link {
    uint8_t state; /* of the receiver; private */
    uint8_t sum, given;
    bool escaped, too_long;
    bool no_ack;     /* set by the user of the link, after QStartNoAckMode has been answered */
    uint8_t ack;     /* '+' or '-' to be sent, 0: none */
    uint32_t length; /* of `packet`, or of what has come of it */
    uint32_t reply_length, reply_at; /* bytes of `reply` with its frame; the next one to be sent */
    uint8_t reply_sum;
    bool reply_too_long;
    uint8_t packet[GDB_PACKET_MAX + 1]; /* unescaped, a zero behind it */
    uint8_t reply[GDB_PACKET_MAX + 4];
};

/* As at power-on: nothing received, nothing to send, acknowledgments on. */
void gdb_link_init(struct gdb_link *link);

/* Takes one byte off the wire. */
enum gdb_event gdb_link_receive(struct gdb_link *link, uint8_t byte);

/* The next byte for the wire, if any; gdb_link_sent() once it is gone. */
MUST_CHECK bool gdb_link_peek(const struct gdb_link *link, uint8_t *byte);
void gdb_link_sent(struct gdb_link *link);

/*
 * Builds a packet to send; begin throws away what was not sent yet. What does not fit makes the whole packet
 * an error reply (E07). Nothing is sent before the end.
 */
void gdb_reply_begin(struct gdb_link *link);
void gdb_reply_char(struct gdb_link *link, char c);
void gdb_reply_text(struct gdb_link *link, const char *text);
/* Two digits a byte, in order of memory. */
void gdb_reply_bytes(struct gdb_link *link, const void *from, size_t size);
/* A number without leading zeros. */
void gdb_reply_number(struct gdb_link *link, uint64_t value);
/* Text as it is: what the protocol uses itself is escaped. */
void gdb_reply_escaped(struct gdb_link *link, char c);
void gdb_reply_end(struct gdb_link *link);

/* --- Reading a packet's contents: a place in text that ends with a zero ----------------------------------
 */

/* Hexadecimal digits, at most 16, at least one; moves `*at` behind them. */
MUST_CHECK bool gdb_take_number(const char **at, uint64_t *value);
/* Exactly 2 * size digits. */
MUST_CHECK bool gdb_take_bytes(const char **at, void *to, size_t size);
/* The text itself. */
MUST_CHECK bool gdb_take_text(const char **at, const char *text);
/* -1: not a hexadecimal digit. */
int gdb_digit(char c);
