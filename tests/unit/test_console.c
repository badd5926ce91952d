/* SPDX-License-Identifier: BSD-2-Clause */
/* core/console: order and completeness of what reaches a fake wire; input, escapes, back-pressure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/console.h"
#include "core/report.h"
#include "core/shell.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"
#include "lib/bits.h"

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;

static struct cpu cpu0;
static uint64_t now_ns;
static char wire[1 << 20];
static size_t wire_length;
static unsigned int wire_room; /* bytes that the hardware FIFO still takes */
static bool wire_dead;
static const char *typed;

uint64_t time_now_ns(void)
{
    if (wire_dead)
        now_ns += 10 * NS_PER_MS;
    return now_ns;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

struct config config;

/* The shell: what it is given. */
static char shell_got[64];
static size_t shell_count;

void shell_open(void)
{
    shell_count = 0;
}

void shell_input(uint8_t byte)
{
    shell_got[shell_count++ % sizeof(shell_got)] = (char)byte;
}

bool shell_poll(void)
{
    return false;
}

/* Keys behind the escape character that are not the console's own. */
bool report_key(struct vm *vm, uint8_t key)
{
    (void)vm;
    return key == 'e';
}

bool arch_console_tx(uint8_t byte)
{
    if (wire_room == 0)
        return false;
    wire_room--;
    assert_true(wire_length < sizeof(wire) - 1);
    wire[wire_length++] = (char)byte;
    wire[wire_length] = '\0';
    return true;
}

bool arch_console_rx(uint8_t *byte)
{
    if (typed == NULL || *typed == '\0')
        return false;
    *byte = (uint8_t)*typed++;
    return true;
}

static struct vm_config configs[3] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
static struct vm fake_vms[3];

struct device {
    char got[4096];
    size_t got_length;
    size_t room;
    unsigned int writable_count;
};
static struct device devices[3];

static bool receive(void *client, uint8_t byte)
{
    struct device *d = client;

    if (d->room == 0)
        return false;
    d->room--;
    d->got[d->got_length++] = (char)byte;
    return true;
}

static void writable(void *client)
{
    ((struct device *)client)->writable_count++;
}

static const struct console_client_ops client_ops = {receive, writable};

/* One state for all tests, brought to rest: everything out, VM 0 in the foreground. */
static int setup(void **state)
{
    static bool attached;

    (void)state;
    if (!attached) {
        attached = true;
        cpu0.self = &cpu0;
        cpu0.timer_programmed_ns = UINT64_MAX;
        list_init(&cpu0.timers);
        cpus[0] = &cpu0;
        fake_this_cpu = &cpu0;
        for (uint32_t i = 0; i < 3; i++) {
            fake_vms[i].id = i;
            fake_vms[i].config = &configs[i];
            fake_vms[i].state = VM_RUNNING;
            console_attach(&fake_vms[i], &client_ops, &devices[i]);
        }
    }
    config.console_escape = 0x1d;
    config.marks = false;
    wire_dead = false;
    wire_room = UINT32_MAX;
    console_flush(); /* also back to the plain mode */
    typed = "\x1d"
            "0";
    console_poll();
    console_write("\n", 1);
    console_flush();
    wire_length = 0;
    wire[0] = '\0';
    memset(devices, 0, sizeof(devices));
    return 0;
}

static void say(uint32_t id, const char *text)
{
    for (; *text != '\0'; text++)
        assert_true(console_vm_write(&fake_vms[id], (uint8_t)*text));
}

static void log_line(const char *text)
{
    console_write(text, strlen(text));
}

static void pass_ms(unsigned int ms)
{
    for (unsigned int i = 0; i < ms; i++) {
        now_ns += NS_PER_MS;
        console_poll();
    }
}

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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_foreground_is_raw, setup),
        cmocka_unit_test_setup(test_background_lines, setup),
        cmocka_unit_test_setup(test_lines_wait_for_the_open_line, setup),
        cmocka_unit_test_setup(test_what_came_first_goes_first, setup),
        cmocka_unit_test_setup(test_no_line_overtakes, setup),
        cmocka_unit_test_setup(test_flood_does_not_hold_lines_back, setup),
        cmocka_unit_test_setup(test_ended_vm_is_heard, setup),
        cmocka_unit_test_setup(test_long_line, setup),
        cmocka_unit_test_setup(test_nothing_is_lost, setup),
        cmocka_unit_test_setup(test_share, setup),
        cmocka_unit_test_setup(test_input, setup),
        cmocka_unit_test_setup(test_input_waits, setup),
        cmocka_unit_test_setup(test_dead_wire, setup),
        cmocka_unit_test_setup(test_color, setup),
        cmocka_unit_test_setup(test_kept, setup),
        cmocka_unit_test_setup(test_kept_line_is_open, setup),
        cmocka_unit_test_setup(test_shell_takes_turns, setup),
        cmocka_unit_test_setup(test_shell_and_flood_share, setup),
        cmocka_unit_test_setup(test_other_escape, setup),
        cmocka_unit_test_setup(test_marks, setup),
        cmocka_unit_test_setup(test_panic, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
