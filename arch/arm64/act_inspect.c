/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's hands on arm64 guests (events from outside), and its look at the host. Events are posted as any
 * sender on the board would.
 */
#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/boot_info.h"
#include "core/inspect.h"
#include "lib/error.h"
#include "lib/printf.h"

#define SPI_FIRST 32
#define SGI_COUNT 16

#define VECTORS_CURRENT  0x200
#define VECTORS_LOWER    0x400
#define VECTORS_LOWER_32 0x600
#define VECTOR_SERROR    0x180

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

/* These CPUs have no NMI. What comes nearest is an SError: interrupts do not mask it, PSTATE.A does. */
void arch_vcpu_nmi_state(struct vcpu *core, struct arch_nmi_state *state)
{
    const struct arm64_vcpu *vcpu = arm64_vcpu_of(core);

    *state = (struct arch_nmi_state){.delivered = vcpu->serror_count - vcpu->serror,
                                     .masked = (vcpu->sw.regs.pstate & PSTATE_A) != 0};
}

/* The vector for SErrors, by where the vCPU is. Arm ARM, "Vector tables". */
int arch_vcpu_nmi_handler(struct vcpu *core, gva_t *at)
{
    const struct arm64_vcpu *vcpu = arm64_vcpu_of(core);
    uint64_t pstate = vcpu->sw.regs.pstate;
    uint64_t from = (pstate & PSTATE_SP) != 0 ? VECTORS_CURRENT : 0;

    if ((pstate & PSTATE_EL) == 0)
        from = (pstate & PSTATE_NRW) != 0 ? VECTORS_LOWER_32 : VECTORS_LOWER;
    *at = gva(vcpu->sys.vbar + from + VECTOR_SERROR);
    return 0;
}

int arch_vcpu_nmi_return(struct vcpu *core, gva_t *at)
{
    *at = gva(arm64_vcpu_of(core)->sys.elr);
    return 0;
}

/* The vCPU is held: the bit goes into HCR_EL2 with the next load. */
int arch_vcpu_nmi(struct vcpu *core)
{
    struct arm64_vcpu *vcpu = arm64_vcpu_of(core);

    vcpu->serror_count += !vcpu->serror;
    vcpu->serror = true;
    return 0;
}

const char arch_vcpu_nmi_name[] = "SError";

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

/* The exception class. An interrupt has none, and unknown instructions have 0. */
uint32_t arch_exit_reason(uint64_t raw)
{
    return (uint32_t)ESR_CLASS(raw);
}

void arch_exit_reason_name(uint32_t reason, char *text, size_t size)
{
    static const char names[] =
        ",wfx,,cp15_32,cp15_64,cp14_32,cp14_dt,fp,,pauth,,,cp14_64,,illegal_state,,,svc32,hvc32,smc32,,svc64,"
        "hvc64,smc64,sysreg,sve,eret,,,,,,fetch_abort,,pc_align,,data_abort,,sp_align,,,,,,,,,serror,break,,"
        "step,,watch,,,,bkpt32,,,,brk,,,,";

    text[0] = '\0';
    if (reason != 0)
        inspect_bits(text, size, BIT(reason), names);
    else
        fmt_snprintf(text, size, " none");
}

/* An illegal state is the guest's to see: an exception of its own, not a failed entry. */
int arch_vcpu_spoil(struct vcpu *core, enum arch_spoil what)
{
    (void)core;
    (void)what;
    return E_NOTSUP;
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

/* A device's place in memory, or that there is none. */
static void place_line(const char *name, const struct devicetree_range *range, char *text, size_t size)
{
    if (range->size == 0)
        fmt_snprintf(text, size, "%s: none", name);
    else
        fmt_snprintf(text, size, "%s: 0x%lx .. 0x%lx", name, range->base, range->base + range->size - 1);
}

static bool device_line(uint32_t line, char *text, size_t size)
{
    const struct devicetree *tree = &host_devices;

    switch (line) {
    case 0:
        fmt_snprintf(text, size, "GICv%u, PSCI by %s, %u CPUs, problems 0x%lx", tree->gic_version,
                     tree->psci == PSCI_SMC ? "smc" : "hvc", tree->cpu_count, tree->problems);
        return true;
    case 1:
        place_line("console", &tree->console, text, size);
        return true;
    case 2:
        place_line("distributor", &tree->gicd, text, size);
        return true;
    case 3:
        place_line("its", &tree->its, text, size);
        return true;
    case 4:
        fmt_snprintf(text, size, "interrupts: console %u, maintenance %u, virtual timer %u, EL2 timer %u",
                     tree->console_intid, tree->maintenance_intid, tree->virt_timer_intid,
                     tree->hyp_timer_intid);
        return true;
    case 5:
        fmt_snprintf(text, size, "bootargs: %.*s", 120, tree->text);
        return true;
    default:
        return false;
    }
}

#define DEVICE_LINES 6

/* What the device tree said: devices, redistributors, CPUs, memory. */
static bool table_line(uint32_t line, char *text, size_t size)
{
    const struct devicetree *tree = &host_devices;
    static const char *const kinds[] = {[BOOT_REGION_RAM] = "memory"};
    const struct boot_region *region;

    if (line < DEVICE_LINES)
        return device_line(line, text, size);
    line -= DEVICE_LINES;
    if (line < tree->gicr_count) {
        place_line("redistributors", &tree->gicr[line], text, size);
        return true;
    }
    line -= tree->gicr_count;
    if (line < tree->cpu_count) {
        fmt_snprintf(text, size, "cpu: affinity 0x%lx%s", tree->cpus[line],
                     tree->cpu_psci[line] ? "" : ", not started by PSCI");
        return true;
    }
    line -= tree->cpu_count;
    if (line >= tree->raw_count)
        return false;
    region = &tree->raw[line];
    fmt_snprintf(text, size, "%s: 0x%lx .. 0x%lx",
                 region->kind < ARRAY_COUNT(kinds) && kinds[region->kind] != NULL ? kinds[region->kind]
                                                                                  : "reserved",
                 region->start.v, region->start.v + region->size - 1);
    return true;
}

const char arch_host_tables_name[] = "dt";

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
