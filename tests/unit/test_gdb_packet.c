/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet layer of the GDB server: frames, acknowledgments, escapes, limits, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/gdb_packet.h"

static struct gdb_link link;

static enum gdb_event feed(const char *bytes, size_t size)
{
    enum gdb_event event = GDB_NOTHING;

    for (size_t i = 0; i < size; i++) {
        enum gdb_event now = gdb_link_receive(&link, (uint8_t)bytes[i]);

        if (now != GDB_NOTHING)
            event = now;
    }
    return event;
}

static enum gdb_event feed_text(const char *text)
{
    return feed(text, strlen(text));
}

/* All that is to be sent. */
static const char *sent(void)
{
    static char text[2 * GDB_PACKET_MAX];
    size_t length = 0;
    uint8_t byte;

    while (gdb_link_peek(&link, &byte)) {
        gdb_link_sent(&link);
        text[length++] = (char)byte;
    }
    text[length] = '\0';
    return text;
}

static void test_packet(void **state)
{
    (void)state;
    gdb_link_init(&link);
    assert_int_equal(feed_text("$g#6"), GDB_NOTHING);
    assert_int_equal(feed_text("7"), GDB_PACKET);
    assert_string_equal((const char *)link.packet, "g");
    assert_int_equal(link.length, 1);
    assert_string_equal(sent(), "+");
    assert_int_equal(feed_text("$#00"), GDB_PACKET);
    assert_int_equal(link.length, 0);
}

static void test_wrong_sum_is_refused_and_forgotten(void **state)
{
    (void)state;
    gdb_link_init(&link);
    assert_int_equal(feed_text("$g#68"), GDB_NOTHING);
    assert_string_equal(sent(), "-");
    assert_int_equal(feed_text("$g#zz"), GDB_NOTHING);
    assert_string_equal(sent(), "-");
    assert_int_equal(feed_text("$g}#e4"), GDB_NOTHING); /* ends within an escape */
    assert_string_equal(sent(), "-");
    assert_int_equal(feed_text("$m1,2$g#67"), GDB_PACKET); /* the first one's end was lost */
    assert_string_equal((const char *)link.packet, "g");
}

static void test_without_acknowledgments(void **state)
{
    (void)state;
    gdb_link_init(&link);
    link.no_ack = true;
    assert_int_equal(feed_text("$g#67"), GDB_PACKET);
    assert_int_equal(feed_text("$g#68"), GDB_NOTHING);
    assert_string_equal(sent(), "");
}

static void test_escapes(void **state)
{
    static const char bytes[] = "$X:}\x03}]\x03#ef"; /* '#' and '}' escaped, 0x03 as it is */

    (void)state;
    gdb_link_init(&link);
    assert_int_equal(feed(bytes, sizeof(bytes) - 1), GDB_PACKET);
    assert_memory_equal(link.packet, "X:#}\x03", 6);
    gdb_reply_begin(&link);
    for (const char *at = "a#$}*b"; *at != '\0'; at++)
        gdb_reply_escaped(&link, *at);
    gdb_reply_end(&link);
    assert_string_equal(sent(), "+$a}\x03}\x04}]}\x0a"
                                "b#25");
}

static void test_interrupt(void **state)
{
    (void)state;
    gdb_link_init(&link);
    assert_int_equal(feed_text("\x03"), GDB_INTERRUPT);
    assert_int_equal(feed_text("++--\x03"), GDB_INTERRUPT);
    assert_int_equal(feed_text("$\x03"), GDB_NOTHING);
}

static void test_reply_again(void **state)
{
    (void)state;
    gdb_link_init(&link);
    gdb_reply_begin(&link);
    gdb_reply_text(&link, "OK");
    gdb_reply_end(&link);
    assert_string_equal(sent(), "$OK#9a");
    feed_text("-");
    assert_string_equal(sent(), "$OK#9a");
    feed_text("+");
    feed_text("-");
    assert_string_equal(sent(), "");
}

static void test_reply_is_sent_when_complete(void **state)
{
    uint8_t byte;

    (void)state;
    gdb_link_init(&link);
    gdb_reply_begin(&link);
    gdb_reply_text(&link, "half");
    assert_false(gdb_link_peek(&link, &byte));
    gdb_reply_begin(&link);
    gdb_reply_bytes(&link, "\x01\xfe", 2);
    gdb_reply_number(&link, 0);
    gdb_reply_number(&link, UINT64_C(0xabc0000000000001));
    gdb_reply_end(&link);
    assert_string_equal(sent(), "$01fe0abc0000000000001#f3");
}

static void test_limits(void **state)
{
    (void)state;
    gdb_link_init(&link);
    feed_text("$");
    for (int i = 0; i < GDB_PACKET_MAX; i++)
        feed_text("a");
    assert_int_equal(feed_text("#00"), GDB_PACKET); /* 4096 times 0x61: sum 0 */
    assert_int_equal(link.length, GDB_PACKET_MAX);
    feed_text("$");
    for (int i = 0; i < 256 + GDB_PACKET_MAX; i++)
        feed_text("a");
    assert_int_equal(feed_text("#00"), GDB_NOTHING);
    assert_string_equal(sent(), "-");
    gdb_reply_begin(&link);
    for (int i = 0; i < GDB_PACKET_MAX + 1; i++)
        gdb_reply_char(&link, 'a');
    gdb_reply_end(&link);
    assert_string_equal(sent(), "$E07#ac");
}

static void test_numbers(void **state)
{
    const char *at = "ffffFFFFffffFFFF,1";
    uint8_t bytes[2];
    uint64_t value;

    (void)state;
    assert_true(gdb_take_number(&at, &value));
    assert_true(value == UINT64_MAX);
    assert_true(gdb_take_text(&at, ","));
    assert_true(gdb_take_number(&at, &value));
    assert_false(gdb_take_number(&at, &value));
    at = "10000000000000000";
    assert_false(gdb_take_number(&at, &value));
    at = "g";
    assert_false(gdb_take_number(&at, &value));
    at = "12aB";
    assert_true(gdb_take_bytes(&at, bytes, 2));
    assert_memory_equal(bytes, "\x12\xab", 2);
    at = "123";
    assert_false(gdb_take_bytes(&at, bytes, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_wrong_sum_is_refused_and_forgotten),
        cmocka_unit_test(test_without_acknowledgments),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_reply_again),
        cmocka_unit_test(test_reply_is_sent_when_complete),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
