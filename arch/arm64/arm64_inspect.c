/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views into held arm64 vCPUs: registers by number, translations with each level, the virtual CPU interface.
 * Everything is in memory then.
 */
#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/events_inspect.h"
#include "arch/arm64/guest_walk.h"
#include "arch/arm64/stage2.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/inspect.h"
#include "lib/error.h"
#include "lib/printf.h"

/* Where a register is kept: arch_reg.kind. */
enum place {
    AT_X,
    AT_SP,
    AT_PC,
    AT_PSTATE,
    AT_SYSTEM, /* index: 64-bit word of struct arm64_context */
};

#define REG_SP 31
#define REG_PC 32

#define X(name, number)                         \
    {                                           \
        name, 8, ARCH_REG_GENERAL, AT_X, number \
    }
#define SYSTEM(name, field)                                                    \
    {                                                                          \
        name, 8, ARCH_REG_SYSTEM, AT_SYSTEM,                                   \
            __builtin_offsetof(struct arm64_context, field) / sizeof(uint64_t) \
    }

/* The first 34 in gdb's order for AArch64. */
const struct arch_reg arch_regs[] = {
    X("x0", 0),
    X("x1", 1),
    X("x2", 2),
    X("x3", 3),
    X("x4", 4),
    X("x5", 5),
    X("x6", 6),
    X("x7", 7),
    X("x8", 8),
    X("x9", 9),
    X("x10", 10),
    X("x11", 11),
    X("x12", 12),
    X("x13", 13),
    X("x14", 14),
    X("x15", 15),
    X("x16", 16),
    X("x17", 17),
    X("x18", 18),
    X("x19", 19),
    X("x20", 20),
    X("x21", 21),
    X("x22", 22),
    X("x23", 23),
    X("x24", 24),
    X("x25", 25),
    X("x26", 26),
    X("x27", 27),
    X("x28", 28),
    X("x29", 29),
    X("x30", 30),
    {"sp", 8, ARCH_REG_GENERAL, AT_SP, 0},
    {"pc", 8, ARCH_REG_GENERAL, AT_PC, 0},
    {"cpsr", 4, ARCH_REG_GENERAL, AT_PSTATE, 0},
    SYSTEM("sp_el0", sp_el0),
    SYSTEM("sp_el1", sp_el1),
    SYSTEM("elr", elr),
    SYSTEM("spsr", spsr),
    SYSTEM("esr", esr),
    SYSTEM("far", far),
    SYSTEM("vbar", vbar),
    SYSTEM("sctlr", sctlr),
    SYSTEM("tcr", tcr),
    SYSTEM("ttbr0", ttbr0),
    SYSTEM("ttbr1", ttbr1),
    SYSTEM("mair", mair),
    SYSTEM("ctxidr", contextidr),
    SYSTEM("tpidr0", tpidr_el0),
    SYSTEM("tpidr1", tpidr_el1),
    SYSTEM("mdscr", mdscr),
};
const uint32_t arch_reg_count = ARRAY_COUNT(arch_regs);
const uint32_t arch_reg_pc = REG_PC, arch_reg_sp = REG_SP, arch_reg_fp = 29, arch_reg_flags = 33;

static uint64_t *word_of(struct arm64_vcpu *vcpu, const struct arch_reg *info)
{
    switch ((enum place)info->kind) {
    case AT_X:
        return &vcpu->sw.regs.x[info->index];
    case AT_SP:
        return (vcpu->sw.regs.pstate & PSTATE_EL1H) == PSTATE_EL1H ? &vcpu->sys.sp_el1 : &vcpu->sys.sp_el0;
    case AT_PC:
        return &vcpu->sw.regs.pc;
    case AT_PSTATE:
        return &vcpu->sw.regs.pstate;
    case AT_SYSTEM:
        break;
    }
    return (uint64_t *)(void *)&vcpu->sys + info->index;
}

uint64_t arch_vcpu_reg_get(struct vcpu *core, uint32_t reg)
{
    uint64_t value = *word_of(arm64_vcpu_of(core), &arch_regs[reg]);

    return arch_regs[reg].kind == AT_PSTATE ? value & ~PSTATE_SS : value; /* that one may be a debugger's */
}

/* PSTATE: flags and masks only, so that no entry can end in an illegal state or above EL1. */
int arch_vcpu_reg_set(struct vcpu *core, uint32_t reg, uint64_t value)
{
    const uint64_t writable = PSTATE_NZCV | PSTATE_DAIF;
    uint64_t *word = word_of(arm64_vcpu_of(core), &arch_regs[reg]);

    if (arch_regs[reg].kind == AT_PSTATE) {
        if (((*word ^ value) & ~writable & ~PSTATE_SS) != 0)
            return E_INVAL;
        value = (value & ~PSTATE_SS) | (*word & PSTATE_SS);
    } else if (arch_regs[reg].kind == AT_SYSTEM) {
        return E_INVAL;
    }
    *word = value;
    return 0;
}

int arch_guest_translate(struct vcpu *core, gva_t at, gpa_t *out)
{
    struct guest_walk walk;

    guest_walk_begin(&walk, core->vm, &arm64_vcpu_of(core)->sys, at);
    while (guest_walk_step(&walk))
        continue;
    *out = walk.result;
    return walk.error;
}

gva_t arch_vcpu_code(struct vcpu *core)
{
    return gva(arm64_vcpu_of(core)->sw.regs.pc);
}

void arch_vcpu_keep_exit(struct vcpu *core)
{
    arm64_vcpu_of(core)->last_exit = (struct arm64_last_exit){
        .esr = SYSREG_READ(esr_el2), .far = SYSREG_READ(far_el2), .hpfar = SYSREG_READ(hpfar_el2)};
}

static bool walk_line(struct arm64_vcpu *vcpu, uint64_t at, uint32_t line, char *text, size_t size)
{
    struct guest_walk walk;

    guest_walk_begin(&walk, vcpu->core.vm, &vcpu->sys, gva(at));
    for (uint32_t i = 0;; i++) {
        bool more = guest_walk_step(&walk);

        if (i == line && walk.level <= GUEST_WALK_LAST && walk.granule != 0) {
            fmt_snprintf(text, size, "level %u at gpa 0x%09lx: 0x%016lx", walk.level, walk.entry_at.v,
                         walk.entry);
            return true;
        }
        if (!more && line == i + (walk.granule != 0)) {
            if (walk.error != 0)
                fmt_snprintf(text, size, "gva 0x%lx: not present", at);
            else
                fmt_snprintf(text, size, "gva 0x%lx -> gpa 0x%lx (%s)", at, walk.result.v,
                             walk.granule == 0 ? "translation off" : "mapped");
            return true;
        }
        if (!more)
            return false;
    }
}

/* Stage 2 level by level, then where it leads. */
static bool nested_line(struct arm64_vcpu *vcpu, uint64_t at, uint32_t line, char *text, size_t size)
{
    hpa_t root = arm64_vm_of(vcpu->core.vm)->stage2_root;
    uint64_t entry = 0;
    uint32_t level = 0;
    gpa_t page = gpa(at & ~(PAGE_SIZE - 1));
    const void *host;

    if (stage2_entry(root, gpa(at), line + 1, &entry)) {
        fmt_snprintf(text, size, "stage 2 level %u: 0x%016lx", line + 1, entry);
        return true;
    }
    if (line != 0 && !stage2_entry(root, gpa(at), line, &entry))
        return false;
    host = stage2_lookup(root, gpa(at), &level) == 0 ? NULL : guest_ptr(vcpu->core.vm, page, PAGE_SIZE);
    if (host == NULL)
        fmt_snprintf(text, size, "gpa 0x%lx: no RAM (a device, or nothing)", at);
    else
        fmt_snprintf(text, size, "gpa 0x%lx -> hpa 0x%lx", at, (uintptr_t)host + (at - page.v));
    return true;
}

static bool system_line(struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    static const char *const power[] = {
        [ARM64_OFF] = "off", [ARM64_STARTING] = "starting", [ARM64_ON] = "on"};

    switch (line) {
    case 0:
        fmt_snprintf(text, size, "MPIDR 0x%lx power %s%s%s", vgic_mpidr(vcpu->core.id),
                     power[atomic_load(&vcpu->power)],
                     (vcpu->waiting & ARM64_WAIT_EVENT) != 0 ? ", waits for an event" : "",
                     vcpu->debug.used ? ", uses debug registers" : "");
        return true;
    case 1:
        fmt_snprintf(text, size, "CNTV ctl 0x%lx cval 0x%lx, CNTP ctl 0x%lx cval 0x%lx",
                     vcpu->timers.cntv_ctl, vcpu->timers.cntv_cval, vcpu->timers.cntp_ctl,
                     vcpu->timers.cntp_cval);
        return true;
    default:
        return false;
    }
}

static bool block_line(const struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const struct vgic_cpuif *cpuif = &vcpu->gic.cpuif;

    switch (line) {
    case 0:
        fmt_snprintf(text, size, "VMCR 0x%lx: mask 0x%lx group0 %s group1 %s EOImode %u", cpuif->vmcr,
                     field_get(cpuif->vmcr, ICH_VMCR_VPMR),
                     (cpuif->vmcr & ICH_VMCR_VENG0) != 0 ? "on" : "off",
                     (cpuif->vmcr & ICH_VMCR_VENG1) != 0 ? "on" : "off", (cpuif->vmcr & ICH_VMCR_VEOIM) != 0);
        return true;
    case 1:
        fmt_snprintf(text, size, "AP0R0 0x%x AP1R0 0x%x", cpuif->apr[0][0], cpuif->apr[1][0]);
        return true;
    case 2:
        fmt_snprintf(text, size, "binary point group0 %lu group1 %lu%s%s%s",
                     field_get(cpuif->vmcr, ICH_VMCR_VBPR0), field_get(cpuif->vmcr, ICH_VMCR_VBPR1),
                     (cpuif->vmcr & ICH_VMCR_VCBPR) != 0 ? " common" : "",
                     (cpuif->vmcr & ICH_VMCR_VFIQEN) != 0 ? " FIQ" : "",
                     (cpuif->vmcr & ICH_VMCR_VACKCTL) != 0 ? " AckCtl" : "");
        return true;
    default:
        return arm64_irqs_line(vcpu, line - 3, text, size);
    }
}

/* The syndrome, and for aborts what stage 2 says of the address; of an exit that ended the VM, only that is
 * kept. */
static bool exit_line(struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    const struct arm64_last_exit *last = &vcpu->last_exit;
    uint64_t class = ESR_CLASS(last->esr);
    bool is_abort = class == ESR_EC_IABT_LOW || class == ESR_EC_DABT_LOW;
    uint64_t at = field_get(last->hpfar, HPFAR_FIPA) << PAGE_SHIFT | (last->far & (PAGE_SIZE - 1));

    if (last->esr == 0)
        return false;
    switch (line) {
    case 0:
        fmt_snprintf(text, size, "exit syndrome 0x%lx, class 0x%lx%s", last->esr, class,
                     !is_abort                  ? ""
                     : class == ESR_EC_DABT_LOW ? ": stage 2 data abort"
                                                : ": stage 2 instruction abort");
        return true;
    case 1:
        fmt_snprintf(text, size, "exit address 0x%lx, guest-physical 0x%lx, status 0x%lx%s", last->far, at,
                     field_get(last->esr, ESR_ABORT_STATUS),
                     (last->esr & ESR_ABORT_WRITE) != 0 ? ", write" : "");
        return is_abort;
    default:
        return is_abort && nested_line(vcpu, at, line - 2, text, size);
    }
}

bool arch_inspect_line(struct vcpu *core, enum inspect_view which, uint64_t argument, uint32_t line,
                       char *text, size_t size)
{
    struct arm64_vcpu *vcpu = arm64_vcpu_of(core);

    switch (which) {
    case INSPECT_SYSTEM:
        return system_line(vcpu, line, text, size);
    case INSPECT_BLOCK:
        return block_line(vcpu, line, text, size);
    case INSPECT_WALK:
        return walk_line(vcpu, argument, line, text, size);
    case INSPECT_NESTED:
        return nested_line(vcpu, argument, line, text, size);
    case INSPECT_EVENTS:
        return arm64_events_line(vcpu, line, text, size);
    case INSPECT_EXIT:
        return exit_line(vcpu, line, text, size);
    case INSPECT_LOG:
    case INSPECT_LAST:
    case INSPECT_REFUSED:
        break;
    }
    return false;
}

const char arch_inspect_block_names[2][8] = {"ich", ""};

const char *arch_inspect_block_name(void)
{
    return "ich";
}
