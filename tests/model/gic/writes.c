/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GIC's registers and the ITS's commands as the model's guest uses them: each change goes to the virtual
 * GIC and to bare metal.
 */
#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "core/vcpu.h"
#include "tests/model/gic/world.h"

void guest_poke(unsigned c, unsigned k, uint32_t array, unsigned int size, uint32_t shifted)
{
    uint32_t intid = scenario->sources[k].intid;
    bool private = intid < 32;
    struct vdev *dev = private ? &w.gic.redist : &w.gic.dist;
    uint64_t frame = private ? c * VGIC_REDIST_SIZE + GICR_SGI_FRAME : 0;
    uint64_t at = frame + array + (size == 1 ? intid : intid / 32 * 4);

    dev->ops->write(dev, &vcpus[c], at, size, size == 1 ? shifted : shifted << intid % 32);
}

static bool peek(unsigned c, unsigned k, uint32_t array)
{
    uint32_t intid = scenario->sources[k].intid;
    bool private = intid < 32;
    struct vdev *dev = private ? &w.gic.redist : &w.gic.dist;
    uint64_t frame = private ? c * VGIC_REDIST_SIZE + GICR_SGI_FRAME : 0;

    return (dev->ops->read(dev, &vcpus[c], frame + array + intid / 32 * 4, 4) >> intid % 32 & 1) != 0;
}

void guest_set_group(unsigned c, unsigned k, bool group1)
{
    uint32_t intid = scenario->sources[k].intid;
    bool private = intid < 32;
    struct vdev *dev = private ? &w.gic.redist : &w.gic.dist;
    uint64_t at = (private ? c * VGIC_REDIST_SIZE + GICR_SGI_FRAME : 0) + GICD_IGROUPR + intid / 32 * 4;
    uint32_t was = (uint32_t)dev->ops->read(dev, &vcpus[c], at, 4);
    uint32_t bit = 1u << intid % 32;

    dev->ops->write(dev, &vcpus[c], at, 4, group1 ? was | bit : was & ~bit);
}

/* What an ITS's commands do: CLEAR, MOVI. */
static void write_lpi(unsigned c, unsigned k, enum write what)
{
    struct bare_irq *irq = bare_find(&w.bare, c, k);
    uint32_t index = scenario->sources[k].intid - LPI_FIRST;

    if (what == WRITE_CLEAR_PENDING) {
        irq->latch = false;
        vgic_lpi_clear(&w.gic, index);
    } else if (what == WRITE_ROUTE && scenario->cpu_count == BARE_CPUS) {
        irq->target = !irq->target;
        vgic_lpi_target(&w.gic, index, irq->target);
    } else if (what == WRITE_ENABLE || what == WRITE_DISABLE) {
        irq->enabled = what == WRITE_ENABLE;
        vgic_lpi_reload(&w.gic, index);
    } else {
        prune();
    }
}

void guest_write(unsigned c, unsigned k, enum write what)
{
    struct bare_irq *irq = bare_find(&w.bare, c, k);
    uint8_t other = scenario->sources[k == 0].priority;

    if (scenario->sources[k].intid >= LPI_FIRST) {
        write_lpi(c, k, what);
        return;
    }
    switch (what) {
    case WRITE_ENABLE:
    case WRITE_DISABLE:
        irq->enabled = what == WRITE_ENABLE;
        guest_poke(c, k, irq->enabled ? GICD_ISENABLER : GICD_ICENABLER, 4, 1);
        break;
    case WRITE_SET_PENDING:
        irq->latch = true;
        guest_poke(c, k, GICD_ISPENDR, 4, 1);
        break;
    case WRITE_CLEAR_PENDING:
        irq->latch = false;
        guest_poke(c, k, GICD_ICPENDR, 4, 1);
        break;
    case WRITE_SET_ACTIVE:
    case WRITE_CLEAR_ACTIVE:
        irq->active = what == WRITE_SET_ACTIVE;
        guest_poke(c, k, irq->active ? GICD_ISACTIVER : GICD_ICACTIVER, 4, 1);
        break;
    case WRITE_PRIORITY:
        irq->priority = irq->priority == other ? scenario->sources[k].priority : other;
        guest_poke(c, k, GICD_IPRIORITYR, 1, irq->priority);
        break;
    case WRITE_GROUP:
        irq->group1 = !irq->group1;
        guest_set_group(c, k, irq->group1);
        break;
    case WRITE_ROUTE:
        if (!bare_shared[k])
            prune();
        irq->target = !irq->target;
        w.gic.dist.ops->write(&w.gic.dist, &vcpus[c], GICD_IROUTER + 8u * scenario->sources[k].intid, 8,
                              irq->target);
        break;
    default:
        w.bare.groups[1] = !w.bare.groups[1];
        w.gic.dist.ops->write(&w.gic.dist, &vcpus[c], GICD_CTLR, 4, w.bare.groups[1] ? 3 : 1);
        break;
    }
}

/* What the guest reads of its own interrupts, and of those that nobody else is running with. */
void guest_compare_reads(unsigned c)
{
    for (unsigned k = 0; k < bare_irq_count; k++) {
        const struct bare_irq *irq = bare_find(&w.bare, c, k);
        const struct vgic_irq *virq = vgic_find(&w.gic, &w.cpus[c], scenario->sources[k].intid);

        if (scenario->sources[k].intid >= LPI_FIRST)
            continue;
        if (virq->home != c && (virq->place == VGIC_IN_LR || world_must_exit(virq->home)))
            continue;
        if (peek(c, k, GICD_ISENABLER) != irq->enabled)
            broken("enable bit reads wrong");
        if (!scenario->sources[k].hw && peek(c, k, GICD_ISPENDR) != bare_is_pending(irq))
            broken("pending bit reads wrong");
        if (peek(c, k, GICD_ISACTIVER) != irq->active)
            broken("active bit reads wrong");
    }
}
