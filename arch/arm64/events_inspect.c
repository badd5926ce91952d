/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's interrupts as lines: books, and for each one that is pending or being handled where it is and what
 * holds it back. The vCPU is off its CPU; other CPUs may post to it meanwhile, and no lock is taken: single
 * words, each right for itself. The virtual GIC keeps no times, so there are no ages.
 */
#include "arch/arm64/events_inspect.h"

#include "arch/arm64/gic/vgic_internal.h"
#include "lib/printf.h"
#include "lib/string.h"

#define PRIORITIES UINT32_C(32) /* of the active priority registers: one each 8 */

/* Number `n` of all that could be this vCPU's: private ones, SPIs, LPIs. NULL behind the last. */
static const struct vgic_irq *candidate(const struct arm64_vcpu *vcpu, uint32_t n)
{
    const struct vgic_config *config = &vcpu->gic.vm->config;

    if (n < VGIC_PRIVATE)
        return &vcpu->gic.irqs[n];
    n -= VGIC_PRIVATE;
    if (n < config->spi_count)
        return &config->spis[n];
    n -= config->spi_count;
    return n < config->lpi_count ? &config->lpis[n] : NULL;
}

static bool is_concerned(const struct arm64_vcpu *vcpu, const struct vgic_irq *irq)
{
    uint32_t home = irq->place == VGIC_IDLE ? irq->target : irq->home;

    if (!vgic_is_pending(irq) && irq->place == VGIC_IDLE)
        return false;
    return vgic_is_private(irq) || home == vcpu->core.id || (home == VGIC_NO_VCPU && vcpu->core.id == 0);
}

/* Lowest set bit of the active priorities times 8; 256: nothing is being handled. */
static uint32_t running_priority(const struct vgic_cpuif *cpuif)
{
    uint32_t active = cpuif->apr[0][0] | cpuif->apr[1][0];

    for (uint32_t i = 0; i < PRIORITIES; i++)
        if ((active >> i & 1) != 0)
            return i * (256 / PRIORITIES);
    return 256;
}

/* The first thing in its way, from the distributor to the CPU. */
static const char *blocker(const struct arm64_vcpu *vcpu, const struct vgic_irq *irq)
{
    const struct vgic_cpuif *cpuif = &vcpu->gic.cpuif;

    if (!vgic_is_pending(irq) && !vgic_lr_holds_event(irq))
        return "the guest handles it";
    if (!irq->enabled)
        return "it is not enabled";
    if (!vgic_group_is_enabled(vcpu->gic.vm, irq))
        return "its group is off in GICD_CTLR";
    if (irq->target == VGIC_NO_VCPU)
        return "no vCPU has the affinity that it goes to";
    if (irq->active || irq->place == VGIC_ACTIVE)
        return "the guest still handles the one before";
    if ((cpuif->vmcr & (irq->group1 ? ICH_VMCR_VENG1 : ICH_VMCR_VENG0)) == 0)
        return "its group is off in ICC_IGRPEN";
    if (irq->priority >= field_get(cpuif->vmcr, ICH_VMCR_VPMR))
        return "ICC_PMR masks its priority";
    if (irq->priority >= running_priority(cpuif))
        return "a handler of its priority or a higher one runs";
    if ((vcpu->sw.regs.pstate & (irq->group1 ? PSTATE_I : PSTATE_F)) != 0)
        return irq->group1 ? "PSTATE.I is set" : "PSTATE.F is set";
    return "nothing, it comes with the next entry";
}

/* Number `line` of those that concern this vCPU. */
static const struct vgic_irq *concerned(const struct arm64_vcpu *vcpu, uint32_t line)
{
    const struct vgic_irq *irq;

    for (uint32_t i = 0; (irq = candidate(vcpu, i)) != NULL; i++)
        if (is_concerned(vcpu, irq) && line-- == 0)
            return irq;
    return NULL;
}

static void books_line(const char *whose, const struct vgic_books *books, char *text, size_t size)
{
    fmt_snprintf(text, size, "%s interrupts: posted=%lu delivered=%lu collapsed=%lu withdrawn=%lu", whose,
                 books->posted_count, books->delivered_count, books->collapsed_count, books->withdrawn_count);
}

bool arm64_events_line(const struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const struct vgic_irq *irq;

    switch (line) {
    case 0:
        books_line("private", &vcpu->gic.books, text, size);
        return true;
    case 1:
        books_line("the VM's", &vcpu->gic.vm->books, text, size);
        if (vcpu->gic.vm->config.direct != NULL)
            fmt_snprintf(text + strlen(text), size - strlen(text), " by-hardware=%lu",
                         vcpu->gic.vm->direct_count);
        return true;
    case 2:
        fmt_snprintf(text, size, "exits=%lu undefined=%lu aborts=%lu", vcpu->core.exit_count,
                     vcpu->core.inject.undefined_count, vcpu->core.inject.abort_count);
        return true;
    default:
        if (vcpu->serror && line-- == 3) {
            fmt_snprintf(text, size, "pending: SError: %s",
                         (vcpu->sw.regs.pstate & PSTATE_A) != 0 ? "PSTATE.A is set"
                                                                : "nothing, it comes with the next entry");
            return true;
        }
        irq = concerned(vcpu, line - 3);
        if (irq == NULL)
            return false;
        fmt_snprintf(text, size, "pending: interrupt %u priority 0x%02x: %s", irq->intid, irq->priority,
                     blocker(vcpu, irq));
        return true;
    }
}

bool arm64_irqs_line(const struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    static const char *const places[] = {[VGIC_IDLE] = "not deliverable",
                                         [VGIC_QUEUED] = "queued",
                                         [VGIC_ACTIVE] = "active",
                                         [VGIC_IN_LR] = "in list register"};
    const struct vgic_irq *irq = concerned(vcpu, line);

    if (irq == NULL)
        return false;
    fmt_snprintf(text, size, "interrupt %-5u %s %s group%u%s%s%s%s", irq->intid, places[irq->place & 3],
                 irq->edge ? "edge" : "level", irq->group1 ? 1 : 0, irq->enabled ? "" : " off",
                 irq->latch ? " latched" : "", irq->line ? " line-high" : "", irq->active ? " active" : "");
    return true;
}
