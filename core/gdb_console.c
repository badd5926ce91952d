/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "core/gdb_console.h"

#include "core/console.h"
#include "core/time.h"
#include "lib/byte_ring.h"

#define INPUT_RING  1024 /* the server empties it after each batch of the console's */
#define UNIT_MOST   (2 * GDB_PACKET_MAX)
#define UNIT_END_NS (2 * NS_PER_SEC) /* a unit whose end is lost: the console's again after so long */
#define TAIL        2                /* digits behind '#' */

static struct {
    bool is_inside; /* a unit has begun */
    uint32_t length;
    uint32_t tail; /* digits still to come once '#' was there; 0: not yet */
    uint64_t heard_ns;
    struct byte_ring ring;
    uint8_t bytes[INPUT_RING];
} input;

void gdb_console_begin(void)
{
    if (input.ring.bytes == NULL)
        byte_ring_init(&input.ring, input.bytes, INPUT_RING);
    input.is_inside = true;
    input.length = 0;
    input.tail = 0;
    input.heard_ns = time_now_ns();
}

/* Whether the unit goes on behind this byte. */
static bool goes_on(uint8_t byte)
{
    if (input.length++ == 0)
        return byte == '$';
    if (input.tail != 0)
        return --input.tail != 0;
    if (byte == '#')
        input.tail = TAIL;
    return input.length < UNIT_MOST;
}

bool gdb_console_take(uint8_t byte)
{
    uint64_t now;

    if (LIKELY(!input.is_inside))
        return false;
    now = time_now_ns();
    input.is_inside = now - input.heard_ns < UNIT_END_NS;
    if (!input.is_inside)
        return false;
    input.heard_ns = now;
    input.is_inside = goes_on(byte);
    if (byte_ring_room(&input.ring) != 0) /* else the sum is wrong, and the debugger asks again */
        byte_ring_push(&input.ring, byte);
    return true;
}

bool gdb_console_rx(uint8_t *byte)
{
    if (input.ring.bytes == NULL || byte_ring_used(&input.ring) == 0)
        return false;
    *byte = byte_ring_pop(&input.ring);
    return true;
}

bool gdb_console_send(struct gdb_link *link, uint32_t *budget)
{
    uint8_t frame[GDB_FRAME_MAX];
    uint32_t length = 0;

    if (!console_has_frame_room())
        return false;
    while (length < sizeof(frame) && gdb_link_peek(link, &frame[length])) {
        gdb_link_sent(link);
        length++;
    }
    console_write_frame(frame, length);
    *budget -= (uint32_t)min_u64(length, *budget);
    return true;
}
