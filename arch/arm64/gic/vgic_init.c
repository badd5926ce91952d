/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC's beginning, reset, and CPUs that are turned on and off.
 */
#include <stddef.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "lib/error.h"

int vgic_vm_init(struct vgic_vm *vgic, const struct vgic_config *config)
{
    bool spis_fit = config->spi_count == VGIC_MAX_SPIS ||
                    (config->spi_count < VGIC_MAX_SPIS && config->spi_count % 32 == 0);
    bool lpis_fit = config->lpi_count == 0 || (is_power_of_two(config->lpi_count) && config->lpi_count >= 4 &&
                                               config->lpi_count <= VGIC_LPI_FIRST);

    if (config->vcpu_count == 0 || config->vcpu_count > VGIC_MAX_VCPUS || config->lr_count == 0 ||
        config->lr_count > VGIC_MAX_LRS || config->pre_bits < 5 || config->pre_bits > 7 || !spis_fit ||
        !lpis_fit)
        return E_INVAL;
    vgic->lock.rank = LOCK_IRQCHIP;
    vgic->config = *config;
    vgic->dist.ops = &vgic_dist_ops;
    vgic->redist.ops = &vgic_redist_ops;
    for (uint32_t i = 0; i < config->spi_count; i++) {
        list_init(&config->spis[i].node);
        config->spis[i].intid = VGIC_PRIVATE + i;
    }
    vgic_lpi_init(vgic);
    return 0;
}

static uint64_t typer_of(const struct vgic_vm *vgic, uint32_t index)
{
    uint64_t value = field_make(index, GICR_TYPER_NUMBER) | field_make(vgic_mpidr(index), GICR_TYPER_AFF) |
                     GICR_TYPER_DPGS | (vgic->config.lpi_count != 0 ? GICR_TYPER_PLPIS : 0);

    return index + 1 == vgic->config.vcpu_count ? value | GICR_TYPER_LAST : value;
}

void vgic_vcpu_init(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t index, struct vcpu *vcpu)
{
    v->lock.rank = LOCK_IRQCHIP_CPU;
    v->vm = vgic;
    v->vcpu = vcpu;
    v->id = (uint8_t)index;
    v->asleep = true;
    v->typer = typer_of(vgic, index);
    list_init(&v->active);
    for (uint32_t i = 0; i < VGIC_PRIORITIES; i++) {
        list_init(&v->queues[0].heads[i]);
        list_init(&v->queues[1].heads[i]);
    }
    for (uint32_t i = 0; i < VGIC_PRIVATE; i++) {
        struct vgic_irq *irq = &v->irqs[i];

        list_init(&irq->node);
        irq->intid = i;
        irq->home = v->id;
        irq->target = v->id;
        irq->edge = i < VGIC_SGIS;
    }
    vgic->vcpus[index] = v;
}

int vgic_register(struct vgic_vm *vgic, struct bus *bus)
{
    int error = bus_register(bus, VGIC_DIST_BASE, VGIC_DIST_SIZE, &vgic->dist);

    if (error != 0)
        return error;
    return bus_register(bus, VGIC_REDIST_BASE, VGIC_REDIST_SIZE * vgic->config.vcpu_count, &vgic->redist);
}

void vgic_map_hw(struct vgic_vcpu *v, uint32_t intid, uint32_t hw_intid)
{
    v->irqs[intid].hw_intid = (uint16_t)hw_intid;
}

/* Idle before and after. */
static void reset_irq(struct vgic_vm *vgic, struct vgic_irq *irq)
{
    bool shared = !vgic_is_private(irq);

    if (irq->active && irq->hw_intid != 0)
        vgic->config.ops->hw_deactivate(vgic->vcpus[irq->home], irq->hw_intid);
    irq->enabled = false;
    irq->active = false;
    irq->acked = false;
    irq->priority = 0;
    irq->group1 = vgic_is_lpi(irq);
    if (shared)
        irq->target = vgic_is_lpi(irq) ? VGIC_NO_VCPU : 0;
    irq->any_target = false;
    irq->route = 0;
    vgic_clear_latch(vgic, irq);
    if (shared)
        vgic_set_edge(vgic, irq, vgic_is_lpi(irq));
}

static void reset_irqs(struct vgic_vm *vgic, struct vgic_irq *irqs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vgic_vcpu *v = vgic_hold(vgic, &irqs[i]);

        reset_irq(vgic, &irqs[i]);
        vgic_release(vgic, v, &irqs[i]);
    }
}

void vgic_vm_reset(struct vgic_vm *vgic)
{
    spin_lock(&vgic->lock);
    atomic_store_explicit(&vgic->groups, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < vgic->config.vcpu_count; i++) {
        struct vgic_vcpu *v = vgic->vcpus[i];

        reset_irqs(vgic, v->irqs, VGIC_PRIVATE);
        v->redist_ctlr = 0;
        v->propbaser = 0;
        v->pendbaser = 0;
        v->asleep = true;
        v->is_on = false;
        v->cpuif = (struct vgic_cpuif){0};
        v->ghosts = 0;
    }
    for (uint32_t i = 0; i < vgic->config.lpi_count; i++)
        vgic_lpi_target(vgic, i, VGIC_NO_VCPU);
    reset_irqs(vgic, vgic->config.spis, vgic->config.spi_count);
    reset_irqs(vgic, vgic->config.lpis, vgic->config.lpi_count);
    spin_unlock(&vgic->lock);
}

/* What may go to any vCPU is sent where it can go now. */
static void redistribute(struct vgic_vm *vgic)
{
    for (uint32_t i = 0; i < vgic->config.spi_count; i++) {
        struct vgic_irq *irq = &vgic->config.spis[i];

        if (irq->any_target && (irq->place == VGIC_IDLE || irq->place == VGIC_QUEUED))
            vgic_release(vgic, vgic_hold(vgic, irq), irq);
    }
}

static void set_on(struct vgic_vcpu *v, bool on)
{
    spin_lock(&v->vm->lock);
    spin_lock(&v->lock);
    v->cpuif = (struct vgic_cpuif){0};
    v->ghosts = 0;
    v->is_on = on;
    atomic_store_explicit(&v->parked, false, memory_order_relaxed); /* a restart finds it asleep */
    atomic_store_explicit(&v->dirty, true, memory_order_relaxed);
    spin_unlock(&v->lock);
    redistribute(v->vm);
    spin_unlock(&v->vm->lock);
}

void vgic_vcpu_on(struct vgic_vcpu *v)
{
    set_on(v, true);
}

void vgic_vcpu_off(struct vgic_vcpu *v)
{
    set_on(v, false);
}
