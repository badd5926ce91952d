/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One counter of the 8254. A count written at tick t is in the counter at t + 1 (the clock pulse that loads
 * it), so that OUT of mode 0 rises N + 1 pulses after the write, as the data sheet draws it.
 */
#include "vdev/vpit_channel.h"

#include "lib/bits.h"

#define BINARY_RANGE UINT32_C(65536)
#define BCD_RANGE    UINT32_C(10000)
#define BCD_DIGITS   4

static bool is_periodic(const struct vpit_channel *ch)
{
    return ch->mode == VPIT_RATE || ch->mode == VPIT_SQUARE;
}

static bool waits_for_gate(const struct vpit_channel *ch)
{
    return ch->mode == VPIT_ONE_SHOT || ch->mode == VPIT_STROBE_BY_GATE;
}

static uint32_t range(const struct vpit_channel *ch)
{
    return ch->bcd ? BCD_RANGE : BINARY_RANGE;
}

static uint32_t from_bcd(uint32_t value)
{
    uint32_t result = 0;

    for (int digit = BCD_DIGITS - 1; digit >= 0; digit--)
        result = result * 10 + ((value >> (4 * digit)) & 0xf);
    return result;
}

static uint32_t to_bcd(uint32_t value)
{
    uint32_t result = 0;

    for (int digit = 0; digit < BCD_DIGITS; digit++, value /= 10)
        result |= (value % 10) << (4 * digit);
    return result;
}

static uint32_t high_half(uint32_t count)
{
    return (count + 1) / 2;
}

uint32_t vpit_channel_period(const struct vpit_channel *ch)
{
    return is_periodic(ch) && ch->running && ch->count > 1 ? ch->count : 0;
}

/* Mode 2 takes a new count at the end of the cycle, mode 3 at the end of the half cycle. */
void vpit_channel_sync(struct vpit_channel *ch, uint64_t now)
{
    bool at_half;

    if (!is_periodic(ch) || !ch->running || !ch->reload_pending || now < ch->takeover)
        return;
    at_half = (ch->takeover - ch->start) % ch->count != 0;
    ch->start = ch->takeover - (at_half ? high_half(ch->reload) : 0);
    ch->count = ch->reload;
    ch->reload_pending = false;
}

static uint64_t elapsed(const struct vpit_channel *ch, uint64_t now)
{
    return now > ch->start ? now - ch->start : 0;
}

bool vpit_channel_out(struct vpit_channel *ch, uint64_t now)
{
    uint64_t gone;

    vpit_channel_sync(ch, now);
    gone = elapsed(ch, now);
    if (now < ch->low_until)
        return false;
    if (!ch->running)
        return vpit_channel_standing_out(ch);
    switch ((enum vpit_mode)ch->mode) {
    case VPIT_INTERRUPT:
        return ch->done || gone >= ch->count;
    case VPIT_ONE_SHOT:
        return now < ch->start || gone >= ch->count;
    case VPIT_RATE:
        return gone % ch->count != ch->count - 1;
    case VPIT_SQUARE:
        return gone % ch->count < high_half(ch->count);
    case VPIT_STROBE:
    case VPIT_STROBE_BY_GATE:
        return ch->done || gone != ch->count;
    }
    return true;
}

/* What the counting element holds. Mode 3 counts in twos, twice per cycle, an odd count from one less. */
static uint32_t value_at(struct vpit_channel *ch, uint64_t now)
{
    uint64_t gone;

    vpit_channel_sync(ch, now);
    if (!ch->running)
        return ch->count % range(ch);
    gone = elapsed(ch, now);
    if (ch->mode == VPIT_RATE)
        return (ch->count - (uint32_t)(gone % ch->count)) % range(ch);
    if (ch->mode == VPIT_SQUARE) {
        gone %= ch->count;
        if (gone >= high_half(ch->count))
            gone -= high_half(ch->count);
        return ((ch->count & ~UINT32_C(1)) - 2 * (uint32_t)gone) % range(ch);
    }
    return (ch->count + range(ch) - (uint32_t)(gone % range(ch))) % range(ch);
}

uint64_t vpit_channel_next_edge(const struct vpit_channel *ch, uint64_t after)
{
    uint64_t edge;

    if (ch->mode >= VPIT_STROBE && after < ch->low_until)
        return ch->low_until;
    if (!ch->running)
        return VPIT_NEVER;
    if (!is_periodic(ch)) {
        edge = ch->start + ch->count + (ch->mode >= VPIT_STROBE ? 1 : 0);
        return ch->done || edge <= after ? VPIT_NEVER : edge;
    }
    if (ch->count < 2)
        return VPIT_NEVER;
    edge = ch->start + (elapsed(ch, after) / ch->count + 1) * ch->count;
    if (!ch->reload_pending || edge <= ch->takeover)
        return edge;
    return ch->takeover - high_half(ch->reload) + ch->reload;
}

/* The gate acts at once in modes 2 and 3; a pulse of the other modes lasts until the next clock. */
static void keep_low(struct vpit_channel *ch, uint64_t now)
{
    if (!is_periodic(ch) && ch->mode != VPIT_INTERRUPT && !vpit_channel_out(ch, now))
        ch->low_until = now + 1;
}

/* The next clock loads the counter. */
static void start(struct vpit_channel *ch, uint64_t now, uint32_t count)
{
    keep_low(ch, now);
    ch->count = count;
    ch->start = now + 1;
    ch->running = true;
    ch->done = false;
    ch->reload_pending = false;
}

/* The clock is taken away; the counter keeps its value. */
static void freeze(struct vpit_channel *ch, uint64_t now)
{
    uint32_t value = value_at(ch, now);

    keep_low(ch, now);
    ch->done = ch->done || (ch->running && now >= ch->start && elapsed(ch, now) >= ch->count);
    ch->count = value;
    ch->running = false;
}

static void load(struct vpit_channel *ch, uint64_t now, uint32_t value)
{
    uint32_t end;

    if (ch->bcd)
        value = from_bcd(value);
    vpit_channel_sync(ch, now);
    ch->reload = value == 0 ? range(ch) : value;
    ch->loaded = true;
    if (waits_for_gate(ch)) {
        ch->reload_pending = true;
    } else if (!is_periodic(ch) || !ch->running) {
        start(ch, now, ch->reload);
        ch->running = ch->gate;
    } else {
        uint64_t gone = elapsed(ch, now) % ch->count;

        end = ch->mode == VPIT_SQUARE && gone < high_half(ch->count) ? high_half(ch->count) : ch->count;
        ch->takeover = max_u64(now, ch->start) + end - gone;
        ch->reload_pending = true;
    }
}

/* Mode 0 stops counting at the first of two bytes, with OUT low. */
void vpit_channel_write(struct vpit_channel *ch, uint64_t now, uint8_t value)
{
    if (ch->access == VPIT_ACCESS_LOW) {
        load(ch, now, value);
    } else if (ch->access == VPIT_ACCESS_HIGH) {
        load(ch, now, (uint32_t)value << 8);
    } else if (ch->write_high) {
        ch->write_high = false;
        load(ch, now, (uint32_t)value << 8 | ch->write_low);
    } else {
        ch->write_high = true;
        ch->write_low = value;
        if (ch->mode == VPIT_INTERRUPT) {
            freeze(ch, now);
            ch->done = false;
        }
    }
}

void vpit_channel_control(struct vpit_channel *ch, uint64_t now, uint8_t word)
{
    uint8_t mode = (uint8_t)field_get(word, VPIT_CTL_MODE);

    freeze(ch, now);
    ch->mode = mode > VPIT_STROBE_BY_GATE ? mode - 4 : mode;
    ch->access = (uint8_t)field_get(word, VPIT_CTL_ACCESS);
    ch->bcd = (word & VPIT_CTL_BCD) != 0;
    ch->loaded = false;
    ch->done = false;
    ch->low_until = 0;
    ch->reload_pending = false;
    ch->read_high = false;
    ch->write_high = false;
    ch->count_latched = false;
    ch->status_latched = false;
}

static bool is_null_count(const struct vpit_channel *ch, uint64_t now)
{
    return !ch->loaded || ch->reload_pending || now < ch->start;
}

/* What is latched already stays until it is read. */
void vpit_channel_latch(struct vpit_channel *ch, uint64_t now, bool count, bool status)
{
    if (count && !ch->count_latched) {
        uint32_t value = value_at(ch, now);

        ch->latch = (uint16_t)(ch->bcd ? to_bcd(value) : value);
        ch->count_latched = true;
    }
    if (status && !ch->status_latched) {
        ch->status = (uint8_t)((vpit_channel_out(ch, now) ? VPIT_STATUS_OUT : 0) |
                               (is_null_count(ch, now) ? VPIT_STATUS_NULL : 0) |
                               ch->access << VPIT_STATUS_ACCESS_SHIFT | ch->mode << VPIT_STATUS_MODE_SHIFT |
                               (ch->bcd ? VPIT_CTL_BCD : 0));
        ch->status_latched = true;
    }
}

uint8_t vpit_channel_read(struct vpit_channel *ch, uint64_t now)
{
    bool latched = ch->count_latched;
    uint32_t value = latched ? ch->latch : value_at(ch, now);
    bool high = ch->access == VPIT_ACCESS_HIGH || (ch->access == VPIT_ACCESS_BOTH && ch->read_high);

    if (ch->status_latched) {
        ch->status_latched = false;
        return ch->status;
    }
    if (!latched && ch->bcd)
        value = to_bcd(value);
    if (ch->access == VPIT_ACCESS_BOTH)
        ch->read_high = !high;
    if (high || ch->access == VPIT_ACCESS_LOW)
        ch->count_latched = false;
    return (uint8_t)(high ? value >> 8 : value);
}

void vpit_channel_gate(struct vpit_channel *ch, uint64_t now, bool gate)
{
    if (ch->gate == gate)
        return;
    ch->gate = gate;
    if (!gate) {
        if (!waits_for_gate(ch))
            freeze(ch, now);
    } else if (ch->loaded && (is_periodic(ch) || waits_for_gate(ch))) {
        start(ch, now, ch->reload);
    } else if (ch->loaded) { /* goes on from where it was */
        ch->start = now;
        ch->running = true;
    }
}
