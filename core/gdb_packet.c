/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "core/gdb_packet.h"

#include "lib/string.h"

#define INTERRUPT  0x03
#define ESCAPE_XOR 0x20
#define FRAME_END  3 /* '#' and two digits */

enum receiver {
    OUTSIDE,
    INSIDE,
    FIRST_DIGIT,
    SECOND_DIGIT,
};

static const char digits[] = "0123456789abcdef";

int gdb_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | ESCAPE_XOR); /* lower case */
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void gdb_link_init(struct gdb_link *link)
{
    *link = (struct gdb_link){.state = OUTSIDE};
}

static void start_packet(struct gdb_link *link)
{
    link->state = INSIDE;
    link->sum = 0;
    link->length = 0;
    link->escaped = false;
    link->too_long = false;
}

static void take_inside(struct gdb_link *link, uint8_t byte)
{
    link->sum = (uint8_t)(link->sum + byte);
    if (!link->escaped && byte == '}') {
        link->escaped = true;
        return;
    }
    if (link->escaped)
        byte ^= ESCAPE_XOR;
    link->escaped = false;
    if (link->length == GDB_PACKET_MAX)
        link->too_long = true;
    else
        link->packet[link->length++] = byte;
}

static enum gdb_event end_packet(struct gdb_link *link)
{
    bool good = link->given == link->sum && !link->escaped && !link->too_long;

    link->state = OUTSIDE;
    if (!link->no_ack)
        link->ack = good ? '+' : '-';
    link->packet[link->length] = 0;
    return good ? GDB_PACKET : GDB_NOTHING;
}

static enum gdb_event take_outside(struct gdb_link *link, uint8_t byte)
{
    if (byte == INTERRUPT)
        return GDB_INTERRUPT;
    if (byte == '-' && !link->no_ack)
        link->reply_at = 0; /* once more */
    else if (byte == '+' && link->reply_at == link->reply_length)
        link->reply_length = link->reply_at = 0;
    return GDB_NOTHING;
}

enum gdb_event gdb_link_receive(struct gdb_link *link, uint8_t byte)
{
    int digit;

    if (byte == '$') { /* never part of a packet, so the one before has lost its end */
        start_packet(link);
        return GDB_NOTHING;
    }
    switch (link->state) {
    case INSIDE:
        if (byte == '#')
            link->state = FIRST_DIGIT;
        else
            take_inside(link, byte);
        return GDB_NOTHING;
    case FIRST_DIGIT:
    case SECOND_DIGIT:
        digit = gdb_digit((char)byte);
        if (digit < 0)
            link->too_long = true; /* refused at its end */
        link->given = (uint8_t)(link->given << 4 | (digit & 15));
        if (link->state == SECOND_DIGIT)
            return end_packet(link);
        link->state = SECOND_DIGIT;
        return GDB_NOTHING;
    default:
        return take_outside(link, byte);
    }
}

bool gdb_link_peek(const struct gdb_link *link, uint8_t *byte)
{
    if (link->ack != 0) {
        *byte = link->ack;
        return true;
    }
    if (link->reply_at >= link->reply_length)
        return false;
    *byte = link->reply[link->reply_at];
    return true;
}

void gdb_link_sent(struct gdb_link *link)
{
    if (link->ack != 0)
        link->ack = 0;
    else
        link->reply_at++;
}

void gdb_reply_begin(struct gdb_link *link)
{
    link->reply[0] = '$';
    link->reply_at = 1;
    link->reply_length = 1; /* so that nothing is sent of it yet */
    link->reply_sum = 0;
    link->reply_too_long = false;
}

void gdb_reply_char(struct gdb_link *link, char c)
{
    if (link->reply_at >= sizeof(link->reply) - FRAME_END) {
        link->reply_too_long = true;
        return;
    }
    link->reply[link->reply_at++] = (uint8_t)c;
    link->reply_sum = (uint8_t)(link->reply_sum + (uint8_t)c);
}

void gdb_reply_text(struct gdb_link *link, const char *text)
{
    while (*text != '\0')
        gdb_reply_char(link, *text++);
}

void gdb_reply_bytes(struct gdb_link *link, const void *from, size_t size)
{
    const uint8_t *bytes = from;

    for (size_t i = 0; i < size; i++) {
        gdb_reply_char(link, digits[bytes[i] >> 4]);
        gdb_reply_char(link, digits[bytes[i] & 15]);
    }
}

void gdb_reply_number(struct gdb_link *link, uint64_t value)
{
    unsigned int shift = 60;

    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        gdb_reply_char(link, digits[value >> shift & 15]);
        if (shift == 0)
            return;
    }
}

void gdb_reply_escaped(struct gdb_link *link, char c)
{
    if (c == '#' || c == '$' || c == '}' || c == '*') {
        gdb_reply_char(link, '}');
        c ^= ESCAPE_XOR;
    }
    gdb_reply_char(link, c);
}

void gdb_reply_end(struct gdb_link *link)
{
    uint8_t sum;

    if (link->reply_too_long) {
        gdb_reply_begin(link);
        gdb_reply_text(link, "E07");
    }
    sum = link->reply_sum;
    link->reply[link->reply_at++] = '#';
    link->reply[link->reply_at++] = (uint8_t)digits[sum >> 4];
    link->reply[link->reply_at++] = (uint8_t)digits[sum & 15];
    link->reply_length = link->reply_at;
    link->reply_at = 0;
}

bool gdb_take_number(const char **at, uint64_t *value)
{
    const char *start = *at;

    *value = 0;
    for (; gdb_digit(**at) >= 0; (*at)++) {
        if (*at - start == 16)
            return false;
        *value = *value << 4 | (uint64_t)gdb_digit(**at);
    }
    return *at != start;
}

bool gdb_take_bytes(const char **at, void *to, size_t size)
{
    uint8_t *bytes = to;

    for (size_t i = 0; i < size; i++) {
        int high = gdb_digit((*at)[0]);
        int low = high < 0 ? -1 : gdb_digit((*at)[1]);

        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    return true;
}

bool gdb_take_text(const char **at, const char *text)
{
    if (!str_starts(*at, text))
        return false;
    *at += strlen(text);
    return true;
}
