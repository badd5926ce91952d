/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one serial port, shared: Latch's own lines, and the consoles of the VMs. Each source has a ring of its
 * own that the run loops drain; nothing here waits for the wire except console_flush() and a console_write()
 * into a full ring. One VM is in the foreground: its bytes pass raw and it gets the input. Lines of the
 * others are tagged `[name] `. The escape character (Ctrl-] unless configured) and a digit brings the VM with
 * that number to the foreground, and s the shell. docs/console.md.
 *
 * arch_console_tx() is called with the console's lock held, by any CPU; arch_console_rx() by the boot CPU.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

struct vm;

/* Output of Latch itself; any CPU, own lock. Waits for the wire when the ring is full. */
void console_write(const char *text, size_t length);

/*
 * One byte a guest sent. False: no room now, the device keeps the byte and is told through
 * console_client_ops.writable when there is room again. Any CPU.
 */
bool console_vm_write(struct vm *vm, uint8_t byte);

/* What a VM's console device gives the console. Called with the VM's device lock held, from the boot CPU's
 * loop. */
struct console_client_ops {
    bool (*receive)(void *client, uint8_t byte); /* false: no room, offered again later */
    void (*writable)(void *client);
};

/* Once for each VM, before it runs. The first one attached starts in the foreground. */
void console_attach(struct vm *vm, const struct console_client_ops *ops, void *client);

/*
 * Moves bytes between wire, rings and clients; called by the boot CPU's loop. Keeps a timer of its own armed
 * there (10 ms, 1 ms while bytes move), so that it is called again.
 */
void console_poll(void);

/* Bytes that console_write() takes now without waiting. Any CPU. */
uint32_t console_free(void);

/* Until everything written is on the wire (or that is dead); for the machine's end and for panics. */
void console_flush(void);

/* From here on no lock is taken: whoever holds it may be the one that panicked. */
void console_enter_panic(void);

/* The shell's output: false without room or while it is not in the foreground. Boot CPU. */
MUST_CHECK bool console_shell_write(uint8_t byte);

/*
 * A frame of up to CONSOLE_FRAME_MAX bytes, for a program at the other end of the wire: goes out in one
 * piece, at once, whoever has a line open; terminals do not show it (core/gdb_console.h has the format). Room
 * is where the one before is out and others have had their turn. Boot CPU.
 */
#define CONSOLE_FRAME_MAX 200
MUST_CHECK bool console_has_frame_room(void);
void console_write_frame(const uint8_t *bytes, uint32_t length);

/* True once after somebody else has ended a line that the shell had begun. Boot CPU. */
bool console_shell_broken(void);

/* Back to the VM that had the terminal before. Boot CPU. */
void console_leave_shell(void);

enum console_mode {
    CONSOLE_PLAIN, /* lines in the background are shown with a tag */
    CONSOLE_COLOR, /* ... in colour */
    CONSOLE_KEEP,  /* they are not: the VM's ring keeps the last of them */
};

void console_set_mode(enum console_mode mode);

/* With marks=on each line of Latch's own begins with this byte; in frames it stands too. Guests cannot send
 * it with either. */
#define CONSOLE_MARK 0x1e
