/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may put its next byte on the wire. Sources are the VMs (by id) and Latch itself; each has a ring, so
 * none can take another's room. The foreground VM's bytes pass as they are; lines of the others and of Latch
 * come whole, the VMs' with a tag. Whoever has a line open keeps the wire until it ends, falls silent or
 * grows too long. All of this is protected by the console's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/arch.h"
#include "core/vm.h"
#include "lib/byte_ring.h"

#define CONSOLE_LATCH   MAX_VMS       /* source number of Latch itself */
#define CONSOLE_SOURCES (MAX_VMS + 1) /* source numbers */
#define CONSOLE_NOBODY  CONSOLE_SOURCES
#define CONSOLE_TICK_NS (10 * NS_PER_MS)
#define CONSOLE_MARKS   2

struct console_source {
    struct byte_ring ring;
    uint32_t line_count;           /* line ends in the ring */
    uint32_t quiet_ticks;          /* since the last byte came in */
    const char *name;              /* tag for lines in the background */
    uint32_t marks[CONSOLE_MARKS]; /* of a VM's ring: what is before it goes before Latch's marked line */
};

struct console_mux {
    struct console_source sources[CONSOLE_SOURCES];
    uint32_t pending_count; /* bytes in all rings */
    uint32_t foreground;    /* source number or CONSOLE_NOBODY */
    uint32_t owner;         /* has an unfinished line on the wire; CONSOLE_NOBODY: wire at a line's start */
    uint32_t last_vm;       /* for taking turns */
    uint32_t mark_count;    /* lines of Latch's that wait for what VMs had said before them */
    uint32_t marked_at[CONSOLE_MARKS]; /* where they begin in Latch's ring */
    uint32_t line_length;              /* of the unfinished line */
    uint8_t last_byte;                 /* on the wire */
    uint8_t stage_at;                  /* bytes of our own to go first: tag, line break */
    uint8_t stage_end;
    char stage[VM_NAME_SIZE + 8];
};

void console_mux_init(struct console_mux *mux);

/* Queues one byte; false without room. */
bool console_mux_put(struct console_mux *mux, uint32_t source, uint8_t byte);

/* A byte of `source` itself went out. */
static inline void console_mux_sent(struct console_mux *mux, uint32_t source, uint8_t byte)
{
    mux->last_byte = byte;
    mux->owner = byte == '\n' ? CONSOLE_NOBODY : source;
    mux->line_length = byte == '\n' ? 0 : mux->line_length + 1;
}

/* The short way: straight to the wire if that changes nothing in the order. False: use console_mux_put(). */
static inline bool console_mux_direct(struct console_mux *mux, uint32_t source, uint8_t byte)
{
    if (mux->pending_count != 0 || mux->foreground != source)
        return false;
    if (mux->owner != source && mux->owner != CONSOLE_NOBODY)
        return false;
    if (!arch_console_tx(byte))
        return false;
    mux->sources[source].quiet_ticks = 0;
    console_mux_sent(mux, source, byte);
    return true;
}

/* Feeds the wire until it is full or nobody may send. `urgent`: nobody waits for anybody's silence. */
void console_mux_pump(struct console_mux *mux, bool urgent);

/* CONSOLE_TICK_NS have passed. */
void console_mux_tick(struct console_mux *mux);
