/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's state machine: input to the line editor or, while a command runs, kept for later; the command a
 * step at a time while its output has room; output to the terminal as that takes it, a page at a time if so
 * asked.
 */
#include "core/shell.h"

#include "core/config.h"
#include "core/console.h"
#include "core/log.h"
#include "core/shell_internal.h"
#include "core/time.h"
#include "lib/printf.h"
#include "lib/string.h"

#define OUT_RING       16384
#define INPUT_RING     1024
#define STEPS_PER_POLL 64
#define HOLD_PATIENCE  (2 * NS_PER_SEC) /* a vCPU that does not come out for so long is reported */
#define CTRL_C         0x03
#define PROMPT         "latch> "
#define MORE_TEXT      "--more-- (space: page, enter: line, q: end)"
#define MORE_CLEAR     "\r\x1b[K"

enum phase {
    IDLE,
    HOLDING, /* waits for the vCPUs that the command wants */
    RUNNING,
    DRAINING, /* the command is over, its output is not */
    STOPPED,  /* ... by Ctrl-C: what is left is not paged */
};

static struct {
    bool opened;
    bool has_port; /* its own, not the console */
    enum phase phase;
    bool held; /* the command's holds are in force */
    bool after_cr;
    uint32_t lost;  /* bytes of output without room */
    uint32_t page;  /* lines a page, 0: no paging */
    uint32_t lines; /* shown since the last stop */
    bool paused;    /* at a page's end */
    uint64_t hold_ns;
    struct shell_job job;
    struct line_edit edit;
    struct byte_ring out;
    struct byte_ring input;
    uint8_t out_bytes[OUT_RING];
    uint8_t input_bytes[INPUT_RING];
} shell;

static bool direct; /* the emergency shell is open: all else stands still */

static bool to_terminal(uint8_t byte)
{
    return shell.has_port ? arch_shell_tx(byte) : console_shell_write(byte);
}

void shell_set_direct(bool on)
{
    direct = on;
}

static void put(const char *text)
{
    for (; *text != '\0'; text++) {
        if (UNLIKELY(direct))
            arch_panic_putc((uint8_t)*text);
        else if (byte_ring_room(&shell.out) != 0)
            byte_ring_push(&shell.out, (uint8_t)*text);
        else
            shell.lost++;
    }
}

void shell_print(const char *format, ...)
{
    char line[SHELL_LINE];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(line);
    put("\r\n");
}

void shell_set_page(uint32_t lines)
{
    shell.page = lines;
    shell.lines = 0;
}

static void open_once(void)
{
    if (shell.opened)
        return;
    byte_ring_init(&shell.out, shell.out_bytes, OUT_RING);
    byte_ring_init(&shell.input, shell.input_bytes, INPUT_RING);
    line_edit_init(&shell.edit, PROMPT, &shell.out);
    shell.opened = true;
}

void shell_init(void)
{
    if (config.shell_port[0] == '\0')
        return;
    shell.has_port =
        strcmp(config.shell_port, config.gdb_port) != 0 && arch_shell_port_open(config.shell_port);
    if (shell.has_port)
        shell_open();
    else
        log_warn("shell=%s: this machine has no such port, or it is taken: the shell stays on the console",
                 config.shell_port);
}

bool shell_has_port(void)
{
    return shell.has_port;
}

void shell_open(void)
{
    open_once();
    if (shell.phase == IDLE)
        line_edit_begin(&shell.edit);
}

/* --- Holding ----------------------------------------------------------------------------------------------
 */

void shell_hold(void)
{
    const struct shell_job *job = &shell.job;

    if (shell.held || job->is_host || (job->command->flags & (SHELL_HOLD | SHELL_HOLD_VM)) == 0 ||
        job->vm == NULL)
        return;
    if ((job->command->flags & SHELL_HOLD_VM) != 0)
        vm_pause(job->vm);
    else
        vcpu_hold(job->vcpu);
    shell.held = true;
    shell.hold_ns = time_now_ns();
}

void shell_let_go(void)
{
    if (!shell.held)
        return;
    shell.held = false;
    if ((shell.job.command->flags & SHELL_HOLD_VM) != 0)
        vm_resume(shell.job.vm);
    else
        vcpu_release(shell.job.vcpu);
}

static bool is_held(void)
{
    if (!shell.held)
        return true;
    return (shell.job.command->flags & SHELL_HOLD_VM) != 0 ? vm_is_held(shell.job.vm)
                                                           : vcpu_is_held(shell.job.vcpu);
}

/* --- Commands ---------------------------------------------------------------------------------------------
 */

static void finish(void)
{
    shell_let_go();
    if (shell.lost != 0)
        shell_print("(%u bytes of output lost)", shell.lost);
    shell.lost = 0;
    shell.phase = DRAINING;
}

static void begin(void)
{
    char complaint[160];
    const char *wrong = shell_parse(&shell.job, shell.edit.text, complaint, sizeof(complaint));

    shell.lines = 0;
    if (wrong != NULL)
        shell_print("%s", wrong);
    if (wrong != NULL || shell.job.command == NULL) {
        shell.phase = DRAINING;
        return;
    }
    shell_hold();
    shell.phase = HOLDING;
}

/* True: they are held. Else it is waited for, or the command given up. */
static bool await_hold(void)
{
    if (is_held())
        return true;
    if (time_now_ns() - shell.hold_ns >= HOLD_PATIENCE) {
        shell_print("vm %s does not leave its guest: its CPU runs it without exits (docs/shell.md)",
                    shell.job.vm->config->name);
        finish();
    }
    return false;
}

static void run(void)
{
    enum shell_step step = SHELL_MORE;

    for (uint32_t i = 0; i < STEPS_PER_POLL && step == SHELL_MORE; i++) {
        if (byte_ring_room(&shell.out) < 2 * SHELL_LINE)
            return;
        /* Not any more, where a VM's restart has set a stopped one going. */
        if (!await_hold())
            return;
        step = shell.job.command->run(&shell.job);
    }
    if (step == SHELL_USAGE)
        shell_print("usage: %s %s", shell.job.command->name, shell.job.command->usage);
    if (step == SHELL_USAGE || step == SHELL_DONE)
        finish();
}

static void interrupt(void)
{
    if (shell.phase == RUNNING || shell.phase == HOLDING)
        shell_let_go();
    byte_ring_clear(&shell.out);
    byte_ring_clear(&shell.input);
    put("\r\n^C\r\n");
    shell_nmi_abort();
    shell.lost = 0;
    shell.paused = false;
    shell.phase = STOPPED;
}

/* --- Completion -------------------------------------------------------------------------------------------
 */

/* Inserts what all candidates have in common, and a blank behind the only one; else lists them. */
static void complete(void)
{
    char line[LINE_SIZE];
    uint32_t typed;
    uint32_t count = 1;
    size_t common;
    const char *first;
    const char *next;

    memcpy(line, shell.edit.text, shell.edit.cursor);
    line[shell.edit.cursor] = '\0';
    first = shell_complete(line, 0, &typed);
    if (first == NULL) {
        put("\a");
        return;
    }
    common = strlen(first);
    for (; (next = shell_complete(line, count, &typed)) != NULL; count++) {
        size_t same = 0;

        while (same < common && first[same] == next[same])
            same++;
        common = same;
    }
    if (common > typed || count == 1) {
        line_edit_insert(&shell.edit, first + typed, (uint32_t)common - typed);
        if (count == 1)
            line_edit_insert(&shell.edit, " ", 1);
        return;
    }
    put("\r\n");
    for (uint32_t i = 0; i < count && byte_ring_room(&shell.out) > SHELL_LINE; i++) {
        put(shell_complete(line, i, &typed));
        put("  ");
    }
    put("\r\n");
    line_edit_redraw(&shell.edit);
}

/* --- Input ------------------------------------------------------------------------------------------------
 */

static void edit_byte(uint8_t byte)
{
    switch (line_edit_byte(&shell.edit, byte)) {
    case LINE_DONE:
        begin();
        break;
    case LINE_COMPLETE:
        complete();
        break;
    case LINE_INTERRUPT:
        line_edit_begin(&shell.edit);
        break;
    case LINE_END:
        if (!shell.has_port)
            console_leave_shell();
        break;
    case LINE_NOTHING:
        break;
    }
}

/* Past the ring: about the output, not part of it. */
static void say(const char *text)
{
    while (*text != '\0' && to_terminal((uint8_t)*text))
        text++;
}

static void more_byte(uint8_t byte)
{
    shell.paused = false;
    shell.lines = byte == '\r' || byte == '\n' ? shell.page - 1 : 0;
    say(MORE_CLEAR);
    if (byte == 'q')
        interrupt();
}

void shell_input(uint8_t byte)
{
    open_once();
    if (byte == CTRL_C && shell.phase != IDLE)
        interrupt();
    else if (shell.paused)
        more_byte(byte);
    else if (byte_ring_room(&shell.input) != 0)
        byte_ring_push(&shell.input, byte);
}

/* --- Output -----------------------------------------------------------------------------------------------
 */

/* As much as the terminal takes now, up to the end of a page. */
static void show(void)
{
    while (byte_ring_used(&shell.out) != 0 && !shell.paused) {
        uint8_t byte = byte_ring_peek(&shell.out);

        if (!to_terminal(byte))
            return;
        (void)byte_ring_pop(&shell.out);
        if (byte != '\n' || shell.page == 0 || shell.phase == IDLE || shell.phase == STOPPED ||
            ++shell.lines < shell.page)
            continue;
        shell.paused = true;
        say(MORE_TEXT);
    }
}

static bool read_port(void)
{
    uint8_t byte;
    uint32_t count = 0;

    for (; count < INPUT_RING && arch_shell_rx(&byte); count++)
        shell_input(byte);
    return count != 0;
}

bool shell_poll(void)
{
    bool typed = false;

    if (!shell.opened)
        return false;
    if (shell.has_port)
        typed = read_port();
    show();
    if (shell.phase == HOLDING && await_hold())
        shell.phase = RUNNING;
    if (shell.phase == RUNNING)
        run();
    if ((shell.phase == DRAINING || shell.phase == STOPPED) && byte_ring_used(&shell.out) == 0 &&
        !shell.paused) {
        shell.phase = IDLE;
        line_edit_begin(&shell.edit);
    }
    while (shell.phase == IDLE && byte_ring_used(&shell.input) != 0 &&
           byte_ring_room(&shell.out) > OUT_RING / 2)
        edit_byte(byte_ring_pop(&shell.input));
    if (shell.phase == IDLE && console_shell_broken())
        line_edit_redraw(&shell.edit);
    show();
    return typed || shell.phase != IDLE || byte_ring_used(&shell.out) != 0 ||
           byte_ring_used(&shell.input) != 0;
}
