/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet layer of the GDB server under libFuzzer. Against a second receiver, written from the protocol's
 * description and as simple as can be: both must see the same packets and interrupts. What was received is
 * sent back escaped and must come out as it was.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gdb_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gdb_link link, other;

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "property violated: %s\n", what);
    abort();
}

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* data[at] is the last byte of a good packet: its contents into `text`, their length; -1: it is not. */
static long packet_ending_at(const uint8_t *data, size_t at, size_t start, uint8_t *text)
{
    size_t length = 0;
    uint8_t sum = 0;
    size_t end = at - 2;

    if (at < start + 3 || data[start] != '$' || data[end] != '#' || hex(data[at - 1]) < 0 ||
        hex(data[at]) < 0)
        return -1;
    for (size_t i = start + 1; i < end; i++) {
        uint8_t byte = data[i];

        sum = (uint8_t)(sum + byte);
        if (byte == '}') {
            if (++i == end)
                return -1;
            sum = (uint8_t)(sum + data[i]);
            byte = data[i] ^ 0x20;
        }
        text[length++] = byte;
    }
    return sum == (hex(data[at - 1]) << 4 | hex(data[at])) && length <= GDB_PACKET_MAX ? (long)length : -1;
}

static void send_back(const uint8_t *text, size_t length)
{
    enum gdb_event event = GDB_NOTHING;
    uint8_t byte;

    gdb_reply_begin(&link);
    for (size_t i = 0; i < length; i++)
        gdb_reply_escaped(&link, (char)text[i]);
    gdb_reply_end(&link);
    gdb_link_init(&other);
    while (gdb_link_peek(&link, &byte)) {
        bool is_ack = link.ack != 0;

        gdb_link_sent(&link);
        if (!is_ack)
            event = gdb_link_receive(&other, byte);
    }
    expect(event == GDB_PACKET, "a reply is no packet");
    expect((other.length == length && memcmp(other.packet, text, length) == 0) || other.length == 3,
           "a reply came out as something else");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[1 << 16];
    size_t start = SIZE_MAX; /* of the packet that is open */

    gdb_link_init(&link);
    for (size_t i = 0; i < size && size <= sizeof(text); i++) {
        enum gdb_event event = gdb_link_receive(&link, data[i]);
        const uint8_t *hash;
        long length = -1;

        if (data[i] == '$')
            start = i;
        hash = start == SIZE_MAX ? NULL : memchr(data + start, '#', i - start);
        if (hash != NULL && hash + 2 == data + i) {
            length = packet_ending_at(data, i, start, text);
            expect((event == GDB_PACKET) == (length >= 0), "packet taken or refused wrongly");
            start = SIZE_MAX;
        } else {
            expect((event == GDB_INTERRUPT) == (start == SIZE_MAX && data[i] == 3), "interrupt");
            expect(event != GDB_PACKET, "packet out of nothing");
        }
        if (length < 0)
            continue;
        expect(link.length == (size_t)length && memcmp(link.packet, text, link.length) == 0, "contents");
        expect(link.packet[link.length] == 0, "no zero behind the contents");
        send_back(text, link.length);
    }
    return 0;
}
