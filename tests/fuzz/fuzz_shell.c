/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's input under libFuzzer: bytes as typed, in rounds of the loop. Checked on top of the sanitizers:
 * nobody looks into a vCPU that is not held, every command comes to an end by itself or at Ctrl-C, and then
 * nothing is held but what `pause` holds.
 */
#define FAKE_ROUND (100 * NS_PER_MS)
#include "tests/unit/shell_fakes.h"

#include "core/shell.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TABS_MOST   3
#define ROUNDS_MOST 3000 /* the longest command waits for a few seconds */

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(
        stderr,
        "property violated: %s; phase %d, command %s, step %u, held %d, paused %d, out %u; shown last:\n%s\n",
        what, (int)shell.phase, shell.job.command != NULL ? shell.job.command->name : "", shell.job.step,
        shell.held, shell.paused, byte_ring_used(&shell.out),
        fake_shown + (fake_shown_count > 500 ? fake_shown_count - 500 : 0));
    abort();
}

static void type(const char *text)
{
    while (*text != '\0')
        shell_input((uint8_t)*text++);
}

static void settle(void)
{
    uint32_t rounds = 0;

    while (fake_advance())
        expect(++rounds < ROUNDS_MOST, "the shell comes to rest");
}

static void restart_shell(void)
{
    byte_ring_clear(&shell.out);
    byte_ring_clear(&shell.input);
    shell.phase = IDLE;
    shell.held = shell.paused = false;
    shell.page = shell.lines = shell.lost = 0;
    shell.edit.history_count = shell.edit.escape = 0;
    shell_open();
}

/* All state as at the start, so that a finding can be repeated: also who is paused, if the machine has ended
 * with somebody paused. */
static void restart(void)
{
    static bool again;

    if (again) {
        restart_shell();
        type("resume linux\rresume rt.1\r");
        settle();
    }
    again = true;
    fake_init();
    restart_shell();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t tries;
    uint32_t tabs = 0;

    /* Mostly on top of what the last inputs left. */
    if (tries++ % 1000 == 0)
        restart();
    if (setjmp(fake_end) != 0)
        return 0;
    for (size_t i = 0; i < size; i++) {
        /* A list of all that fits is nearly all that an input costs. */
        if (data[i] == '\t' && ++tabs > TABS_MOST)
            continue;
        shell_input(data[i]);
        if (data[i] == '\r')
            (void)fake_advance();
    }
    /* What was typed before it comes first, and may stop at a page. */
    for (uint32_t i = 0; i < size + 2; i++) {
        type("\x03");
        if (!fake_advance() && i != 0)
            break;
    }
    settle();
    expect(shell.phase == IDLE && !shell.held && !shell.paused, "at rest");
    if (fake_holds() != 0) {
        type("resume linux\rresume rt.1\r");
        settle();
    }
    expect(fake_holds() == 0, "nothing is held at rest");
    return 0;
}
