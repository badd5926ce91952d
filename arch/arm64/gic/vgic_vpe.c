/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. The doorbell stays on from one wait to the next: an idle guest's WFI costs no command of
 * the ITS.
 */
#include "arch/arm64/gic/vgic_vpe.h"

#include "arch/arm64/gic/vgic.h"
#include "lib/assert.h"

/* An arrival rings at most once: of as many as were taken, none is left. */
static uint32_t may_have_rung(struct vgic_vpe *vpe)
{
    return atomic_load_explicit(&vpe->arrivals, memory_order_seq_cst) -
           atomic_load_explicit(&vpe->taken, memory_order_seq_cst);
}

void vgic_vpe_load(struct vgic_vpe *vpe, uint32_t cpu)
{
    if (vpe->ops == NULL || vpe->resident == cpu)
        return;
    ASSERT(vpe->resident == VGIC_NOWHERE);
    if (vpe->home != cpu)
        vpe->ops->move(vpe, cpu);
    vpe->home = cpu;
    /* On or off. One that rings from here until the vPE is resident costs an exit, no more. */
    if (may_have_rung(vpe) != vpe->seen)
        vpe->ops->hush(vpe);
    vpe->ops->show(vpe);
    vpe->resident = cpu;
}

/* The doorbell is set before it stops being resident: nothing that arrives in between is missed. */
static bool leave(struct vgic_vpe *vpe, bool doorbell)
{
    if (vpe->ops == NULL || vpe->resident == VGIC_NOWHERE)
        return false;
    if (vpe->doorbell_on != doorbell)
        vpe->ops->doorbell(vpe, doorbell);
    vpe->doorbell_on = doorbell;
    vpe->seen = may_have_rung(vpe);
    vpe->resident = VGIC_NOWHERE;
    return vpe->ops->hide(vpe);
}

void vgic_vpe_put(struct vgic_vpe *vpe)
{
    (void)leave(vpe, false);
}

/*
 * With group 1 off at the CPU interface no LPI can be signalled, and none is to wake the vCPU. The priority
 * mask is not looked at: what it keeps out ends WFI at once, as the architecture allows.
 */
bool vgic_vpe_sleep(struct vgic_vpe *vpe, const struct vgic_cpuif *cpuif)
{
    bool takes = (cpuif->vmcr & ICH_VMCR_VENG1) != 0;

    return leave(vpe, takes) && takes;
}
