/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shell's hands on x86 guests (events from outside, event state), and its look at the host. Events are
 * posted as any sender on the board would.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/host_map.h"
#include "arch/x86/host_platform.h"
#include "arch/x86/tsc.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_vm.h"
#include "core/arch.h"
#include "core/inspect.h"
#include "core/vcpu_events.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/printf.h"

#define CR4_RESERVED BIT(31)

void arch_vcpu_where(struct vcpu *core, char *text, size_t size)
{
    const struct x86_vcpu *vcpu = x86_vcpu_of(core);
    uint64_t rflags = vcpu->sw.regs.rflags;
    uint32_t waiting = vcpu->waiting;

    fmt_snprintf(text, size, "RIP 0x%lx IF=%u%s%s", vcpu->sw.regs.rip, (rflags & RFLAGS_IF) != 0,
                 (waiting & X86_WAIT_SIPI) != 0 ? " waits for SIPI" : "",
                 (waiting & X86_WAIT_EVENT) != 0 ? " halted" : "");
}

void arch_vcpu_nmi_state(struct vcpu *core, struct arch_nmi_state *state)
{
    const struct inject *inject = &core->inject;
    uint32_t view;

    /* Of a vCPU that runs the hardware's part is that of its last exit. */
    view = x86_ops->inject.view(x86_vcpu_of(core));
    state->delivered = inject->books.delivered[INJECT_KIND_NMI];
    state->masked = inject_nmi_masked(&inject->state, (view & INJECT_VIEW_NMI_MASK) != 0);
}

/* Gate 2 of the IDT: 16 bytes in long mode, 8 otherwise, 4 in real mode. */
int arch_vcpu_nmi_handler(struct vcpu *core, gva_t *at)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    bool is_long = (x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0;
    struct x86_seg idt = {0};
    uint8_t gate[16];

    if ((x86_ops->get(vcpu, X86_STATE_CR0) & CR0_PE) == 0)
        return E_NOENT;
    x86_ops->get_table(vcpu, X86_TABLE_IDTR, &idt);
    if (inspect_read(core, gva(idt.base + X86_NMI * (is_long ? 16u : 8u)), gate, is_long ? 16 : 8, NULL) != 0)
        return E_NOENT;
    if ((gate[5] & X86_SEG_P) == 0)
        return E_NOENT;
    at->v = (uint64_t)load_le16(gate + 6) << 16 | load_le16(gate);
    if (is_long)
        at->v |= (uint64_t)load_le32(gate + 8) << 32;
    return 0;
}

/* On the top of its stack, no error code before it. */
int arch_vcpu_nmi_return(struct vcpu *core, gva_t *at)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    bool is_long = (x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0;
    uint64_t value = 0;

    if ((x86_ops->get(vcpu, X86_STATE_CR0) & CR0_PE) == 0 ||
        inspect_read(core, gva(arch_vcpu_reg_get(core, arch_reg_sp)), &value, is_long ? 8 : 4, NULL) != 0)
        return E_NOENT;
    *at = gva(value);
    return 0;
}

const char arch_vcpu_nmi_name[] = "NMI";

int arch_vcpu_nmi(struct vcpu *core)
{
    (void)inject_post_nmi(&core->inject.posted);
    vcpu_request(core, VCPU_REQ_EVENT);
    return 0;
}

int arch_vcpu_ipi(struct vcpu *core, uint64_t vector)
{
    if (vector < 16 || vector > 255)
        return E_RANGE;
    return vlapic_post(&x86_vcpu_of(core)->lapic, (uint8_t)vector, false) ? 0 : E_NOTSUP;
}

/* A line that a device holds up is let down for a moment instead. */
int arch_vm_irq(struct vm *vm, uint64_t number)
{
    struct irq_line *line;
    bool level;

    if (number >= BOARD_GSIS)
        return E_RANGE;
    spin_lock(&vm->dev_lock);
    line = board_irq_line(&x86_vm_of(vm)->board.irq, (unsigned int)number);
    level = line->level;
    irq_line_set(line, !level);
    irq_line_set(line, level);
    spin_unlock(&vm->dev_lock);
    return 0;
}

uint32_t arch_exit_reason(uint64_t raw)
{
    return (uint32_t)raw;
}

void arch_exit_reason_name(uint32_t reason, char *text, size_t size)
{
    x86_ops->exit_name(reason, text, size);
}

int arch_vcpu_spoil(struct vcpu *core, enum arch_spoil what)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    uint64_t cr4 = x86_ops->get(vcpu, X86_STATE_CR4);
    struct x86_seg segs[X86_SREGS];

    switch (what) {
    case ARCH_SPOIL_CR4:
        x86_ops->set(vcpu, X86_STATE_CR4, cr4 | CR4_RESERVED);
        return 0;
    case ARCH_SPOIL_PAE:
        x86_ops->set(vcpu, X86_STATE_CR4, cr4 & ~CR4_PAE);
        return 0;
    case ARCH_SPOIL_CS:
        x86_ops->get_segs(vcpu, segs);
        segs[X86_CS].attr |= X86_SEG_L | X86_SEG_DB;
        x86_ops->set_seg(vcpu, X86_CS, &segs[X86_CS]);
        return 0;
    case ARCH_SPOIL_EVENT:
        x86_ops->spoil_event(vcpu);
        return 0;
    }
    return E_NOTSUP;
}

size_t arch_vcpu_events_save(struct vcpu *core, uint8_t bytes[ARCH_EVENTS_BYTES])
{
    struct inject_events events;

    _Static_assert(INJECT_EVENTS_BYTES <= ARCH_EVENTS_BYTES, "room for the saved form");
    vcpu_events_get(core, &events);
    inject_events_store(&events, bytes);
    return INJECT_EVENTS_BYTES;
}

int arch_vcpu_events_load(struct vcpu *core, const uint8_t *bytes, size_t size)
{
    struct inject_events events;
    int error = inject_events_load(&events, bytes, size);

    return error != 0 ? error : vcpu_events_set(core, &events);
}

static bool cpu_line(uint32_t line, char *text, size_t size)
{
    switch (line) {
    case 0:
        fmt_snprintf(text, size, "%s, %s, guests by %s", cpu_features.vendor_id, cpu_features.brand,
                     x86_ops == NULL ? "nothing" : x86_ops->name);
        return true;
    case 1:
        fmt_snprintf(text, size,
                     "physical address bits %u, 1 GiB pages %u, XSAVE %u (xcr0 0x%x, %u bytes), RDTSCP %u",
                     cpu_features.phys_bits, cpu_features.has_1g_pages, cpu_features.has_xsave,
                     cpu_features.xcr0, cpu_features.xsave_size, cpu_features.has_rdtscp);
        return true;
    case 2:
        fmt_snprintf(text, size, "TSC %lu kHz from %s, local APIC %s", tsc_khz(), tsc_source_name(),
                     host_apic_is_x2apic() ? "x2APIC" : "xAPIC");
        return true;
    default:
        return false;
    }
}

static bool irq_line(uint32_t line, char *text, size_t size)
{
    const struct x86_cpu *cpu;

    if (line >= cpu_count)
        return false;
    cpu = CONTAINER_OF(cpus[line], struct x86_cpu, base);
    fmt_snprintf(text, size, "cpu %u: NMIs %lu, strays %lu, timer %s", line, cpu->host_nmi_count,
                 cpu->stray_count, cpu->base.timer_programmed_ns == UINT64_MAX ? "off" : "armed");
    return true;
}

static bool table_line(uint32_t line, char *text, size_t size)
{
    const struct acpi_info *acpi = &host_acpi;

    if (line == 0)
        fmt_snprintf(text, size,
                     "revision %u (%s), %u tables, %u bad; MADT %u FADT %u MCFG %u S5 %u reset %u",
                     acpi->revision, acpi->oem, acpi->table_count, acpi->bad_count, acpi->has_madt,
                     acpi->has_fadt, acpi->ecam_count, acpi->has_s5, acpi->reset.valid);
    else if (line - 1 < acpi->cpu_count)
        fmt_snprintf(text, size, "cpu: APIC ID %u, UID %u%s", acpi->cpus[line - 1].apic_id,
                     acpi->cpus[line - 1].uid, acpi->cpus[line - 1].enabled ? "" : ", not there yet");
    else if (line - 1 - acpi->cpu_count < acpi->ioapic_count)
        fmt_snprintf(text, size, "ioapic: ID %u at 0x%x, GSIs from %u",
                     acpi->ioapics[line - 1 - acpi->cpu_count].id,
                     acpi->ioapics[line - 1 - acpi->cpu_count].address,
                     acpi->ioapics[line - 1 - acpi->cpu_count].gsi_base);
    else
        return false;
    return true;
}

const char arch_host_tables_name[] = "acpi";

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

bool arch_host_readable(hpa_t at, uint64_t size)
{
    return host_map_readable(at, size);
}
