/* SPDX-License-Identifier: BSD-2-Clause */
/* core/console: what reaches a fake wire; input, escapes, back-pressure. Order is in test_console_order.c. */
#include "tests/unit/console_fixture.h"

static void test_foreground_is_raw(void **state)
{
    (void)state;
    say(0, "a\nb\r\n\x01\x02 no end");
    assert_string_equal(wire, "a\nb\r\n\x01\x02 no end");
    say(0, "\n");
    log_line("latch: line\n");
    assert_string_equal(wire, "a\nb\r\n\x01\x02 no end\nlatch: line\r\n");
}

static void test_background_lines(void **state)
{
    (void)state;
    say(1, "he");
    say(2, "other\r\n");
    say(1, "llo\n");
    pass_ms(1);
    assert_string_equal(wire, "[three] other\r\n[two] hello\r\n");
    /* Shown without its end after a while, and tagged again if something came between. */
    say(1, "login: ");
    pass_ms(50);
    assert_null(strstr(wire, "login"));
    pass_ms(60);
    assert_non_null(strstr(wire, "[two] login: "));
    say(2, "x\n");
    pass_ms(60);
    say(1, "y\n");
    pass_ms(60);
    assert_non_null(strstr(wire, "[two] login: \r\n[three] x\r\n[two] y\r\n"));
}

static void test_input(void **state)
{
    (void)state;
    devices[0].room = 3;
    typed = "hello";
    console_poll();
    assert_memory_equal(devices[0].got, "hel", 3);
    devices[0].room = 100;
    console_poll();
    assert_int_equal(devices[0].got_length, 5);
    assert_memory_equal(devices[0].got, "hello", 5);
    devices[1].room = 100;
    typed = "\x1d"
            "1two\x1d\x1d!\x1d"
            "0back\x1d"
            "7";
    console_poll();
    assert_int_equal(devices[1].got_length, 5);
    assert_memory_equal(devices[1].got, "two\x1d!", 5);
    assert_memory_equal(devices[0].got, "helloback", 9);
    assert_non_null(strstr(wire, "latch: console: now two (1)\r\n"));
    assert_non_null(strstr(wire, "latch: console: no VM has number 7\r\n"));
    assert_int_equal(emergency_count, 0);
    typed = "\x1d!\x1d?";
    console_poll();
    assert_int_equal(emergency_count, 1);
    pass_ms(100);
    assert_non_null(strstr(wire, "n: NMI; now one (0)\r\n"));
}

/* Pasting more than a slow guest takes waits; a dead guest does not take the keyboard with it. */
static void test_input_waits(void **state)
{
    static char paste[3001];

    (void)state;
    memset(paste, 'p', sizeof(paste) - 1);
    typed = paste;
    for (int i = 0; i < 300; i++) {
        devices[0].room = 16;
        pass_ms(1);
    }
    assert_int_equal(devices[0].got_length, 3000);
    typed = paste;
    pass_ms(1000);
    assert_true(*typed != '\0'); /* the wire waits */
    pass_ms(2000);
    assert_true(*typed == '\0');
    assert_non_null(strstr(wire, "one (0) does not read"));
    typed = "\x1d"
            "2";
    pass_ms(1);
    assert_non_null(strstr(wire, "now three (2)"));
    devices[0].room = 4096 - 3000;
    pass_ms(2);
}

static void test_dead_wire(void **state)
{
    (void)state;
    wire_room = 0;
    wire_dead = true;
    for (int i = 0; i < 1000; i++)
        log_line("latch: twenty-four bytes\n");
    console_flush();
    wire_dead = false;
    wire_room = UINT32_MAX;
    console_poll();
    assert_non_null(strstr(wire, "latch: twenty-four bytes\r\n"));
}

/* Last of all: there is no way back. The lock is held by nobody who could release it. */
static void test_panic(void **state)
{
    (void)state;
    say(0, "half");
    console_enter_panic();
    log_line("latch: panic\n");
    assert_string_equal(wire, "half\r\nlatch: panic\r\n");
}

/* Brings VM `id` to the foreground and forgets what was shown. */
static void switch_to(char id)
{
    static char keys[3] = "\x1d ";

    keys[1] = id;
    typed = keys;
    pass_ms(1);
    wire_length = 0;
    wire[0] = '\0';
}

static void test_color(void **state)
{
    (void)state;
    console_set_mode(CONSOLE_COLOR);
    say(1, "hello\n");
    pass_ms(1);
    assert_string_equal(wire, "\x1b[32m[two]\x1b[0m hello\r\n");
}

/* In the background the last bytes stay; how many did not is said. */
static void test_kept(void **state)
{
    char line[32];

    (void)state;
    console_set_mode(CONSOLE_KEEP);
    say(1, "unseen\n");
    log_line("latch: waits for nobody\n");
    pass_ms(200);
    assert_string_equal(wire, "latch: waits for nobody\r\n");
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "%09d\n", i);
        say(1, line);
    }
    assert_string_equal(wire, "latch: waits for nobody\r\n");
    typed = "\x1d"
            "1";
    pass_ms(1);
    assert_non_null(strstr(wire,
                           "latch: console: now two (1)\r\nlatch: console: two said more than was kept: 5911 "
                           "bytes lost\r\n"));
    pass_ms(5);
    assert_int_equal(wire_length - (size_t)(strstr(wire, "lost\r\n") + 6 - wire), 4096);
    assert_string_equal(wire + wire_length - 20, "000000998\n000000999\n");
    /* Said once, and nothing is kept of the one in the foreground. */
    switch_to('0');
    typed = "\x1d"
            "1";
    pass_ms(1);
    assert_null(strstr(wire, "lost"));
}

/* A vCPU that has a line open when its VM's output is put away holds up nobody. */
static void test_kept_line_is_open(void **state)
{
    (void)state;
    say(0, "open");
    console_set_mode(CONSOLE_KEEP);
    typed = "\x1d"
            "1";
    wire_length = 0;
    pass_ms(1);
    say(0, "more\nlines\n");
    say(1, "seen\n");
    pass_ms(100);
    assert_string_equal(wire, "\r\nlatch: console: now two (1)\r\nseen\n");
}

/* ... even if it never falls silent. */
static void test_kept_flood_holds_up_nobody(void **state)
{
    (void)state;
    console_set_mode(CONSOLE_KEEP);
    say(0, "open");
    typed = "\x1d"
            "1";
    wire_length = 0;
    for (int i = 0; i < 20; i++) {
        pass_ms(1);
        say(0, "and no end");
    }
    assert_string_equal(wire, "\r\nlatch: console: now two (1)\r\n");
}

/* The line about the switch stands before all that is shown raw after it, whatever waits. */
static void test_switch_is_said_first(void **state)
{
    (void)state;
    for (int mode = CONSOLE_PLAIN; mode <= CONSOLE_KEEP; mode++) {
        console_set_mode((enum console_mode)mode);
        switch_to('0');
        say(0, "one begins,");
        wire_room = 0;
        say(1, "two\r\n");
        log_line("latch: line\n");
        typed = "\x1d"
                "1";
        console_poll();
        say(1, "more\r\n");
        say(0, " one ends\r\n");
        wire_room = 1000;
        console_poll();
        if (mode == CONSOLE_PLAIN)
            assert_string_equal(wire, "one begins, one ends\r\nlatch: console: now two (1)\r\n"
                                      "two\r\nlatch: line\r\nmore\r\n");
        if (mode == CONSOLE_KEEP)
            assert_string_equal(wire, "one begins,\r\nlatch: console: now two (1)\r\n"
                                      "latch: line\r\ntwo\r\nmore\r\n");
    }
}

/* ... or none, where it was away for a moment only. */
static void test_switch_there_and_back(void **state)
{
    (void)state;
    say(0, "one");
    wire_room = 0;
    say(0, " line\n");
    typed = "\x1d"
            "1\x1d"
            "0\x1ds";
    console_poll();
    wire_room = 1000;
    pass_ms(200);
    assert_string_equal(wire, "one line\r\n");
}

/* What is missing is said where it is missing, however the rest comes to be shown. */
static void test_loss_is_said_with_the_mode(void **state)
{
    (void)state;
    console_set_mode(CONSOLE_KEEP);
    for (int i = 0; i < 500; i++)
        say(1, "123456789\n");
    console_set_mode(CONSOLE_PLAIN);
    pass_ms(100);
    assert_memory_equal(
        wire, "latch: console: two said more than was kept: 904 bytes lost\r\n[two] 56789\r\n[two] 1", 79);
}

static void test_shell_takes_turns(void **state)
{
    (void)state;
    typed = "\x1dsregs\r";
    pass_ms(1);
    assert_memory_equal(shell_got, "regs\r", 5);
    wire_length = 0;
    assert_true(console_shell_write('>'));
    say(1, "line\n");
    assert_string_equal(wire, ">");
    assert_false(console_shell_broken());
    pass_ms(40);
    assert_string_equal(wire, ">\r\n[two] line\r\n");
    assert_true(console_shell_broken());
    assert_false(console_shell_broken());
    /* Nor where the shell has drawn its line anew before it asked. */
    assert_true(console_shell_write('>'));
    say(1, "line\n");
    pass_ms(40);
    assert_true(console_shell_write('\r'));
    assert_true(console_shell_write('\n'));
    assert_false(console_shell_broken());
    console_leave_shell();
    assert_false(console_shell_write('x'));
}

static void test_shell_and_flood_share(void **state)
{
    size_t shell_bytes = 0;

    (void)state;
    typed = "\x1ds";
    pass_ms(1);
    wire_room = 0;
    for (int i = 0; i < 30; i++)
        say(1, "0123456789012345678901234567890\n");
    for (int i = 0; i < 300; i++) {
        bool line_end = i % 30 == 29;

        assert_true(console_shell_write(line_end ? '\n' : '.'));
    }
    wire_length = 0;
    wire_room = 700; /* of 310 and 1140 waiting */
    pass_ms(1);
    for (size_t i = 0; i < wire_length; i++)
        shell_bytes += wire[i] == '.';
    assert_int_equal(shell_bytes, 290);
    wire_room = UINT32_MAX;
}

static void test_other_escape(void **state)
{
    (void)state;
    devices[0].room = devices[1].room = 100;
    config.console_escape = 0x01;
    typed = "\x1d"
            "1\x01"
            "1to two\x01\x01";
    pass_ms(1);
    assert_memory_equal(devices[0].got,
                        "\x1d"
                        "1",
                        2);
    assert_memory_equal(devices[1].got, "to two\x01", 7);
    config.console_escape = 0;
    typed = "\x01\x1d";
    pass_ms(1);
    assert_memory_equal(devices[1].got + 7, "\x01\x1d", 2);
    config.console_escape = 0x1d;
}

/* What marks Latch's own lines passes from no guest. */
static void test_marks(void **state)
{
    (void)state;
    say(0, "\x1e\n");
    assert_string_equal(wire, "\x1e\n");
    config.marks = true;
    say(0, "\x1elatch: forged\n");
    assert_string_equal(wire, "\x1e\n?latch: forged\n");
    wire_length = 0;
    typed = "\x1d"
            "1";
    pass_ms(1);
    assert_string_equal(wire, "\x1elatch: console: now two (1)\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_foreground_is_raw, setup),
        cmocka_unit_test_setup(test_background_lines, setup),
        cmocka_unit_test_setup(test_input, setup),
        cmocka_unit_test_setup(test_input_waits, setup),
        cmocka_unit_test_setup(test_dead_wire, setup),
        cmocka_unit_test_setup(test_color, setup),
        cmocka_unit_test_setup(test_kept, setup),
        cmocka_unit_test_setup(test_kept_line_is_open, setup),
        cmocka_unit_test_setup(test_kept_flood_holds_up_nobody, setup),
        cmocka_unit_test_setup(test_switch_is_said_first, setup),
        cmocka_unit_test_setup(test_switch_there_and_back, setup),
        cmocka_unit_test_setup(test_loss_is_said_with_the_mode, setup),
        cmocka_unit_test_setup(test_shell_takes_turns, setup),
        cmocka_unit_test_setup(test_shell_and_flood_share, setup),
        cmocka_unit_test_setup(test_other_escape, setup),
        cmocka_unit_test_setup(test_marks, setup),
        cmocka_unit_test_setup(test_panic, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
