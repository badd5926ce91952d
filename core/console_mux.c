/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order of bytes on the wire: see console_mux.h. Time enters as ticks only, so that the common path reads no
 * clock.
 */
#include "core/console_mux.h"

#include "core/arch.h"
#include "lib/printf.h"
#include "lib/string.h"

#define BREAK_TICKS  2   /* an open line silent for so long may be broken by another source */
#define STALE_TICKS  10  /* a line in the background without its end is shown after so long */
#define LINE_LONGEST 512 /* a longer line may be broken */
#define COLORS       6   /* red to cyan */
#define LATCH_RING   8192
#define SHELL_RING   1024

static uint8_t latch_bytes[LATCH_RING];
static uint8_t vm_bytes[MAX_VMS][CONSOLE_VM_RING];
static uint8_t shell_bytes[SHELL_RING];

void console_mux_init(struct console_mux *mux)
{
    *mux = (struct console_mux){.foreground = CONSOLE_NOBODY, .owner = CONSOLE_NOBODY};
    for (uint32_t i = 0; i < MAX_VMS; i++)
        byte_ring_init(&mux->sources[i].ring, vm_bytes[i], CONSOLE_VM_RING);
    byte_ring_init(&mux->sources[CONSOLE_SHELL].ring, shell_bytes, SHELL_RING);
    byte_ring_init(&mux->sources[CONSOLE_LATCH].ring, latch_bytes, LATCH_RING);
}

/* Everything in front of the first mark is out. */
static bool is_mark_reached(const struct console_mux *mux)
{
    for (uint32_t i = 0; i < CONSOLE_LATCH; i++)
        if (!console_mux_keeps(mux, i) && (int32_t)(mux->sources[i].marks[0] - mux->sources[i].ring.head) > 0)
            return false;
    return true;
}

static void drop_mark(struct console_mux *mux)
{
    mux->mark_count--;
    mux->marked_at[0] = mux->marked_at[1];
    for (uint32_t i = 0; i < CONSOLE_LATCH; i++)
        mux->sources[i].marks[0] = mux->sources[i].marks[1];
}

/*
 * Latch begins a line: what VMs said before (their last words, maybe) goes first. Two marks are enough: the
 * first one stands still, so that Latch gets its turn; the second moves with each new line, so that none
 * overtakes.
 */
static void mark_line(struct console_mux *mux)
{
    const struct byte_ring *ring = &mux->sources[CONSOLE_LATCH].ring;

    if (mux->pending_count == byte_ring_used(ring))
        return;
    while (mux->mark_count != 0 && is_mark_reached(mux))
        drop_mark(mux);
    if (mux->mark_count < CONSOLE_MARKS)
        mux->marked_at[mux->mark_count++] = ring->tail;
    for (uint32_t i = 0; i < CONSOLE_LATCH; i++)
        mux->sources[i].marks[mux->mark_count - 1] = mux->sources[i].ring.tail;
}

/* At the start of a line of Latch's. */
static bool may_latch_speak(const struct console_mux *mux)
{
    return mux->mark_count == 0 || mux->marked_at[0] != mux->sources[CONSOLE_LATCH].ring.head ||
           is_mark_reached(mux);
}

void console_mux_show(struct console_mux *mux, enum console_mode mode, uint32_t foreground)
{
    mux->mode = mode;
    mux->foreground = foreground;
    if (foreground >= MAX_VMS && mux->notice == CONSOLE_NOTICE_WANTED)
        mux->notice = CONSOLE_NOTICE_NONE;
    mux->pending_count = (uint32_t)(mux->frame_end - mux->frame_at) + (mux->notice != CONSOLE_NOTICE_NONE);
    for (uint32_t i = 0; i < CONSOLE_SOURCES; i++)
        if (!console_mux_keeps(mux, i))
            mux->pending_count += byte_ring_used(&mux->sources[i].ring);
}

void console_mux_switch(struct console_mux *mux, uint32_t foreground)
{
    mux->notice = CONSOLE_NOTICE_WANTED;
    console_mux_show(mux, mux->mode, foreground);
}

/* The oldest byte makes room. */
static void lose_oldest(struct console_source *s)
{
    s->line_count -= byte_ring_pop(&s->ring) == '\n';
    s->lost_count++;
}

bool console_mux_put(struct console_mux *mux, uint32_t source, uint8_t byte)
{
    struct console_source *s = &mux->sources[source];
    bool keeps = console_mux_keeps(mux, source);

    if (console_mux_room(mux, source) == 0) {
        if (!keeps)
            return false;
        lose_oldest(s);
    }
    if (source == CONSOLE_LATCH && (byte_ring_used(&s->ring) == 0 || byte_ring_last(&s->ring) == '\n'))
        mark_line(mux);
    byte_ring_push(&s->ring, byte);
    s->quiet_ticks = 0;
    s->line_count += byte == '\n';
    mux->pending_count += !keeps;
    return true;
}

/* Has something to say that may begin now. */
static bool is_ready(const struct console_mux *mux, uint32_t source, bool urgent)
{
    const struct console_source *s = &mux->sources[source];

    if (byte_ring_used(&s->ring) == 0 || console_mux_keeps(mux, source))
        return false;
    return urgent || source == mux->foreground || source >= CONSOLE_SHELL || s->line_count != 0 ||
           console_mux_room(mux, source) == 0 || s->quiet_ticks >= STALE_TICKS;
}

/* A notice behind what the shell had said, Latch when its turn has come, else the VMs in turn;
 * CONSOLE_NOBODY if nobody is ready. */
static uint32_t next_in_turn(const struct console_mux *mux, bool urgent)
{
    bool is_latch_ready = is_ready(mux, CONSOLE_LATCH, urgent);

    if (mux->notice == CONSOLE_NOTICE_WANTED)
        return byte_ring_used(&mux->sources[CONSOLE_SHELL].ring) != 0 ? CONSOLE_SHELL : CONSOLE_NOTICE;
    if (is_latch_ready && may_latch_speak(mux))
        return CONSOLE_LATCH;
    for (uint32_t i = 1; i <= CONSOLE_LATCH; i++) {
        uint32_t id = (mux->last_vm + i) % CONSOLE_LATCH;

        if (is_ready(mux, id, urgent))
            return id;
    }
    return is_latch_ready ? CONSOLE_LATCH : CONSOLE_NOBODY;
}

static uint32_t pick(const struct console_mux *mux, bool urgent)
{
    uint32_t owner = mux->owner;
    uint32_t used;
    uint32_t next;
    bool is_cut; /* the rest of its line is kept, and may be lost */

    if (mux->pending_count == 0)
        return CONSOLE_NOBODY;
    if (owner == CONSOLE_NOBODY)
        return next_in_turn(mux, urgent);
    is_cut = console_mux_keeps(mux, owner) || (owner < MAX_VMS && mux->sources[owner].lost_count != 0);
    used = is_cut ? 0 : byte_ring_used(&mux->sources[owner].ring);
    if (used != 0 && mux->line_length < LINE_LONGEST)
        return owner;
    if (used == 0 && !is_cut && !urgent && mux->sources[owner].quiet_ticks < BREAK_TICKS)
        return CONSOLE_NOBODY;
    next = next_in_turn(mux, urgent);
    return next == CONSOLE_NOBODY && used != 0 ? owner : next;
}

static void stage_text(struct console_mux *mux, const char *text, const char *name, uint64_t number)
{
    int length = fmt_snprintf(mux->stage, sizeof(mux->stage), text, name, number);

    mux->stage_at = 0;
    mux->stage_end = (uint8_t)min_u64((uint64_t)length, sizeof(mux->stage) - 1);
}

static void stage_tag(struct console_mux *mux, uint32_t source)
{
    char text[] = "\x1b[31m[%s]\x1b[0m ";

    if (mux->mode != CONSOLE_COLOR) {
        stage_text(mux, "[%s] ", mux->sources[source].name, 0);
        return;
    }
    text[3] = (char)('1' + (int)(source % COLORS));
    stage_text(mux, text, mux->sources[source].name, 0);
}

/* What does not come out of a ring: who is in the foreground now, what has been lost. */
static void stage_notice(struct console_mux *mux, uint32_t source)
{
    const char *text = CONSOLE_HEAD "now %s (%lu)\r\n";
    uint64_t number = mux->foreground;

    if (source == CONSOLE_NOTICE) {
        mux->notice = CONSOLE_NOTICE_STAGED;
        source = mux->foreground;
    } else {
        text = CONSOLE_HEAD "%s said more than was kept: %lu bytes lost\r\n";
        number = mux->sources[source].lost_count;
        mux->sources[source].lost_count = 0;
    }
    stage_text(mux, text + !config.marks, mux->sources[source].name, number);
}

/* Prepares the wire for `source`: ends another's line, says what is missing, puts the tag. True: the source's
 * own byte is next. */
static bool open_line(struct console_mux *mux, uint32_t source)
{
    bool lost = source < MAX_VMS && mux->sources[source].lost_count != 0;

    if (mux->owner == source && !lost)
        return true;
    if (mux->owner != CONSOLE_NOBODY) {
        stage_text(mux, "\r\n", "", 0);
        mux->shell_broken |= mux->owner == CONSOLE_SHELL;
        mux->owner = CONSOLE_NOBODY;
        mux->line_length = 0;
        return false;
    }
    if (lost || source == CONSOLE_NOTICE) {
        stage_notice(mux, source);
        return false;
    }
    if (source != mux->foreground && source < MAX_VMS) {
        stage_tag(mux, source);
        mux->owner = source;
        return false;
    }
    return true;
}

static bool send_staged(struct console_mux *mux)
{
    while (mux->stage_at < mux->stage_end) {
        if (!arch_console_tx((uint8_t)mux->stage[mux->stage_at]))
            return false;
        mux->last_byte = (uint8_t)mux->stage[mux->stage_at++];
    }
    if (mux->notice == CONSOLE_NOTICE_STAGED) {
        mux->notice = CONSOLE_NOTICE_NONE;
        mux->pending_count--;
    }
    return true;
}

static bool send_frame(struct console_mux *mux)
{
    while (mux->frame_at < mux->frame_end) {
        if (!arch_console_tx(mux->frame[mux->frame_at]))
            return false;
        mux->frame_at++;
        mux->pending_count--;
    }
    return true;
}

void console_mux_frame(struct console_mux *mux, const uint8_t *bytes, uint32_t length)
{
    static const uint8_t head[] = {0x1b, '_', CONSOLE_MARK, 'g'}, end[] = {0x1b, '\\'};

    memcpy(mux->frame, head, sizeof(head));
    memcpy(mux->frame + sizeof(head), bytes, length);
    memcpy(mux->frame + sizeof(head) + length, end, sizeof(end));
    mux->frame_at = 0;
    mux->frame_end = (uint16_t)(length + CONSOLE_FRAME_EXTRA);
    mux->frame_turn = CONSOLE_FRAME_MAX / 2;
    mux->pending_count += mux->frame_end;
}

/* False: the wire is full. */
static bool send_one(struct console_mux *mux, uint32_t source)
{
    struct console_source *s = &mux->sources[source];
    uint8_t byte = byte_ring_peek(&s->ring);

    /* Terminals want a carriage return; the foreground VM says itself what it wants. */
    if (byte == '\n' && mux->last_byte != '\r' && source != mux->foreground) {
        if (!arch_console_tx('\r'))
            return false;
        mux->last_byte = '\r';
    }
    if (!arch_console_tx(byte))
        return false;
    if (source == CONSOLE_LATCH && mux->mark_count != 0 && mux->marked_at[0] == s->ring.head)
        drop_mark(mux);
    byte_ring_pop(&s->ring);
    s->line_count -= byte == '\n';
    mux->pending_count--;
    mux->frame_turn -= mux->frame_turn != 0;
    if (source != CONSOLE_LATCH)
        mux->last_vm = source;
    if (source == CONSOLE_SHELL && byte == '\r')
        mux->shell_broken = false; /* it draws its line anew */
    console_mux_sent(mux, source, byte);
    return true;
}

void console_mux_pump(struct console_mux *mux, bool urgent)
{
    for (;;) {
        uint32_t source;

        if (!send_staged(mux) || !send_frame(mux))
            return;
        source = pick(mux, urgent);
        if (source == CONSOLE_NOBODY)
            return;
        if (open_line(mux, source) && !send_one(mux, source))
            return;
    }
}

void console_mux_tick(struct console_mux *mux)
{
    for (uint32_t i = 0; i < CONSOLE_SOURCES; i++)
        if (mux->sources[i].quiet_ticks < STALE_TICKS)
            mux->sources[i].quiet_ticks++;
}
