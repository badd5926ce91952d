/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one serial port, shared: Latch's own lines, and the consoles of the VMs. Output goes through a ring
 * that the run loops drain; nothing here waits for the wire except console_flush().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

void console_attach(struct vm *vm, const struct console_client_ops *ops, void *client);

/* Moves bytes between wire, rings and clients; called from the boot CPU's loop. */
void console_poll(void);

/* Until everything written is on the wire; for the machine's end and for panics (then without locks). */
void console_flush(void);
