/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MC146818: see vrtc.h. While the clock runs, its time registers are computed from `offset_ns`; while it is
 * stopped (SET, or divider in reset) they are plain memory, converted back when it starts again. A guest may
 * write any rubbish into them: conversion counts it on, nothing is out of range.
 */
#include "vdev/vrtc.h"

#include "core/time.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "vdev/vrtc_calendar.h"

#define SECOND_NS   ((int64_t)NS_PER_SEC)
#define UIP_NS      INT64_C(244141) /* 8 periods of 32768 Hz before the update */
#define CRYSTAL_HZ  UINT64_C(32768)
#define DV_RUNS     2
#define DAY_SECONDS INT64_C(86400)
#define RESET_PHASE (NS_PER_SEC / 2) /* the first update follows half a second after the divider's reset */
#define ALARM_STEPS 8
#define NEVER       INT64_MAX

/* CMOS bytes that firmware fills and kernels read. */
#define CMOS_BASE_KIB     0x15 /* 16 bits, as all the following sizes */
#define CMOS_EXTENDED_KIB 0x17
#define CMOS_CHECKED      0x10 /* 0x10..0x2d are summed up in 0x2e (high), 0x2f (low) */
#define CMOS_CHECKSUM     0x2e
#define CMOS_EXTENDED_2   0x30
#define CMOS_ABOVE_16M    0x34 /* 64 KiB units */
#define CMOS_ABOVE_4G     0x5b /* 64 KiB units, 24 bits */
#define CMOS_LAST_CPU     0x5f /* number of CPUs - 1 */

static bool is_stopped(const struct vrtc *r)
{
    return (r->cmos[VRTC_B] & VRTC_B_SET) || field_get(r->cmos[VRTC_A], VRTC_A_DV) != DV_RUNS;
}

static int64_t clock_ns(const struct vrtc *r)
{
    return (int64_t)time_now_ns() + r->offset_ns;
}

static int64_t second_of(int64_t ns)
{
    return ns / SECOND_NS - (ns % SECOND_NS < 0);
}

static uint8_t encode(const struct vrtc *r, uint32_t value)
{
    return (uint8_t)(r->cmos[VRTC_B] & VRTC_B_BINARY ? value : value / 10 % 10 << 4 | value % 10);
}

static uint32_t decode(const struct vrtc *r, uint8_t byte)
{
    return r->cmos[VRTC_B] & VRTC_B_BINARY ? byte : (uint32_t)(byte >> 4) * 10 + (byte & 15);
}

static uint8_t encode_hour(const struct vrtc *r, uint32_t hour)
{
    if (r->cmos[VRTC_B] & VRTC_B_24H)
        return encode(r, hour);
    return (uint8_t)(encode(r, (hour + 11) % 12 + 1) | field_make(hour >= 12, VRTC_HOURS_PM));
}

static uint32_t decode_hour(const struct vrtc *r, uint8_t byte)
{
    if (r->cmos[VRTC_B] & VRTC_B_24H)
        return decode(r, byte);
    return decode(r, (uint8_t)(byte & ~VRTC_HOURS_PM)) % 12 + (byte & VRTC_HOURS_PM ? 12 : 0);
}

/* The time registers as they show `seconds`. */
static void store_time(struct vrtc *r, int64_t seconds)
{
    struct vrtc_date date = vrtc_date_of(seconds);

    r->cmos[VRTC_SECONDS] = encode(r, date.second);
    r->cmos[VRTC_MINUTES] = encode(r, date.minute);
    r->cmos[VRTC_HOURS] = encode_hour(r, date.hour);
    r->cmos[VRTC_WEEKDAY] = encode(r, date.weekday + 1);
    r->cmos[VRTC_DAY] = encode(r, date.day);
    r->cmos[VRTC_MONTH] = encode(r, date.month);
    r->cmos[VRTC_YEAR] = encode(r, (uint32_t)(date.year % 100));
    r->cmos[VRTC_CENTURY] = encode(r, (uint32_t)(date.year / 100 % 100));
}

static int64_t load_time(const struct vrtc *r)
{
    struct vrtc_date date = {
        .year = (int64_t)decode(r, r->cmos[VRTC_CENTURY]) * 100 + decode(r, r->cmos[VRTC_YEAR]),
        .month = decode(r, r->cmos[VRTC_MONTH]),
        .day = decode(r, r->cmos[VRTC_DAY]),
        .hour = decode_hour(r, r->cmos[VRTC_HOURS]),
        .minute = decode(r, r->cmos[VRTC_MINUTES]),
        .second = decode(r, r->cmos[VRTC_SECONDS]),
    };

    /* ns since 1970 must fit 64 bits whatever was written; the epoch's century is close enough for rubbish.
     */
    if (date.year < 1900 || date.year > 2199)
        date.year = 2000 + date.year % 100;
    return vrtc_seconds_of(&date);
}

/* Period of the periodic interrupt in crystal ticks; 0: off. Rates 1 and 2 repeat 8 and 9. */
static uint64_t period_ticks(const struct vrtc *r)
{
    uint64_t rate = field_get(r->cmos[VRTC_A], VRTC_A_RS);

    if (rate == 0)
        return 0;
    return BIT((rate <= 2 ? rate + 7 : rate) - 1);
}

static int64_t tick_of(int64_t ns)
{
    int64_t second = second_of(ns);

    return second * (int64_t)CRYSTAL_HZ +
           (int64_t)mul_div_u64((uint64_t)(ns - second * SECOND_NS), CRYSTAL_HZ, NS_PER_SEC);
}

/* First ns at which tick_of() is `tick`. */
static int64_t ns_of_tick(int64_t tick)
{
    int64_t second = tick >> 15;
    uint64_t rest = (uint64_t)(tick - second * (int64_t)CRYSTAL_HZ);

    return second * SECOND_NS + (int64_t)((rest * NS_PER_SEC + CRYSTAL_HZ - 1) / CRYSTAL_HZ);
}

static int64_t next_periodic_ns(const struct vrtc *r, int64_t after)
{
    int64_t period = (int64_t)period_ticks(r);

    if (period == 0)
        return NEVER;
    return ns_of_tick((tick_of(after) & ~(period - 1)) + period);
}

static bool is_any(uint8_t alarm)
{
    return (alarm & VRTC_ALARM_ANY) == VRTC_ALARM_ANY;
}

/*
 * First second >= `from` at which the alarm matches, NEVER if the registers hold no time of day. Each step
 * moves to the next moment at which the largest field that is wrong may be right; carrying over, a handful of
 * steps is enough.
 */
static int64_t next_alarm_second(const struct vrtc *r, int64_t from)
{
    bool any_hour = is_any(r->cmos[VRTC_HOURS_ALARM]);
    bool any_minute = is_any(r->cmos[VRTC_MINUTES_ALARM]);
    bool any_second = is_any(r->cmos[VRTC_SECONDS_ALARM]);
    int64_t hour = decode_hour(r, r->cmos[VRTC_HOURS_ALARM]);
    int64_t minute = decode(r, r->cmos[VRTC_MINUTES_ALARM]);
    int64_t second = decode(r, r->cmos[VRTC_SECONDS_ALARM]);
    int64_t day = from - (from % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
    int64_t t = from - day;

    if ((!any_hour && hour > 23) || (!any_minute && minute > 59) || (!any_second && second > 59))
        return NEVER;
    for (int i = 0; i < ALARM_STEPS; i++) {
        int64_t day_time = t % DAY_SECONDS;
        int64_t h = day_time / 3600;
        int64_t m = day_time / 60 % 60;
        int64_t s = day_time % 60;

        if (!any_hour && h != hour)
            t += ((hour - h + 24) % 24) * 3600 - m * 60 - s;
        else if (!any_minute && m != minute)
            t += ((minute - m + 60) % 60) * 60 - s;
        else if (!any_second && s != second)
            t += (second - s + 60) % 60;
        else
            return day + t;
    }
    return NEVER;
}

/* Brings the flags up to the clock's time: whatever happened in (seen, now]. */
static void catch_up(struct vrtc *r)
{
    int64_t now = clock_ns(r);
    int64_t alarm;

    if (is_stopped(r) || now <= r->seen_ns)
        return;
    if (next_periodic_ns(r, r->seen_ns) <= now)
        r->flags |= VRTC_C_PF;
    if (second_of(now) != second_of(r->seen_ns)) {
        r->flags |= VRTC_C_UF;
        alarm = next_alarm_second(r, second_of(r->seen_ns) + 1);
        if (alarm <= second_of(now))
            r->flags |= VRTC_C_AF;
    }
    r->seen_ns = now;
}

/* When the next interrupt that is enabled and not yet flagged is due, on the clock. */
static int64_t next_event_ns(const struct vrtc *r)
{
    uint8_t wanted = r->cmos[VRTC_B] & (uint8_t)~r->flags & VRTC_C_FLAGS;
    int64_t second = second_of(r->seen_ns) + 1;
    int64_t next = NEVER;
    int64_t alarm;

    if (wanted & VRTC_B_PIE)
        next = next_periodic_ns(r, r->seen_ns);
    if ((wanted & VRTC_B_UIE) && second * SECOND_NS < next)
        next = second * SECOND_NS;
    if (wanted & VRTC_B_AIE) {
        alarm = next_alarm_second(r, second);
        if (alarm != NEVER && alarm * SECOND_NS < next)
            next = alarm * SECOND_NS;
    }
    return next;
}

/* Sets the line; the timer only runs while the line is low, since a guest that does not look needs no more.
 */
static void update(struct vrtc *r)
{
    bool level = (r->flags & r->cmos[VRTC_B] & VRTC_C_FLAGS) != 0;
    int64_t next = level || is_stopped(r) ? NEVER : next_event_ns(r);

    irq_line_set(r->line, level);
    if (next != NEVER)
        timer_arm(&r->timer, (uint64_t)(next - r->offset_ns));
    else if (timer_is_armed(&r->timer))
        timer_cancel(&r->timer);
}

static void timer_expired(struct timer *timer)
{
    struct vrtc *r = CONTAINER_OF(timer, struct vrtc, timer);

    spin_lock(&r->vm->dev_lock);
    catch_up(r);
    update(r);
    spin_unlock(&r->vm->dev_lock);
}

static const struct timer_ops rtc_timer_ops = {.expire = timer_expired};

static void set_clock(struct vrtc *r, int64_t seconds, uint64_t phase_ns)
{
    r->offset_ns = seconds * SECOND_NS + (int64_t)phase_ns - (int64_t)time_now_ns();
    r->seen_ns = clock_ns(r);
}

/* A or B changes. Stopping makes the registers memory, starting makes a clock of them. */
static void write_control(struct vrtc *r, unsigned int index, uint8_t value)
{
    bool was_stopped = is_stopped(r);
    bool was_held = field_get(r->cmos[VRTC_A], VRTC_A_DV) != DV_RUNS;

    catch_up(r);
    if (!was_stopped) {
        r->phase_ns = (uint64_t)(clock_ns(r) - second_of(clock_ns(r)) * SECOND_NS);
        store_time(r, second_of(clock_ns(r)));
    }
    r->cmos[index] = value;
    if (field_get(r->cmos[VRTC_A], VRTC_A_DV) != DV_RUNS || was_held)
        r->phase_ns = RESET_PHASE;
    /* The format of a running clock's registers may change under them; a stopped one's stay as written. */
    if (was_stopped && !is_stopped(r))
        set_clock(r, load_time(r), r->phase_ns);
    update(r);
}

static bool is_time_register(unsigned int index)
{
    return index == VRTC_SECONDS || index == VRTC_MINUTES || index == VRTC_HOURS ||
           (index >= VRTC_WEEKDAY && index <= VRTC_YEAR) || index == VRTC_CENTURY;
}

static uint8_t read_cmos(struct vrtc *r)
{
    unsigned int index = r->index;
    uint8_t value;

    if (is_time_register(index) && !is_stopped(r))
        store_time(r, second_of(clock_ns(r)));
    value = r->cmos[index];
    if (index == VRTC_A && !is_stopped(r)) {
        int64_t now = clock_ns(r);

        if (now - second_of(now) * SECOND_NS >= SECOND_NS - UIP_NS)
            value |= VRTC_A_UIP;
    } else if (index == VRTC_C) {
        catch_up(r);
        value = r->flags | (r->flags & r->cmos[VRTC_B] & VRTC_C_FLAGS ? VRTC_C_IRQF : 0);
        r->flags = 0;
        update(r);
    }
    return value;
}

static void write_cmos(struct vrtc *r, uint8_t value)
{
    unsigned int index = r->index;

    switch (index) {
    case VRTC_A:
        write_control(r, VRTC_A, value & (uint8_t)~VRTC_A_UIP);
        return;
    case VRTC_B:
        /* SET clears the update interrupt's enable (data sheet, "Register B"). */
        write_control(r, VRTC_B, value & VRTC_B_SET ? value & (uint8_t)~VRTC_B_UIE : value);
        return;
    case VRTC_C:
    case VRTC_D:
        return;
    default:
        break;
    }
    catch_up(r);
    if (is_time_register(index) && !is_stopped(r)) {
        int64_t now = clock_ns(r);

        store_time(r, second_of(now));
        r->cmos[index] = value;
        /* The day of the week follows from the date: a running clock cannot be given another. */
        set_clock(r, load_time(r), (uint64_t)(now - second_of(now) * SECOND_NS));
    }
    r->cmos[index] = value;
    update(r);
}

/* An 8-bit device: wider accesses are so many accesses to successive ports. */
static uint64_t vrtc_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vrtc *r = CONTAINER_OF(dev, struct vrtc, dev);
    uint64_t value = 0;

    (void)vcpu;
    for (unsigned int i = 0; i < size; i++)
        value |= (offset + i == 0 ? bytes_mask(1) : read_cmos(r)) << 8 * i;
    return value;
}

static void vrtc_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size,
                       uint64_t value)
{
    struct vrtc *r = CONTAINER_OF(dev, struct vrtc, dev);

    (void)vcpu;
    for (unsigned int i = 0; i < size; i++, value >>= 8) {
        if (offset + i == 0)
            r->index = value & (VRTC_CMOS_SIZE - 1);
        else
            write_cmos(r, (uint8_t)value);
    }
}

static void store_size(struct vrtc *r, unsigned int index, uint64_t units)
{
    uint64_t value = min_u64(units, UINT16_MAX);

    r->cmos[index] = (uint8_t)value;
    r->cmos[index + 1] = (uint8_t)(value >> 8);
}

static void fill_cmos(struct vrtc *r)
{
    uint64_t extended = r->params.ram_low > MIB ? r->params.ram_low - MIB : 0;
    uint64_t above_16m = r->params.ram_low > 16 * MIB ? r->params.ram_low - 16 * MIB : 0;
    uint64_t above_4g = r->params.ram_high / (64 * KIB);
    uint32_t sum = 0;

    store_size(r, CMOS_BASE_KIB, 640);
    store_size(r, CMOS_EXTENDED_KIB, extended / KIB);
    store_size(r, CMOS_EXTENDED_2, extended / KIB);
    store_size(r, CMOS_ABOVE_16M, above_16m / (64 * KIB));
    store_size(r, CMOS_ABOVE_4G, above_4g & UINT16_MAX);
    r->cmos[CMOS_ABOVE_4G + 2] = (uint8_t)(above_4g >> 16);
    r->cmos[CMOS_LAST_CPU] = (uint8_t)(r->params.cpu_count - 1);
    for (unsigned int i = CMOS_CHECKED; i < CMOS_CHECKSUM; i++)
        sum += r->cmos[i];
    r->cmos[CMOS_CHECKSUM] = (uint8_t)(sum >> 8);
    r->cmos[CMOS_CHECKSUM + 1] = (uint8_t)sum;
}

/* The host's time again: a guest's setting of its clock does not survive. */
static void vrtc_reset(struct vdev *dev)
{
    struct vrtc *r = CONTAINER_OF(dev, struct vrtc, dev);

    for (unsigned int i = 0; i < VRTC_CMOS_SIZE; i++)
        r->cmos[i] = 0;
    r->cmos[VRTC_A] = (uint8_t)(field_make(DV_RUNS, VRTC_A_DV) | field_make(6, VRTC_A_RS)); /* 1024 Hz */
    r->cmos[VRTC_B] = VRTC_B_24H;
    r->cmos[VRTC_D] = VRTC_D_VRT;
    fill_cmos(r);
    r->index = 0;
    r->flags = 0;
    r->phase_ns = 0;
    r->offset_ns = (int64_t)min_u64(r->params.boot_utc_s, UINT32_MAX) * SECOND_NS;
    r->seen_ns = clock_ns(r);
    store_time(r, second_of(r->seen_ns));
    update(r);
}

static const struct vdev_ops vrtc_ops = {
    .name = "rtc",
    .read = vrtc_read,
    .write = vrtc_write,
    .reset = vrtc_reset,
};

void vrtc_init(struct vrtc *rtc, struct vm *vm, struct irq_line *line, const struct vrtc_params *params)
{
    *rtc = (struct vrtc){.dev.ops = &vrtc_ops, .vm = vm, .line = line, .params = *params};
    timer_init(&rtc->timer, &rtc_timer_ops);
    vrtc_reset(&rtc->dev);
}

int vrtc_register(struct vrtc *rtc, struct bus *pio)
{
    return bus_register(pio, VRTC_PORT, 2, &rtc->dev);
}
