/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers only silence the source and set cpu->attention: the CPU's loop does the work.
 */
#include "arch/arm64/host_irq.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/gic/its.h"
#include "arch/arm64/gic/vgic_v4.h"
#include "arch/arm64/host_console.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "core/arch.h"
#include "core/panic.h"
#include "core/shell_emergency.h"

/* Only ours. What a kick is for has been raised by its sender. */
static void take_sgi(uint32_t intid)
{
    if (intid == GICV3_SGI_KICK && panic_elsewhere())
        PANIC_STOP_HERE();
    if (intid == GICV3_SGI_KICK && shell_emergency_is_open())
        (void)shell_emergency_nmi(NULL);
}

void host_irq_take(struct arm64_cpu *cpu)
{
    uint32_t intid = gicv3_ack();
    uint32_t attention = 0;

    if (intid >= GICV3_INTID_LIMIT && intid < GICV3_LPI_FIRST)
        return;
    gicv3_eoi(intid);
    if (UNLIKELY(intid >= GICV3_LPI_FIRST)) {
        if (!its_take(intid) && !vgic_v4_doorbell(intid))
            cpu->stray_count++;
        return; /* LPIs have no active state */
    }
    if (intid < GICV3_SGI_COUNT) {
        take_sgi(intid);
    } else if (intid == host_devices.hyp_timer_intid) {
        host_timer_stop();
        attention = ATTENTION_TIMER;
    } else if (guest_irq_take(cpu, intid)) {
        return;
    } else if (intid == host_devices.console_intid) {
        host_console_irq();
        attention = ATTENTION_ALL;
    } else {
        cpu->stray_count++;
    }
    gicv3_deactivate(intid);
    if (attention != 0)
        cpu_note(&cpu->base, attention);
}

/* WFI ends for a masked interrupt too; one that is pending already lets it through at once. */
void arch_cpu_idle(struct cpu *cpu)
{
    if (atomic_load_explicit(&cpu->attention, memory_order_acquire) == 0) {
        insn_dsb_sy();
        insn_wfi();
    }
    host_irq_take((struct arm64_cpu *)cpu);
}

void arch_cpu_kick(struct cpu *cpu)
{
    gicv3_sgi(((struct arm64_cpu *)cpu)->mpidr, GICV3_SGI_KICK);
}

bool arch_cpu_nmi(struct cpu *cpu)
{
    (void)cpu;
    return false;
}

void arch_cpu_poke(struct cpu *cpu)
{
    gicv3_sgi(((struct arm64_cpu *)cpu)->mpidr, GICV3_SGI_POKE);
}
