/* SPDX-License-Identifier: BSD-2-Clause */
/* core/line_edit: keys, history, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/line_edit.h"

static struct line_edit edit;
static struct byte_ring out;
static uint8_t out_bytes[4096];

static int setup(void **state)
{
    (void)state;
    byte_ring_init(&out, out_bytes, sizeof(out_bytes));
    line_edit_init(&edit, "> ", &out);
    line_edit_begin(&edit);
    return 0;
}

/* Types; what the last byte meant. */
static enum line_event keys(const char *text)
{
    enum line_event event = LINE_NOTHING;

    for (; *text != '\0'; text++) {
        byte_ring_clear(&out);
        event = line_edit_byte(&edit, (uint8_t)*text);
    }
    return event;
}

static void line_is(const char *typed, const char *expected, uint32_t cursor)
{
    line_edit_begin(&edit);
    keys(typed);
    assert_string_equal(edit.text, expected);
    assert_int_equal(edit.cursor, cursor);
    assert_int_equal(edit.length, strlen(expected));
}

#define UP    "\x1b[A"
#define DOWN  "\x1b[B"
#define RIGHT "\x1b[C"
#define LEFT  "\x1bOD"

static void test_editing(void **state)
{
    (void)state;
    line_is("abc", "abc", 3);
    line_is("abc" LEFT LEFT "X", "aXbc", 2);
    line_is("abc" LEFT RIGHT RIGHT "d", "abcd", 4);
    line_is("abc\x01X", "Xabc", 1);
    line_is("abc\x1b[HX\x1b[FY", "XabcY", 5);
    line_is("abc\x1b[1~X\x1b[4~Y", "XabcY", 5);
    line_is("abc\x1b[1~\x1b[3~", "bc", 0);
    line_is("abc\x01\x05X", "abcX", 4);
    line_is("abc\x7f\x08", "a", 1);
    line_is("\x7f" LEFT "\x1b[3~", "", 0);
    line_is("one two" LEFT LEFT "\x0b", "one t", 5);
    line_is("one two" LEFT LEFT "\x15", "wo", 0);
    line_is("one two  \x17", "one ", 4);
    line_is("\x17", "", 0);
    line_is("abc\x01\x06\x04", "ac", 1);
    line_is("a\x1b[99;5xb\x1b"
            "zc",
            "abc", 3);
    line_is("a\x80\xff\x02"
            "b",
            "ba", 1);
}

static void test_ends(void **state)
{
    (void)state;
    assert_int_equal(keys("abc\r"), LINE_DONE);
    assert_int_equal(keys("\n"), LINE_NOTHING);
    line_edit_begin(&edit);
    assert_int_equal(keys("x\n"), LINE_DONE);
    line_edit_begin(&edit);
    assert_int_equal(keys("x\x03"), LINE_INTERRUPT);
    assert_string_equal(edit.text, "");
    assert_int_equal(keys("\x04"), LINE_END);
    assert_int_equal(keys("x\x04"), LINE_NOTHING);
    assert_int_equal(keys("\t"), LINE_COMPLETE);
}

static void enter(const char *text)
{
    line_edit_begin(&edit);
    keys(text);
    keys("\r");
}

static void test_history(void **state)
{
    (void)state;
    line_is(UP DOWN, "", 0);
    enter("one");
    enter("two");
    enter("two"); /* once is enough */
    enter("");
    line_is("new" UP, "two", 3);
    line_is("new" UP UP, "one", 3);
    line_is("new" UP UP UP UP DOWN, "two", 3);
    line_is("new" UP DOWN, "new", 3);
    line_is("new" UP UP "!\x10", "one!", 4);
    for (int i = 0; i < 40; i++) {
        char text[] = {(char)('a' + i % 26), '\0'};

        enter(text);
    }
    line_edit_begin(&edit);
    for (int i = 0; i < 40; i++)
        keys(UP);
    assert_string_equal(edit.text, "y"); /* the sixteenth from the end */
}

static void test_limits(void **state)
{
    char window[LINE_SIZE];

    (void)state;
    line_edit_begin(&edit);
    for (int i = 0; i < 2 * LINE_SIZE; i++)
        keys("x");
    assert_int_equal(edit.length, LINE_SIZE - 1);
    assert_int_equal(strlen(edit.text), LINE_SIZE - 1);
    line_edit_insert(&edit, "yyy", 3);
    assert_int_equal(edit.length, LINE_SIZE - 1);
    /* Only a window of it is shown. */
    byte_ring_clear(&out);
    line_edit_redraw(&edit);
    assert_true(byte_ring_used(&out) < LINE_WINDOW + 20);
    keys("\x01");
    keys("z");
    assert_int_equal(edit.length, LINE_SIZE - 1);
    memset(window, 'x', sizeof(window));
    assert_memory_equal(edit.text, window, LINE_SIZE - 1);
    /* A terminal that takes nothing harms nothing. */
    while (byte_ring_room(&out) != 0)
        byte_ring_push(&out, 0);
    line_edit_redraw(&edit);
    assert_int_equal(byte_ring_room(&out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_editing, setup),
        cmocka_unit_test_setup(test_ends, setup),
        cmocka_unit_test_setup(test_history, setup),
        cmocka_unit_test_setup(test_limits, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
