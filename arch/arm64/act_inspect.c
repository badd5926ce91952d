/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's hands on arm64 guests (events from outside), and its look at the host. Events are posted as any
 * sender on the board would.
 */
#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "lib/error.h"
#include "lib/printf.h"

#define SPI_FIRST 32
#define SGI_COUNT 16

/* ICC_SGI1R_EL1 */
#define SGI_TARGETS FIELD(15, 0)
#define SGI_AFF1    FIELD(23, 16)
#define SGI_INTID   FIELD(27, 24)

void arch_vcpu_where(struct vcpu *core, char *text, size_t size)
{
    const struct arm64_vcpu *vcpu = arm64_vcpu_of(core);
    uint64_t pstate = vcpu->sw.regs.pstate;
    uint32_t waiting = vcpu->waiting;

    fmt_snprintf(text, size, "PC 0x%lx EL%lu I=%u%s%s", vcpu->sw.regs.pc, pstate >> 2 & 3,
                 (pstate & BIT(7)) != 0, (waiting & ARM64_WAIT_START) != 0 ? " off" : "",
                 (waiting & ARM64_WAIT_EVENT) != 0 ? " waits for an event" : "");
}

void arch_vcpu_nmi_state(struct vcpu *core, struct arch_nmi_state *state)
{
    (void)core;
    *state = (struct arch_nmi_state){0};
}

int arch_vcpu_nmi_handler(struct vcpu *core, gva_t *at)
{
    (void)core;
    (void)at;
    return E_NOENT;
}

int arch_vcpu_nmi(struct vcpu *core)
{
    (void)core;
    return E_NOTSUP;
}

/* A software-generated interrupt, as if it had sent one to itself. */
int arch_vcpu_ipi(struct vcpu *core, uint64_t number)
{
    uint64_t affinity = vgic_mpidr(core->id);

    if (number >= SGI_COUNT)
        return E_RANGE;
    vgic_sgi(&arm64_vcpu_of(core)->gic,
             field_make(number, SGI_INTID) | field_make(affinity >> 8, SGI_AFF1) |
                 field_make(BIT(affinity & 15), SGI_TARGETS),
             true);
    return 0;
}

/* An edge: up and down. A level-triggered input ends up as it was. */
int arch_vm_irq(struct vm *core, uint64_t number)
{
    struct arm64_vm *vm = arm64_vm_of(core);

    if (number < SPI_FIRST || number >= SPI_FIRST + ARM64_SPIS)
        return E_RANGE;
    vgic_set_line(&vm->gic, (uint32_t)number, true);
    vgic_set_line(&vm->gic, (uint32_t)number, false);
    return 0;
}

size_t arch_vcpu_events_save(struct vcpu *core, uint8_t bytes[ARCH_EVENTS_BYTES])
{
    (void)core;
    (void)bytes;
    return 0;
}

int arch_vcpu_events_load(struct vcpu *core, const uint8_t *bytes, size_t size)
{
    (void)core;
    (void)bytes;
    (void)size;
    return E_NOTSUP;
}

static bool cpu_line(uint32_t line, char *text, size_t size)
{
    const struct arm64_cpu *cpu;

    if (line >= cpu_count)
        return false;
    cpu = CONTAINER_OF(cpus[line], struct arm64_cpu, base);
    fmt_snprintf(text, size, "cpu %u: MPIDR 0x%lx, redistributor 0x%lx, generic timer %lu kHz", line,
                 cpu->mpidr, cpu->redistributor, host_timer_frequency() / 1000);
    return true;
}

static bool irq_line(uint32_t line, char *text, size_t size)
{
    const struct gicv3_info *gic = &gicv3_info;
    const struct arm64_cpu *cpu;

    if (line == 0) {
        fmt_snprintf(text, size, "GICv%u%s, %u interrupts, %s", gic->has_vlpis ? 4 : 3,
                     gic->has_rvpeid ? ".1" : "", gic->intid_count, gic->has_lpis ? "LPIs" : "no LPIs");
        return true;
    }
    if (line > cpu_count)
        return false;
    cpu = CONTAINER_OF(cpus[line - 1], struct arm64_cpu, base);
    fmt_snprintf(text, size, "cpu %u: strays %lu, timer %s", line - 1, cpu->stray_count,
                 cpu->base.timer_programmed_ns == UINT64_MAX ? "off" : "armed");
    return true;
}

static bool table_line(uint32_t line, char *text, size_t size)
{
    if (line != 0)
        return false;
    fmt_snprintf(text, size, "device tree: console at 0x%lx, %u redistributor regions",
                 host_devices.console.base, host_devices.gicr_count);
    return true;
}

bool arch_host_line(enum host_view view, uint32_t line, char *text, size_t size)
{
    switch (view) {
    case HOST_CPUS:
        return cpu_line(line, text, size);
    case HOST_IRQS:
        return irq_line(line, text, size);
    case HOST_TABLES:
        return table_line(line, text, size);
    }
    return false;
}

/* By EL2's own translation. A guest's value in PAR_EL1 is kept. */
bool arch_host_readable(hpa_t at, uint64_t size)
{
    uint64_t par = SYSREG_READ(par_el1);
    bool readable = true;

    for (uint64_t page = at.v & ~(PAGE_SIZE - 1); readable && page < at.v + size; page += PAGE_SIZE) {
        insn_at_s1e2r(page);
        readable = (SYSREG_READ(par_el1) & BIT(0)) == 0;
    }
    SYSREG_WRITE(par_el1, par);
    return readable;
}
