/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware: see vpm.h. Registers are bytes to the bus: an access of any width and alignment within
 * the block reads or writes the bytes that it covers.
 */
#include "vdev/vpm.h"

#include "core/time.h"
#include "core/vm.h"

#define HALF_TICKS BIT(31) /* the timer's top bit changes this often */

static uint64_t timer_ticks(const struct vpm *pm)
{
    return mul_div_u64(time_now_ns() - pm->epoch_ns, VPM_TIMER_HZ, NS_PER_SEC);
}

/* Status up to now. */
static void catch_up(struct vpm *pm)
{
    uint64_t halves = timer_ticks(pm) / HALF_TICKS;

    if (halves != pm->seen_halves)
        pm->status |= VPM_TMR_STS;
    pm->seen_halves = halves;
}

static void update(struct vpm *pm)
{
    uint64_t next_ticks = (pm->seen_halves + 1) * HALF_TICKS;

    irq_line_set(pm->line, (pm->status & pm->enable) != 0);
    if ((pm->enable & VPM_TMR_STS) && !(pm->status & VPM_TMR_STS))
        timer_arm(&pm->timer, pm->epoch_ns + mul_div_u64(next_ticks, NS_PER_SEC, VPM_TIMER_HZ) + 1);
    else if (timer_is_armed(&pm->timer))
        timer_cancel(&pm->timer);
}

static void timer_expired(struct timer *timer)
{
    struct vpm *pm = CONTAINER_OF(timer, struct vpm, timer);

    spin_lock(&pm->vm->dev_lock);
    catch_up(pm);
    update(pm);
    spin_unlock(&pm->vm->dev_lock);
}

static const struct timer_ops pm_timer_ops = {.expire = timer_expired};

static void write_control(struct vpm *pm, uint16_t value)
{
    pm->control = (uint16_t)(value & (VPM_CNT_BM_RLD | VPM_CNT_SLP_TYP));
    if ((value & VPM_CNT_SLP_EN) && field_get(value, VPM_CNT_SLP_TYP) == VPM_SLP_TYP_S5)
        vm_end(pm->vm, VM_END_POWEROFF, 0, "ACPI S5");
}

static uint64_t vpm_read(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size)
{
    struct vpm *pm = CONTAINER_OF(dev, struct vpm, dev);
    uint64_t low, value;

    (void)vcpu;
    if (LIKELY(offset >= VPM_PM_TMR))
        return (timer_ticks(pm) & UINT32_MAX) >> 8 * (offset - VPM_PM_TMR);
    catch_up(pm);
    low = pm->status | (uint64_t)pm->enable << 8 * VPM_PM1_EN |
          (pm->control | VPM_CNT_SCI_EN) << 8 * VPM_PM1_CNT;
    value = low >> 8 * offset;
    /* An access across the block's middle goes on into the timer. */
    if (offset != 0 && offset + size > VPM_PM_TMR)
        value |= (timer_ticks(pm) & UINT32_MAX) << 8 * (VPM_PM_TMR - offset);
    return value;
}

/* The bytes of `old` (a 16-bit register at `at`) that the access covers, replaced. False: none. */
static bool merge(uint16_t *out, uint16_t old, unsigned int at, uint64_t offset, unsigned int size,
                  uint64_t value)
{
    bool touched = false;

    *out = old;
    for (unsigned int i = 0; i < size; i++) {
        if (offset + i - at < sizeof(old)) {
            unsigned int shift = 8 * (unsigned int)(offset + i - at);

            *out = (uint16_t)field_set(*out, bytes_mask(1) << shift, value >> 8 * i);
            touched = true;
        }
    }
    return touched;
}

static void vpm_write(struct vdev *dev, struct vcpu *vcpu, uint64_t offset, unsigned int size, uint64_t value)
{
    struct vpm *pm = CONTAINER_OF(dev, struct vpm, dev);
    uint16_t word;

    (void)vcpu;
    catch_up(pm);
    if (merge(&word, 0, VPM_PM1_STS, offset, size, value))
        pm->status &= (uint16_t)~word;
    if (merge(&word, pm->enable, VPM_PM1_EN, offset, size, value))
        pm->enable = word & VPM_EN_BITS;
    update(pm);
    if (merge(&word, pm->control, VPM_PM1_CNT, offset, size, value))
        write_control(pm, word);
}

void vpm_press_power_button(struct vpm *pm)
{
    pm->status |= VPM_PWRBTN_STS;
    update(pm);
}

static void vpm_reset(struct vdev *dev)
{
    struct vpm *pm = CONTAINER_OF(dev, struct vpm, dev);

    pm->status = 0;
    pm->enable = 0;
    pm->control = 0;
    pm->epoch_ns = time_now_ns();
    pm->seen_halves = 0;
    update(pm);
}

static const struct vdev_ops vpm_ops = {
    .name = "acpi-pm",
    .read = vpm_read,
    .write = vpm_write,
    .reset = vpm_reset,
};

void vpm_init(struct vpm *pm, struct vm *vm, struct irq_line *line)
{
    *pm = (struct vpm){.dev.ops = &vpm_ops, .vm = vm, .line = line};
    timer_init(&pm->timer, &pm_timer_ops);
    vpm_reset(&pm->dev);
}

int vpm_register(struct vpm *pm, struct bus *pio)
{
    return bus_register(pio, VPM_PORT, VPM_PORTS, &pm->dev);
}
