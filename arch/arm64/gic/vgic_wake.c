/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Would the CPU interface signal an interrupt, and sleeping until it would. The rule for VMCR: the copy in
 * memory is the truth only while the vCPU is not loaded or parked.
 */
#include "arch/arm64/gic/vgic_internal.h"

#define IDLE_PRIORITY 0x100u

/* Priority bits that decide on preemption ("Priority grouping"); binary points below the least are that. */
static uint32_t group_mask(const struct vgic_vcpu *v, uint64_t vmcr, bool group1)
{
    uint64_t least = 7 - v->vm->config.pre_bits; /* of group 0 */

    if (group1 && (vmcr & ICH_VMCR_VCBPR) == 0)
        return ~UINT32_C(0) << max_u64(field_get(vmcr, ICH_VMCR_VBPR1), least + 1);
    return ~UINT32_C(0) << (max_u64(field_get(vmcr, ICH_VMCR_VBPR0), least) + 1);
}

/* Highest active priority; the active priorities registers have a bit per preemption level. */
static uint32_t running_priority(const struct vgic_vcpu *v, const struct vgic_cpuif *cpuif)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(cpuif->apr[0]); i++) {
        uint32_t bits = cpuif->apr[0][i] | cpuif->apr[1][i];

        if (bits != 0)
            return (32 * i + (uint32_t)__builtin_ctz(bits)) << (8 - v->vm->config.pre_bits);
    }
    return IDLE_PRIORITY;
}

bool vgic_signals(const struct vgic_vcpu *v, const struct vgic_cpuif *cpuif)
{
    uint8_t groups = atomic_load_explicit(&v->vm->groups, memory_order_relaxed);
    uint32_t masks[2] = {(groups & 1) != 0 && (cpuif->vmcr & ICH_VMCR_VENG0) != 0 ? v->queues[0].mask : 0,
                         (groups & 2) != 0 && (cpuif->vmcr & ICH_VMCR_VENG1) != 0 ? v->queues[1].mask : 0};
    uint32_t running, best, priority;

    if (LIKELY((masks[0] | masks[1]) == 0))
        return false;
    best = (masks[0] | masks[1]) & -(masks[0] | masks[1]);
    priority = (uint32_t)__builtin_ctz(best) * 8;
    if (priority >= field_get(cpuif->vmcr, ICH_VMCR_VPMR))
        return false;
    running = running_priority(v, cpuif);
    for (uint32_t group = 0; group < 2; group++)
        if ((masks[group] & best) != 0 && (priority & group_mask(v, cpuif->vmcr, group != 0)) < running)
            return true;
    return false;
}

bool vgic_is_deliverable(struct vgic_vcpu *v, const struct vgic_cpuif *cpuif)
{
    bool result;

    spin_lock(&v->lock);
    result = vgic_signals(v, cpuif);
    spin_unlock(&v->lock);
    return result;
}

bool vgic_block(struct vgic_vcpu *v, const struct vgic_cpuif *now)
{
    spin_lock(&v->lock);
    v->cpuif = *now;
    atomic_store_explicit(&v->parked, !vgic_signals(v, &v->cpuif), memory_order_relaxed);
    spin_unlock(&v->lock);
    /* From here on what arrives for it in hardware wakes it, unless it has arrived already. */
    return v->parked && (v->vm->config.direct == NULL || !v->vm->config.direct->sleep(v));
}

void vgic_unblock(struct vgic_vcpu *v)
{
    spin_lock(&v->lock);
    atomic_store_explicit(&v->parked, false, memory_order_relaxed);
    spin_unlock(&v->lock);
    if (v->vm->config.direct != NULL)
        v->vm->config.direct->wake(v);
}

bool vgic_may_run(struct vgic_vcpu *v)
{
    bool result;

    spin_lock(&v->lock);
    result = !v->parked || vgic_signals(v, &v->cpuif);
    spin_unlock(&v->lock);
    return result;
}
