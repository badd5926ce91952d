/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's local APIC timer: a function of time. Nothing ticks; the counter is computed when read, and one
 * core timer is armed for the next expiry that would interrupt. Every access first acts on an expiry that is
 * due, so that what software sees does not depend on when the host's timer fires. Intel SDM vol. 3, "APIC
 * Timer", "TSC-Deadline Mode".
 */
#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic_internal.h"
#include "core/cpu.h"
#include "core/time.h"
#include "core/vcpu.h"

/* Periods shorter than this are not followed one by one: the host's CPU would do nothing else. */
#define MIN_PERIOD_NS (100 * NS_PER_US)

#define NEVER UINT64_MAX

/* Deadlines further away are as good as this. */
#define MAX_DEADLINE_SECONDS (UINT64_C(1) << 32)

static uint32_t timer_mode(const struct vlapic *vl)
{
    return vl->lvt[VLAPIC_TIMER] & APIC_LVT_TIMER_MODE;
}

static bool is_masked(const struct vlapic *vl)
{
    return (vl->lvt[VLAPIC_TIMER] & APIC_LVT_MASKED) != 0;
}

static void arm(struct vlapic *vl, uint64_t now)
{
    struct vlapic_timer *t = &vl->timer;
    uint64_t when = t->next_ns;

    if (when == NEVER || is_masked(vl)) {
        if (timer_is_armed(&t->timer))
            timer_cancel(&t->timer);
        return;
    }
    if (timer_mode(vl) == APIC_LVT_PERIODIC && (uint64_t)t->initial << t->shift < MIN_PERIOD_NS)
        when = max_u64(when, now + MIN_PERIOD_NS);
    timer_arm(&t->timer, when);
}

/* Starts the next period on the grid of the last, and counts those that went by unseen. */
static void next_period(struct vlapic *vl, uint64_t now)
{
    struct vlapic_timer *t = &vl->timer;
    uint64_t period = (uint64_t)t->initial << t->shift;
    uint64_t passed = (now - t->next_ns) / period;

    if (!is_masked(vl))
        vl->books.timer_late_count += passed;
    t->start_ns = t->next_ns + passed * period;
    t->start_count = t->initial;
    t->next_ns = t->start_ns + period;
}

/* Rounded up: when it expires the guest's TSC has reached the deadline. Fits 64 bits up to 18 GHz. */
static uint64_t deadline_ns(const struct vlapic *vl, uint64_t now, uint64_t tsc)
{
    uint64_t tsc_now = vl->bus->ops->guest_tsc(vl->vcpu);
    uint64_t hz = vl->bus->tsc_hz;

    if (tsc <= tsc_now)
        return now;
    if ((tsc - tsc_now) / hz >= MAX_DEADLINE_SECONDS)
        return now + MAX_DEADLINE_SECONDS * NS_PER_SEC;
    tsc -= tsc_now;
    return now + tsc / hz * NS_PER_SEC + tsc % hz * NS_PER_SEC / hz + 1;
}

/* Acts on an expiry that has been reached. The caller arms. */
static void poll(struct vlapic *vl, uint64_t now)
{
    struct vlapic_timer *t = &vl->timer;

    if (now < t->next_ns || t->next_ns == NEVER)
        return;
    /* The two clocks' rounding, or a guest that has set its TSC back. */
    if (t->tsc_deadline != 0 && vl->bus->ops->guest_tsc(vl->vcpu) < t->tsc_deadline) {
        t->next_ns = deadline_ns(vl, now, t->tsc_deadline);
        return;
    }
    if (timer_mode(vl) == APIC_LVT_PERIODIC && t->initial != 0) {
        next_period(vl, now);
    } else {
        t->start_count = 0;
        t->tsc_deadline = 0;
        t->next_ns = NEVER;
    }
    vlapic_timer_event(vl);
}

static void act(struct vlapic *vl, uint64_t now)
{
    poll(vl, now);
    arm(vl, now);
}

void vlapic_timer_due(struct vlapic *vl)
{
    act(vl, time_now_ns());
}

/* On the CPU that armed it. If the vCPU has left that since, its owner looks at the time. */
static void expire(struct timer *timer)
{
    struct vlapic *vl = CONTAINER_OF(timer, struct vlapic, timer.timer);
    struct cpu *cpu = this_cpu();

    if (UNLIKELY(atomic_load_explicit(&vl->vcpu->loaded, memory_order_relaxed) != cpu)) {
        vlapic_post_pin(vl, VLAPIC_OUT_TIMER);
        return;
    }
    act(vl, cpu->timers_ns);
    vcpu_event_here(vl->vcpu);
}

static const struct timer_ops timer_ops = {.expire = expire};

static void stop(struct vlapic_timer *t)
{
    t->start_count = 0;
    t->initial = 0;
    t->tsc_deadline = 0;
    t->next_ns = NEVER;
}

void vlapic_timer_init(struct vlapic *vl)
{
    timer_init(&vl->timer.timer, &timer_ops);
    stop(&vl->timer);
}

void vlapic_timer_reset(struct vlapic *vl)
{
    stop(&vl->timer);
    vl->timer.divide = 0;
    vl->timer.shift = 1;
    arm(vl, 0);
}

static uint32_t count_at(const struct vlapic *vl, uint64_t now)
{
    const struct vlapic_timer *t = &vl->timer;
    uint64_t elapsed = (now - t->start_ns) >> t->shift;

    /* poll() has moved start to the current period: nothing has been reached yet. */
    return elapsed < t->start_count ? t->start_count - (uint32_t)elapsed : 0;
}

uint32_t vlapic_timer_read_count(struct vlapic *vl)
{
    uint64_t now = time_now_ns();

    poll(vl, now);
    return count_at(vl, now);
}

static void start(struct vlapic *vl, uint64_t now, uint32_t count)
{
    struct vlapic_timer *t = &vl->timer;

    t->start_ns = now;
    t->start_count = count;
    t->next_ns = count != 0 ? now + ((uint64_t)count << t->shift) : NEVER;
    arm(vl, now);
}

void vlapic_timer_write_initial(struct vlapic *vl, uint32_t value)
{
    uint64_t now = time_now_ns();

    if (timer_mode(vl) == APIC_LVT_TSC_DEADLINE)
        return;
    poll(vl, now);
    vl->timer.initial = value;
    start(vl, now, value);
}

/* A running count goes on from where it is, at the new rate. Encoding: bits 3, 1, 0; 111 divides by one. */
void vlapic_timer_write_divide(struct vlapic *vl, uint32_t value)
{
    uint64_t now = time_now_ns();
    uint32_t code = (value & 3) | (value & 8) >> 1;
    uint32_t left;

    poll(vl, now);
    left = count_at(vl, now);
    vl->timer.divide = value & APIC_DIVIDE_BITS;
    vl->timer.shift = (uint8_t)((code + 1) & 7);
    if (timer_mode(vl) != APIC_LVT_TSC_DEADLINE)
        start(vl, now, left);
}

void vlapic_timer_write_lvt(struct vlapic *vl, uint32_t value)
{
    uint64_t now = time_now_ns();
    bool was_deadline = timer_mode(vl) == APIC_LVT_TSC_DEADLINE;

    poll(vl, now);
    vl->lvt[VLAPIC_TIMER] = value;
    if (was_deadline != (timer_mode(vl) == APIC_LVT_TSC_DEADLINE))
        stop(&vl->timer);
    arm(vl, now);
}

uint64_t vlapic_timer_read_deadline(struct vlapic *vl)
{
    poll(vl, time_now_ns());
    return vl->timer.tsc_deadline;
}

static void set_deadline(struct vlapic *vl, uint64_t now, uint64_t tsc)
{
    vl->timer.tsc_deadline = tsc;
    vl->timer.next_ns = tsc != 0 ? deadline_ns(vl, now, tsc) : NEVER;
    poll(vl, now);
    arm(vl, now);
}

void vlapic_timer_write_deadline(struct vlapic *vl, uint64_t tsc)
{
    uint64_t now = time_now_ns();

    if (timer_mode(vl) != APIC_LVT_TSC_DEADLINE)
        return;
    poll(vl, now);
    set_deadline(vl, now, tsc);
}

void vlapic_tsc_changed(struct vlapic *vl)
{
    if (vl->timer.tsc_deadline != 0)
        set_deadline(vl, time_now_ns(), vl->timer.tsc_deadline);
}

void vlapic_timer_follow(struct vlapic *vl)
{
    if (timer_is_armed(&vl->timer.timer))
        timer_arm(&vl->timer.timer, vl->timer.timer.deadline_ns);
}
