/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's interval timer as a device: ports, the interrupt line of channel 0, port 0x61. Edges are computed
 * in absolute ticks, so that they do not drift. The line falls only right before it rises: nobody looks at
 * its low half.
 */
#include "vdev/vpit.h"

#include "core/time.h"
#include "core/vm.h"
#include "lib/string.h"

#define PORT_BASE       UINT64_C(0x40)
#define SPEAKER_CHANNEL 2

#define PORT61_GATE     UINT8_C(0x01)
#define PORT61_WRITABLE UINT8_C(0x0f)
#define PORT61_REFRESH  UINT8_C(0x10)
#define PORT61_OUT      UINT8_C(0x20)

/* The refresh bit changes every 18 ticks. */
#define REFRESH_NS (18 * NS_PER_SEC / VPIT_HZ)

/* Edges closer than this are not followed one by one: the host's CPU would do nothing else. */
#define MIN_ARM_NS (100 * NS_PER_US)

/* As firmware leaves channel 0: rate generator, both bytes, full range. */
#define FIRMWARE_CONTROL UINT8_C(0x34)

static uint64_t tick_of(const struct vpit *pit, uint64_t ns)
{
    uint64_t gone = ns - pit->epoch_ns;

    return VPIT_FIRST_TICK + gone / NS_PER_SEC * VPIT_HZ + gone % NS_PER_SEC * VPIT_HZ / NS_PER_SEC;
}

/* The first nanosecond of a tick. */
static uint64_t ns_of(const struct vpit *pit, uint64_t tick)
{
    uint64_t gone = tick - VPIT_FIRST_TICK;

    return pit->epoch_ns + gone / VPIT_HZ * NS_PER_SEC +
           (gone % VPIT_HZ * NS_PER_SEC + VPIT_HZ - 1) / VPIT_HZ;
}

static void arm(struct vpit *pit, uint64_t now_ns)
{
    uint32_t period = vpit_channel_period(&pit->channels[0]);
    uint64_t when;

    if (pit->edge_tick == VPIT_NEVER) {
        if (timer_is_armed(&pit->timer))
            timer_cancel(&pit->timer);
        return;
    }
    when = ns_of(pit, pit->edge_tick);
    if (period != 0 && period < MIN_ARM_NS * VPIT_HZ / NS_PER_SEC)
        when = max_u64(when, now_ns + MIN_ARM_NS);
    timer_arm(&pit->timer, when);
}

/* Gives the line an edge that is due. The caller arms. */
static void poll(struct vpit *pit, uint64_t now)
{
    struct vpit_channel *ch = &pit->channels[0];
    uint64_t edge = pit->edge_tick;
    uint32_t period;

    if (edge == VPIT_NEVER || now < edge)
        return;
    vpit_channel_sync(ch, edge);
    period = vpit_channel_period(ch);
    if (period != 0 && !ch->reload_pending) {
        uint64_t passed = (now - edge) / period;

        pit->missed_count += passed;
        edge += passed * period;
    }
    irq_line_set(pit->line, false);
    irq_line_set(pit->line, true);
    pit->edge_count++;
    pit->edge_tick = vpit_channel_next_edge(ch, edge);
}

/* It may have been re-programmed between the timer's removal from its queue and the lock. */
static void expire(struct timer *timer)
{
    struct vpit *pit = CONTAINER_OF(timer, struct vpit, timer);
    uint64_t now_ns = time_now_ns();

    spin_lock(&pit->vm->dev_lock);
    poll(pit, tick_of(pit, now_ns));
    /* The timer of a VM that has ended costs nobody anything: a reset sets it up anew. */
    if (atomic_load_explicit(&pit->vm->state, memory_order_relaxed) != VM_ENDED)
        arm(pit, now_ns);
    spin_unlock(&pit->vm->dev_lock);
}

static const struct timer_ops timer_ops = {.expire = expire};

/* After a change of channel 0. */
static void reschedule(struct vpit *pit, uint64_t now, uint64_t now_ns)
{
    irq_line_set(pit->line, vpit_channel_out(&pit->channels[0], now));
    pit->edge_tick = vpit_channel_next_edge(&pit->channels[0], now);
    arm(pit, now_ns);
}

static void write_control(struct vpit *pit, uint64_t now, uint64_t now_ns, uint8_t word)
{
    unsigned int index = (unsigned int)field_get(word, VPIT_CTL_CHANNEL);

    if ((word & VPIT_CTL_CHANNEL) == VPIT_CTL_READ_BACK) {
        for (unsigned int i = 0; i < VPIT_CHANNELS; i++)
            if ((word & (2u << i)) != 0)
                vpit_channel_latch(&pit->channels[i], now, (word & VPIT_READ_NO_COUNT) == 0,
                                   (word & VPIT_READ_NO_STATUS) == 0);
        return;
    }
    if ((word & VPIT_CTL_ACCESS) == VPIT_ACCESS_LATCH) {
        vpit_channel_latch(&pit->channels[index], now, true, false);
        return;
    }
    vpit_channel_control(&pit->channels[index], now, word);
    if (index == 0)
        reschedule(pit, now, now_ns);
}

/* After every write. */
static void note_port61(struct vpit *pit)
{
    const struct vpit_channel *speaker = &pit->channels[SPEAKER_CHANNEL];

    pit->port61_read = VPIT_PORT61_RUNS;
    if (vpit_channel_stands(speaker))
        pit->port61_read = pit->port61 | (vpit_channel_standing_out(speaker) ? PORT61_OUT : 0);
}

static void write_port(struct vpit *pit, uint64_t offset, uint8_t value)
{
    uint64_t now_ns = time_now_ns();
    uint64_t now = tick_of(pit, now_ns);

    poll(pit, now);
    if (offset == VPIT_OFFSET_CONTROL) {
        write_control(pit, now, now_ns, value);
    } else if (offset < VPIT_CHANNELS) {
        vpit_channel_write(&pit->channels[offset], now, value);
        if (offset == 0)
            reschedule(pit, now, now_ns);
    } else if (offset == VPIT_OFFSET_PORT61) {
        pit->port61 = value & PORT61_WRITABLE;
        vpit_channel_gate(&pit->channels[SPEAKER_CHANNEL], now, (value & PORT61_GATE) != 0);
    }
    note_port61(pit);
}

static __attribute__((noinline)) uint8_t read_port61_running(struct vpit *pit)
{
    bool out = vpit_channel_out(&pit->channels[SPEAKER_CHANNEL], tick_of(pit, time_now_ns()));

    return pit->port61 | (out ? PORT61_OUT : 0);
}

/* Guests poll it. The channel's tick, a division by its rate, is asked for only if its output depends on it.
 */
static uint64_t read_port61(struct vpit *pit)
{
    uint8_t value = pit->port61_read;

    if (value == VPIT_PORT61_RUNS)
        value = read_port61_running(pit);
    return value | (time_now_ns() / REFRESH_NS % 2) * PORT61_REFRESH;
}

/* A wider access is byte cycles in order, as on the ISA bus. The control port cannot be read. */
static __attribute__((noinline)) uint64_t read_counters(struct vdev *dev, struct vcpu *vcpu, uint64_t offset,
                                                        unsigned int size)
{
    struct vpit *pit = CONTAINER_OF(dev, struct vpit, dev);
    uint64_t now = tick_of(pit, time_now_ns());
    uint64_t value = 0;

    (void)vcpu;
    for (unsigned int i = 0; i < size; i++, offset++) {
        uint64_t byte = offset < VPIT_CHANNELS ? vpit_channel_read(&pit->channels[offset], now) : UINT8_MAX;

        value |= byte << (8 * i);
    }
    return value;
}

static uint64_t pit_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    return offset == VPIT_OFFSET_PORT61 ? read_port61(CONTAINER_OF(dev, struct vpit, dev))
                                        : read_counters(dev, vcpu, offset, size);
}

static void pit_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    (void)vcpu;
    for (unsigned int i = 0; i < size; i++)
        write_port(CONTAINER_OF(dev, struct vpit, dev), offset + i, (uint8_t)(value >> (8 * i)));
}

/* Channel 0 counts as firmware leaves it, but gives edges only once the guest has programmed it. */
static void pit_reset(struct vdev *dev)
{
    struct vpit *pit = CONTAINER_OF(dev, struct vpit, dev);

    memset(pit->channels, 0, sizeof(pit->channels));
    pit->epoch_ns = time_now_ns();
    pit->port61 = 0;
    for (unsigned int i = 0; i < VPIT_CHANNELS; i++) {
        pit->channels[i].gate = i != SPEAKER_CHANNEL;
        vpit_channel_control(&pit->channels[i], VPIT_FIRST_TICK, FIRMWARE_CONTROL);
    }
    vpit_channel_write(&pit->channels[0], VPIT_FIRST_TICK, 0);
    vpit_channel_write(&pit->channels[0], VPIT_FIRST_TICK, 0);
    note_port61(pit);
    irq_line_set(pit->line, true);
    pit->edge_tick = VPIT_NEVER;
    arm(pit, pit->epoch_ns);
}

static const struct vdev_ops vpit_ops = {
    .name = "pit",
    .read = pit_read,
    .write = pit_write,
    .reset = pit_reset,
};

void vpit_init(struct vpit *pit, struct vm *vm, struct irq_line *line)
{
    memset(pit, 0, sizeof(*pit));
    pit->dev.ops = &vpit_ops;
    pit->vm = vm;
    pit->line = line;
    timer_init(&pit->timer, &timer_ops);
    pit_reset(&pit->dev);
}

int vpit_register(struct vpit *pit, struct bus *pio)
{
    int error = bus_register(pio, PORT_BASE, VPIT_CHANNELS + 1, &pit->dev);

    return error != 0 ? error
                      : bus_register_base(pio, PORT_BASE + VPIT_OFFSET_PORT61, 1, PORT_BASE, &pit->dev);
}
