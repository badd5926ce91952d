/* SPDX-License-Identifier: BSD-2-Clause */
/* core/console: order and completeness of what several sources send. */
#include "tests/unit/console_fixture.h"

static void test_lines_wait_for_the_open_line(void **state)
{
    (void)state;
    say(0, "half ");
    say(1, "background\n");
    log_line("latch: log\n");
    say(0, "done\n");
    assert_string_equal(wire, "half done\n[two] background\r\nlatch: log\r\n");
    /* A prompt does not hold them up for ever. */
    say(0, "# ");
    log_line("latch: log\n");
    pass_ms(5);
    assert_null(strstr(wire, "# \r\n"));
    pass_ms(40);
    assert_non_null(strstr(wire, "# \r\nlatch: log\r\n"));
}

static void test_what_came_first_goes_first(void **state)
{
    (void)state;
    wire_room = 0;
    say(0, "guest's last line\n");
    say(1, "another's\n");
    log_line("latch: ended\n");
    wire_room = UINT32_MAX;
    pass_ms(1);
    assert_non_null(strstr(wire, "latch: ended\r\n"));
    assert_true(strstr(wire, "latch: ended") > strstr(wire, "guest's last"));
    assert_true(strstr(wire, "latch: ended") > strstr(wire, "another's"));
}

/* Lines of Latch's that still wait for a slow wire do not let a later one overtake. */
static void test_no_line_overtakes(void **state)
{
    (void)state;
    wire_room = 0;
    log_line("latch: boot\n");
    say(0, "a\n");
    log_line("latch: two\n");
    say(0, "b\n");
    log_line("latch: three\n");
    say(1, "c\n");
    log_line("latch: ended\n");
    wire_room = UINT32_MAX;
    pass_ms(1);
    assert_string_equal(wire,
                        "latch: boot\r\na\nlatch: two\r\n[two] c\r\nb\nlatch: three\r\nlatch: ended\r\n");
}

/* A VM that never stops talking holds a line back for what its ring held, not longer. */
static void test_flood_does_not_hold_lines_back(void **state)
{
    unsigned int waited = 0;

    (void)state;
    wire_room = 0;
    log_line("latch: first\n");
    while (strstr(wire, "latch: 2\r\n") == NULL) {
        while (console_vm_write(&fake_vms[0], waited % 8 == 7 ? '\n' : 'x'))
            ;
        log_line(waited % 2 == 0 ? "latch: 2\n" : "latch: 1\n");
        wire_room = 16;
        console_poll();
        assert_true(++waited < 200);
    }
    wire_room = UINT32_MAX;
    console_flush();
}

/* The end of a VM does not take what its UART still holds for want of room. */
static void test_ended_vm_is_heard(void **state)
{
    (void)state;
    wire_room = 0;
    while (console_vm_write(&fake_vms[1], 'x'))
        ;
    fake_vms[1].state = VM_ENDED;
    wire_room = UINT32_MAX;
    console_flush();
    console_poll();
    fake_vms[1].state = VM_RUNNING;
    assert_int_equal(devices[1].writable_count, 1);
    say(1, "\n");
}

/* An endless line does not lock the others out. */
static void test_long_line(void **state)
{
    unsigned int sent = 0;

    (void)state;
    wire_room = 0;
    log_line("latch: log\n");
    for (int i = 0; i < 4000; i++) {
        wire_room = 1;
        while (console_vm_write(&fake_vms[0], 'x'))
            sent++;
        console_poll();
    }
    assert_non_null(strstr(wire, "latch: log"));
    assert_true(sent > 3000);
}

/* Three writers on a slow wire: every byte arrives, in order, whatever is refused on the way. */
static void test_nothing_is_lost(void **state)
{
    unsigned int next[3] = {0};
    unsigned int seen[3] = {0};
    const unsigned int total = 20000;
    unsigned int rounds = 0;
    unsigned int refused[3] = {0}; /* writable_count at the refusal, + 1; a device then waits to be called */

    (void)state;
    srand(7);
    while (next[0] < total || next[1] < total || next[2] < total) {
        assert_true(++rounds < 1000000);
        for (uint32_t id = 0; id < 3; id++) {
            if (refused[id] > devices[id].writable_count)
                continue;
            for (int burst = rand() % 64; burst > 0 && next[id] < total; burst--) {
                uint8_t byte = next[id] % 20 == 19 ? '\n' : (uint8_t)('a' + id * 8 + next[id] / 20 % 8);

                refused[id] = devices[id].writable_count + 1;
                if (!console_vm_write(&fake_vms[id], byte))
                    break;
                refused[id] = 0;
                next[id]++;
            }
        }
        wire_room = (unsigned int)(rand() % 40);
        now_ns += NS_PER_MS;
        console_poll();
    }
    wire_room = UINT32_MAX;
    console_flush();
    for (size_t i = 0; i < wire_length; i++) {
        char c = wire[i];

        if (c == '[')
            i = (size_t)(strchr(wire + i, ']') - wire);
        else if (c >= 'a' && c < 'a' + 24) {
            unsigned int id = (unsigned int)(c - 'a') / 8;

            if (seen[id] % 20 == 19)
                seen[id]++; /* its line's end */
            assert_int_equal(c - 'a' - (int)id * 8, seen[id] / 20 % 8);
            seen[id]++;
        }
    }
    for (int id = 0; id < 3; id++)
        assert_int_equal(seen[id], total - 1);
    assert_true(devices[1].writable_count > 0 && devices[2].writable_count > 0);
}

static void test_share(void **state)
{
    (void)state;
    wire_room = 0;
    while (console_vm_write(&fake_vms[0], 'x'))
        ;
    assert_true(console_vm_write(&fake_vms[1], 'y'));
    assert_int_equal(devices[0].writable_count, 0);
    wire_room = 16;
    console_poll();
    assert_int_equal(devices[0].writable_count, 0); /* not for every byte */
    wire_room = 1000;
    console_poll();
    assert_int_equal(devices[0].writable_count, 1);
    console_poll();
    assert_int_equal(devices[0].writable_count, 1);
    wire_room = UINT32_MAX;
    say(0, "\n");
    say(1, "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_wait_for_the_open_line, setup),
        cmocka_unit_test_setup(test_what_came_first_goes_first, setup),
        cmocka_unit_test_setup(test_no_line_overtakes, setup),
        cmocka_unit_test_setup(test_flood_does_not_hold_lines_back, setup),
        cmocka_unit_test_setup(test_ended_vm_is_heard, setup),
        cmocka_unit_test_setup(test_long_line, setup),
        cmocka_unit_test_setup(test_nothing_is_lost, setup),
        cmocka_unit_test_setup(test_share, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
