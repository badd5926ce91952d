/* SPDX-License-Identifier: BSD-2-Clause */
/* core/gdb_console: the debugger's units and frames among what the console moves. */
#include "tests/unit/console_fixture.h"

#include "core/gdb_console.h"

#define HEAD "\x1b_\x1eg"
#define END  "\x1b\\"

static struct gdb_link link_of_server;

static int setup_framed(void **state)
{
    config.gdb_framed = true;
    gdb_link_init(&link_of_server);
    link_of_server.no_ack = true;
    return setup(state);
}

static void type(const char *text)
{
    typed = text;
    for (int i = 0; i < 100; i++)
        console_poll();
}

static const char *received(void)
{
    static char text[2048];
    size_t length = 0;
    uint8_t byte;

    while (gdb_console_rx(&byte) && length < sizeof(text) - 1)
        text[length++] = (char)byte;
    text[length] = '\0';
    return text;
}

static void reply(const char *text)
{
    uint32_t budget = 8192;

    gdb_reply_begin(&link_of_server);
    gdb_reply_text(&link_of_server, text);
    gdb_reply_end(&link_of_server);
    assert_true(gdb_console_send(&link_of_server, &budget));
    assert_int_equal(budget, 8192 - strlen(text) - 4);
}

static void test_units_come_out_of_what_is_typed(void **state)
{
    (void)state;
    devices[0].room = 100;
    type("one\x1dg$g#67two\x1dg+\x1dg\x03\x1dg$X0,2:\x1ds#0athree");
    assert_string_equal(received(), "$g#67+\x03$X0,2:\x1ds#0a");
    devices[0].got[devices[0].got_length] = '\0';
    assert_string_equal(devices[0].got, "onetwothree");
}

/* A packet that never ends is not the end of the console. */
static void test_lost_end(void **state)
{
    static char endless[2 * 4096 + 2048];

    (void)state;
    devices[0].room = 4096;
    type("\x1dg$qSup");
    now_ns += 3 * NS_PER_SEC;
    type("hello");
    devices[0].got[devices[0].got_length] = '\0';
    assert_string_equal(devices[0].got, "hello");
    assert_string_equal(received(), "$qSup");
    memset(endless, 'x', sizeof(endless) - 1);
    memcpy(endless, "\x1dg$", 3);
    type(endless);
    assert_true(devices[0].got_length > 5);
    assert_true(strlen(received()) < 1025);
}

static void test_not_without_the_word(void **state)
{
    (void)state;
    config.gdb_framed = false;
    devices[0].room = 100;
    type("\x1dg$g#67");
    assert_string_equal(received(), "");
    devices[0].got[devices[0].got_length] = '\0';
    assert_string_equal(devices[0].got, "$g#67");
}

/* Whatever waits and wherever the wire stops: a frame is in one piece, and nobody's order changes. */
static void test_frames_are_whole(void **state)
{
    (void)state;
    say(0, "prompt# ");
    wire_room = 0;
    say(0, "more\n");
    log_line("latch: line\n");
    reply("abc");
    for (int i = 0; i < 200; i++) {
        wire_room = 1;
        pass_ms(1);
    }
    assert_string_equal(wire, "prompt# " HEAD "$abc#26" END "more\nlatch: line\r\n");
}

/* The wire is full, so the next frame waits; then the others' bytes go first for a while. */
static void test_others_get_their_turn(void **state)
{
    uint32_t budget = 8192;
    const char *second;

    (void)state;
    wire_room = 0;
    for (int i = 0; i < 60; i++)
        say(0, "0123456789\n");
    wire_room = CONSOLE_FRAME_MAX / 2; /* whatever frame came before */
    pass_ms(1);
    reply("first");
    gdb_reply_begin(&link_of_server);
    gdb_reply_text(&link_of_server, "second");
    gdb_reply_end(&link_of_server);
    assert_false(gdb_console_send(&link_of_server, &budget));
    while (!gdb_console_send(&link_of_server, &budget)) {
        wire_room = 1;
        pass_ms(1);
    }
    wire_room = UINT32_MAX;
    pass_ms(5);
    second = strstr(wire, "$second");
    assert_non_null(second);
    assert_true(second - strstr(wire, END) >= CONSOLE_FRAME_MAX / 2);
    assert_true(strlen(second) >= 200);
}

/* A long reply takes several frames; switching in between loses none of it. */
static void test_long_reply(void **state)
{
    uint32_t budget = 8192;
    uint32_t frames = 1;

    (void)state;
    gdb_reply_begin(&link_of_server);
    for (int i = 0; i < 1000; i++)
        gdb_reply_char(&link_of_server, 'x');
    gdb_reply_end(&link_of_server);
    wire_room = 100;
    assert_true(gdb_console_send(&link_of_server, &budget));
    console_set_mode(CONSOLE_KEEP);
    assert_false(gdb_console_send(&link_of_server, &budget));
    wire_room = UINT32_MAX;
    pass_ms(1);
    for (; link_of_server.reply_at < link_of_server.reply_length; frames++)
        assert_true(gdb_console_send(&link_of_server, &budget));
    assert_int_equal(frames, (1004 + CONSOLE_FRAME_MAX - 1) / CONSOLE_FRAME_MAX);
    assert_int_equal(wire_length, 1004 + frames * 6);
}

static void test_guests_cannot_make_frames(void **state)
{
    (void)state;
    say(0, HEAD "$OK#9a" END);
    assert_null(strstr(wire, HEAD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_units_come_out_of_what_is_typed, setup_framed),
        cmocka_unit_test_setup(test_lost_end, setup_framed),
        cmocka_unit_test_setup(test_not_without_the_word, setup_framed),
        cmocka_unit_test_setup(test_frames_are_whole, setup_framed),
        cmocka_unit_test_setup(test_others_get_their_turn, setup_framed),
        cmocka_unit_test_setup(test_long_reply, setup_framed),
        cmocka_unit_test_setup(test_guests_cannot_make_frames, setup_framed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
