/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may put its next byte on the wire. Sources are the VMs (by id), the shell and Latch itself; each has a
 * ring, so none can take another's room. The foreground's bytes pass as they are; lines of the others and of
 * Latch come whole, the VMs' with a tag, or (CONSOLE_KEEP) stay in their ring until their VM comes to the
 * foreground. Whoever has a line open keeps the wire until it ends, falls silent or
 * grows too long. All of this is protected by the console's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/arch.h"
#include "core/config.h"
#include "core/console.h"
#include "core/vm.h"
#include "lib/byte_ring.h"

#define CONSOLE_SHELL       MAX_VMS       /* source number of the shell: takes turns with the VMs */
#define CONSOLE_LATCH       (MAX_VMS + 1) /* source number of Latch itself */
#define CONSOLE_SOURCES     (MAX_VMS + 2) /* source numbers */
#define CONSOLE_NOBODY      CONSOLE_SOURCES
#define CONSOLE_NOTICE      (CONSOLE_SOURCES + 1) /* the line that says who is in the foreground now */
#define CONSOLE_TICK_NS     (10 * NS_PER_MS)
#define CONSOLE_MARKS       2
#define CONSOLE_FRAME_EXTRA 6 /* head and end */
#define CONSOLE_STAGE       112

/* Lines about the console itself begin so: with a mark, which is left out unless asked for. */
#define CONSOLE_HEAD "\x1e" /* CONSOLE_MARK */ "latch: console: "

enum console_notice {
    CONSOLE_NOTICE_NONE,
    CONSOLE_NOTICE_WANTED, /* before anybody's next line; until then the foreground does not speak */
    CONSOLE_NOTICE_STAGED,
};

struct console_source {
    struct byte_ring ring;
    uint32_t line_count;           /* line ends in the ring */
    uint32_t quiet_ticks;          /* since the last byte came in */
    uint64_t lost_count;           /* bytes that a kept ring had no room for; said before what is left */
    const char *name;              /* tag for lines in the background */
    uint32_t marks[CONSOLE_MARKS]; /* of a VM's ring: what is before it goes before Latch's marked line */
};

struct console_mux {
    struct console_source sources[CONSOLE_SOURCES];
    uint32_t pending_count; /* bytes in all rings that may be shown now, and one for a notice */
    enum console_mode mode;
    enum console_notice notice;
    bool shell_broken;   /* an open line of the shell's was ended by somebody else */
    uint32_t foreground; /* source number or CONSOLE_NOBODY */
    uint32_t owner;      /* has an unfinished line on the wire; CONSOLE_NOBODY: wire at a line's start */
    uint32_t last_vm;    /* for taking turns */
    uint32_t mark_count; /* lines of Latch's that wait for what VMs had said before them */
    uint32_t marked_at[CONSOLE_MARKS]; /* where they begin in Latch's ring */
    uint32_t line_length;              /* of the unfinished line */
    uint8_t last_byte;                 /* on the wire */
    uint8_t stage_at;                  /* bytes of our own to go first: tag, line break, notice */
    uint8_t stage_end;
    char stage[CONSOLE_STAGE];
    uint16_t frame_at; /* a frame goes between two bytes of whoever speaks; its bytes are in pending_count */
    uint16_t frame_end;
    uint32_t frame_turn; /* queued bytes of others that go before the next frame */
    uint8_t frame[CONSOLE_FRAME_MAX + CONSOLE_FRAME_EXTRA];
};

void console_mux_init(struct console_mux *mux);

/* The source's bytes stay in its ring. */
static inline bool console_mux_keeps(const struct console_mux *mux, uint32_t source)
{
    return mux->mode == CONSOLE_KEEP && source < MAX_VMS && source != mux->foreground;
}

/* Bytes that console_mux_put() takes now. A VM may fill a quarter of its ring, so that its backlog holds up
 * nobody for long; all of it is for what is kept. */
#define CONSOLE_VM_RING 4096
#define CONSOLE_VM_LIVE 1024

static inline uint32_t console_mux_room(const struct console_mux *mux, uint32_t source)
{
    const struct byte_ring *ring = &mux->sources[source].ring;
    uint32_t room = byte_ring_room(ring);

    if (source >= MAX_VMS || console_mux_keeps(mux, source))
        return room;
    return room > CONSOLE_VM_RING - CONSOLE_VM_LIVE ? room - (CONSOLE_VM_RING - CONSOLE_VM_LIVE) : 0;
}

/* Queues one byte; false without room. */
bool console_mux_put(struct console_mux *mux, uint32_t source, uint8_t byte);

/* What is shown from now on, and which source raw. */
void console_mux_show(struct console_mux *mux, enum console_mode mode, uint32_t foreground);

/* A VM comes to the foreground: a line says so between what the others had begun and the first of its bytes.
 */
void console_mux_switch(struct console_mux *mux, uint32_t foreground);

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

/* Only boot CPU adds frames, so that room, once there, stays. */
static inline bool console_mux_has_frame_room(const struct console_mux *mux)
{
    return mux->frame_at == mux->frame_end && (mux->frame_turn == 0 || mux->pending_count == 0);
}

/* Only with room. */
void console_mux_frame(struct console_mux *mux, const uint8_t *bytes, uint32_t length);

/* Feeds the wire until it is full or nobody may send. `urgent`: nobody waits for anybody's silence. */
void console_mux_pump(struct console_mux *mux, bool urgent);

/* CONSOLE_TICK_NS have passed. */
void console_mux_tick(struct console_mux *mux);
