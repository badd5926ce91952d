/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One counter of the 8254 as a pure function of time, counted in ticks of its clock. No clock is read here.
 * Source: Intel 82C54 data sheet, "Mode Definitions".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VPIT_NEVER UINT64_MAX

/* Ticks start here, so that a cycle may have begun before the first. */
#define VPIT_FIRST_TICK (UINT64_C(1) << 20)

/* Control word, read-back command, status. */
#define VPIT_CTL_BCD             UINT8_C(0x01)
#define VPIT_CTL_MODE            UINT8_C(0x0e)
#define VPIT_CTL_ACCESS          UINT8_C(0x30)
#define VPIT_CTL_CHANNEL         UINT8_C(0xc0)
#define VPIT_CTL_READ_BACK       UINT8_C(0xc0) /* in the channel field */
#define VPIT_READ_NO_COUNT       UINT8_C(0x20)
#define VPIT_READ_NO_STATUS      UINT8_C(0x10)
#define VPIT_STATUS_OUT          UINT8_C(0x80)
#define VPIT_STATUS_NULL         UINT8_C(0x40)
#define VPIT_STATUS_ACCESS_SHIFT 4
#define VPIT_STATUS_MODE_SHIFT   1

enum vpit_access {
    VPIT_ACCESS_LATCH, /* in a control word: the counter latch command */
    VPIT_ACCESS_LOW,
    VPIT_ACCESS_HIGH,
    VPIT_ACCESS_BOTH,
};

enum vpit_mode {
    VPIT_INTERRUPT,      /* 0: interrupt on terminal count */
    VPIT_ONE_SHOT,       /* 1: hardware retriggerable one-shot */
    VPIT_RATE,           /* 2: rate generator; also 6 */
    VPIT_SQUARE,         /* 3: square wave; also 7 */
    VPIT_STROBE,         /* 4: software triggered strobe */
    VPIT_STROBE_BY_GATE, /* 5: hardware triggered strobe */
};

struct vpit_channel {
    uint8_t mode;   /* enum vpit_mode */
    uint8_t access; /* enum vpit_access */
    bool bcd;
    bool gate;
    bool loaded;         /* a count has been written since the control word */
    bool running;        /* the counter is clocked and has been loaded (modes 1, 5: triggered) */
    bool done;           /* modes 0, 4, 5: terminal count was reached before `start` */
    bool reload_pending; /* a count was written that is not in the counter yet (status: null count) */
    bool read_high;      /* the next byte read is the high one */
    bool write_high;     /* the next byte written is the high one */
    uint8_t write_low;   /* low byte waiting for its high one */
    bool count_latched;
    bool status_latched;
    uint8_t status;
    uint16_t latch;
    uint32_t reload;    /* as written: 1..65536, BCD 1..10000 */
    uint32_t count;     /* running: in the counter at `start`; else what the counter holds */
    uint64_t start;     /* tick */
    uint64_t low_until; /* modes 1, 4, 5: a low OUT outlives a new start or a pause until this tick */
    uint64_t takeover;  /* modes 2, 3 with reload_pending: tick at which `reload` takes over */
};

/* Every function takes the tick of now, which never goes back. */
void vpit_channel_control(struct vpit_channel *ch, uint64_t now, uint8_t word);
void vpit_channel_latch(struct vpit_channel *ch, uint64_t now, bool count, bool status);
void vpit_channel_write(struct vpit_channel *ch, uint64_t now, uint8_t value);
uint8_t vpit_channel_read(struct vpit_channel *ch, uint64_t now);
void vpit_channel_gate(struct vpit_channel *ch, uint64_t now, bool gate);
bool vpit_channel_out(struct vpit_channel *ch, uint64_t now);

/* The output does not depend on the time: no clock, and no low pulse that outlives it. */
static inline bool vpit_channel_stands(const struct vpit_channel *ch)
{
    return !ch->running && ch->low_until == 0;
}

/* The output then: that of mode 0 keeps what it had reached. */
static inline bool vpit_channel_standing_out(const struct vpit_channel *ch)
{
    return ch->mode != VPIT_INTERRUPT || ch->done;
}

/* The first rising edge of OUT after the tick `after`, VPIT_NEVER if nothing more will come by itself. */
uint64_t vpit_channel_next_edge(const struct vpit_channel *ch, uint64_t after);

/* Acts on what has happened up to `now`: a pending count that took over. */
void vpit_channel_sync(struct vpit_channel *ch, uint64_t now);

/* Ticks between rising edges, 0 if OUT does not repeat. */
uint32_t vpit_channel_period(const struct vpit_channel *ch);
