/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's input: the escape character and the keys behind it, and bytes to whoever is in the
 * foreground. Boot CPU only.
 */
#include "core/config.h"
#include "core/console_internal.h"
#include "core/gdb_console.h"
#include "core/report.h"
#include "core/shell.h"
#include "core/shell_emergency.h"
#include "core/time.h"
#include "lib/printf.h"
#include "lib/string.h"

#define INPUT_BATCH    256              /* bytes taken from the wire per poll */
#define INPUT_STUCK_NS (2 * NS_PER_SEC) /* a VM that leaves its full ring alone for so long loses input */

/* Lines about the console itself, `format` with a CONSOLE_HEAD. Lock not held. */
static void tell(const char *format, const char *name, uint64_t number)
{
    char line[160];
    int length = fmt_snprintf(line, sizeof(line), format + !config.marks, name, number);

    console_write(line, min_u64((uint64_t)length, sizeof(line) - 1));
}

static const char *name_of(uint32_t source)
{
    if (source == CONSOLE_SHELL)
        return "shell";
    return source < MAX_VMS && console.clients[source].vm != NULL ? console.clients[source].vm->config->name
                                                                  : "nobody";
}

static void switch_to(uint32_t id)
{
    if (console.clients[id].vm == NULL) {
        tell(CONSOLE_HEAD "no VM%s has number %lu\n", "", id);
        return;
    }
    console_lock();
    console_mux_switch(&console.mux, id);
    console_mux_pump(&console.mux, false);
    console_unlock();
    console.last_vm = id;
}

static void to_shell(void)
{
    if (shell_has_port()) {
        tell(CONSOLE_HEAD "the shell has %s%lu\n", "com", (uint64_t)(config.shell_port[3] - '0'));
        return;
    }
    console_lock();
    console_mux_show(&console.mux, console.mux.mode, CONSOLE_SHELL);
    console_unlock();
    shell_open();
}

void console_leave_shell(void)
{
    if (console.clients[console.last_vm].vm != NULL)
        switch_to(console.last_vm);
}

static void next_mode(void)
{
    static const char *const names[] = {"lines of the others with a tag", "... in colour",
                                        "kept until switching"};
    enum console_mode mode = (enum console_mode)((console.mux.mode + 1u) % ARRAY_COUNT(names));

    console_set_mode(mode);
    tell(CONSOLE_HEAD "%s%lu\n", "mode ", mode);
    tell(CONSOLE_HEAD "%s\n", names[mode], 0);
}

static void input_push(struct console_client *client, uint8_t byte)
{
    if (byte_ring_room(&client->input) != 0) {
        byte_ring_push(&client->input, byte);
        return;
    }
    if (!client->dropping)
        tell(CONSOLE_HEAD "%s (%lu) does not read, input is dropped\n", client->vm->config->name,
             client->vm->id);
    client->dropping = true;
}

static void to_foreground(uint8_t byte)
{
    if (console.mux.foreground == CONSOLE_SHELL)
        shell_input(byte);
    else if (console.mux.foreground < MAX_VMS)
        input_push(&console.clients[console.mux.foreground], byte);
}

/* Behind the escape character. */
static void key(uint8_t byte)
{
    struct vm *vm = console.clients[console.last_vm].vm;

    if (byte >= '0' && byte <= '9')
        switch_to((uint32_t)(byte - '0'));
    else if (byte == 's')
        to_shell();
    else if (byte == 'g' && config.gdb_framed)
        gdb_console_begin();
    else if (byte == '!')
        shell_emergency_ask();
    else if (byte == 'm')
        next_mode();
    else if (vm == NULL || !report_key(vm, byte))
        tell(CONSOLE_HEAD "escape and a digit: that VM; s: shell; !: emergency shell; m: mode; e: events; "
                          "l: injection log; "
                          "n: NMI; now %s (%lu)\n",
             name_of(console.mux.foreground), console.mux.foreground);
}

static void input_byte(uint8_t byte)
{
    bool after_escape = console.escape;
    bool is_escape = byte == config.console_escape && byte != 0;

    if (gdb_console_take(byte))
        return;
    console.escape = false;
    if (!after_escape && is_escape)
        console.escape = true;
    else if (!after_escape || is_escape)
        to_foreground(byte);
    else
        key(byte);
}

/* While the ring of the foreground VM is full the wire waits, unless the VM seems to be dead: then the
 * operator must still be able to switch away. */
static bool may_read(uint64_t now)
{
    struct console_client *client;

    if (console.mux.foreground >= MAX_VMS)
        return true;
    client = &console.clients[console.mux.foreground];
    if (byte_ring_room(&client->input) != 0)
        client->input_moved_ns = now;
    return now - client->input_moved_ns < INPUT_STUCK_NS ? byte_ring_room(&client->input) != 0 : true;
}

bool console_read_wire(uint64_t now)
{
    bool any = false;
    uint8_t byte;

    for (uint32_t i = 0; i < INPUT_BATCH && may_read(now) && shell_emergency_rx(&byte); i++) {
        any = true;
        input_byte(byte);
    }
    return any;
}
