/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state that console.c (output, clients) and console_input.c (keys) share. `mux` and `blocked` under the
 * lock; everything about input belongs to the boot CPU.
 */
#pragma once

#include "core/console.h"
#include "core/console_mux.h"
#include "core/timer.h"

#define CONSOLE_INPUT_RING 1024

struct console_client {
    struct vm *vm; /* NULL: nobody */
    const struct console_client_ops *ops;
    void *device;
    _Atomic bool blocked; /* a byte was refused; written under the console's lock */
    bool dropping;
    uint64_t input_moved_ns; /* when the ring was last not full */
    struct byte_ring input;
    uint8_t input_bytes[CONSOLE_INPUT_RING];
};

struct console {
    _Atomic bool unlocked; /* panic: nobody else is to be waited for */
    bool initialised;
    bool wire_dead;   /* nothing went out for a long time: nobody waits for it again */
    bool escape;      /* the escape character came, its argument has not */
    uint32_t last_vm; /* the VM that was in the foreground last: the keys act on it */
    uint64_t last_tick_ns;
    _Atomic uint64_t polled_ns; /* the boot CPU writes it, core/shell_emergency.c looks whether it does */
    struct timer timer;
    struct console_mux mux;
    struct console_client clients[MAX_VMS];
};

extern struct console console;

extern struct spinlock console_guard;

static inline void console_lock(void)
{
    if (LIKELY(!console.unlocked))
        spin_lock(&console_guard);
}

static inline void console_unlock(void)
{
    if (LIKELY(!console.unlocked))
        spin_unlock(&console_guard);
}

/* From the wire to whoever is in the foreground. True: something came. */
bool console_read_wire(uint64_t now);
