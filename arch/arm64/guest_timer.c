/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. A guest that waits (WFI) with its vCPU still loaded keeps the hardware's timer: its
 * interrupt ends the idle state. Arm ARM, "The Generic Timer in AArch64 state".
 */
#include "arch/arm64/guest_timer.h"

#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/gic/ich.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/cpu.h"

#define CTL_WRITABLE (TIMER_CTL_ENABLE | TIMER_CTL_IMASK)

static bool is_armed(uint64_t ctl)
{
    return (ctl & CTL_WRITABLE) == TIMER_CTL_ENABLE;
}

static void virtual_expired(struct timer *timer)
{
    struct arm64_vcpu *vcpu = CONTAINER_OF(timer, struct arm64_vcpu, timers.virtual);

    vgic_set_ppi(&vcpu->gic, GUEST_PPI_CNTV, true);
}

/* The compare value may have moved since; the line follows what the registers say now. */
static void physical_update(struct arm64_vcpu *vcpu)
{
    struct arm64_timers *t = &vcpu->timers;
    bool armed = is_armed(t->cntp_ctl);
    bool due = armed && host_timer_count() >= t->cntp_cval;

    vgic_set_ppi(&vcpu->gic, GUEST_PPI_CNTP, due);
    if (armed && !due)
        timer_arm(&t->physical, host_timer_to_ns(t->cntp_cval));
    else
        timer_cancel(&t->physical);
}

/* The vCPU may have gone to another CPU and be writing the registers there: the device lock orders them. */
static void physical_expired(struct timer *timer)
{
    struct arm64_vcpu *vcpu = CONTAINER_OF(timer, struct arm64_vcpu, timers.physical);

    spin_lock(&vcpu->core.vm->dev_lock);
    physical_update(vcpu);
    spin_unlock(&vcpu->core.vm->dev_lock);
}

static void physical_write(struct arm64_vcpu *vcpu, uint64_t *field, uint64_t value)
{
    spin_lock(&vcpu->core.vm->dev_lock);
    *field = value;
    physical_update(vcpu);
    spin_unlock(&vcpu->core.vm->dev_lock);
}

static const struct timer_ops virtual_ops = {.expire = virtual_expired};
static const struct timer_ops physical_ops = {.expire = physical_expired};

void guest_timer_init(struct arm64_vcpu *vcpu)
{
    timer_init(&vcpu->timers.virtual, &virtual_ops);
    timer_init(&vcpu->timers.physical, &physical_ops);
    vgic_map_hw(&vcpu->gic, GUEST_PPI_CNTV, gic_host_cntv_intid());
}

void guest_timer_reset(struct arm64_vcpu *vcpu)
{
    struct arm64_timers *t = &vcpu->timers;

    timer_cancel(&t->virtual);
    timer_cancel(&t->physical);
    t->cntv_ctl = 0;
    t->cntv_cval = 0;
    t->cntp_ctl = 0;
    t->cntp_cval = 0;
    vgic_set_ppi(&vcpu->gic, GUEST_PPI_CNTV, false);
    vgic_set_ppi(&vcpu->gic, GUEST_PPI_CNTP, false);
}

void guest_timer_load(struct arm64_vcpu *vcpu)
{
    struct arm64_timers *t = &vcpu->timers;

    timer_cancel(&t->virtual);
    /* The guest is at it already: the physical one must not fire before the guest has deactivated it. */
    if (vgic_hw_is_held(&vcpu->gic, GUEST_PPI_CNTV))
        gicv3_private_activate(gic_host_cntv_intid());
    SYSREG_WRITE(cntvoff_el2, arm64_vm_of(vcpu->core.vm)->cntvoff);
    SYSREG_WRITE(cntv_cval_el0, t->cntv_cval);
    insn_isb();
    SYSREG_WRITE(cntv_ctl_el0, t->cntv_ctl);
}

void guest_timer_put(struct arm64_vcpu *vcpu)
{
    struct arm64_timers *t = &vcpu->timers;
    bool held = vgic_hw_is_held(&vcpu->gic, GUEST_PPI_CNTV);

    t->cntv_ctl = SYSREG_READ(cntv_ctl_el0) & CTL_WRITABLE;
    t->cntv_cval = SYSREG_READ(cntv_cval_el0);
    SYSREG_WRITE(cntv_ctl_el0, 0);
    insn_isb(); /* the level is gone before the interrupt is deactivated */
    if (held)
        gicv3_deactivate(gic_host_cntv_intid());
    else if (is_armed(t->cntv_ctl))
        timer_arm(&t->virtual, host_timer_to_ns(t->cntv_cval + arm64_vm_of(vcpu->core.vm)->cntvoff));
}

void guest_timer_resample(struct arm64_vcpu *vcpu)
{
    if (LIKELY(guest_timer_stands(vcpu)))
        return;
    vgic_set_ppi(&vcpu->gic, GUEST_PPI_CNTV, false);
    /* Not while the guest has it active: then its deactivation goes through the list register. */
    if (!vgic_hw_is_held(&vcpu->gic, GUEST_PPI_CNTV))
        gicv3_deactivate(gic_host_cntv_intid());
}

void guest_timer_fired(uint32_t hw_intid)
{
    struct vcpu *current = this_cpu()->current;

    if (current == NULL)
        gicv3_deactivate(hw_intid); /* was on its way when its vCPU left */
    else
        vgic_set_ppi(&arm64_vcpu_of(current)->gic, GUEST_PPI_CNTV, true);
}

uint64_t guest_timer_read_ctl(const struct arm64_vcpu *vcpu)
{
    const struct arm64_timers *t = &vcpu->timers;
    bool met = (t->cntp_ctl & TIMER_CTL_ENABLE) != 0 && host_timer_count() >= t->cntp_cval;

    return t->cntp_ctl | (met ? TIMER_CTL_ISTATUS : 0);
}

void guest_timer_write_ctl(struct arm64_vcpu *vcpu, uint64_t value)
{
    physical_write(vcpu, &vcpu->timers.cntp_ctl, value & CTL_WRITABLE);
}

void guest_timer_write_cval(struct arm64_vcpu *vcpu, uint64_t value)
{
    physical_write(vcpu, &vcpu->timers.cntp_cval, value);
}

uint64_t guest_timer_read_tval(const struct arm64_vcpu *vcpu)
{
    return (uint32_t)(vcpu->timers.cntp_cval - host_timer_count());
}

void guest_timer_write_tval(struct arm64_vcpu *vcpu, uint64_t value)
{
    guest_timer_write_cval(vcpu, host_timer_count() + (uint64_t)(int64_t)(int32_t)value);
}
