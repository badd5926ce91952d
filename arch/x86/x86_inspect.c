/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views into held x86 vCPUs: registers by number, translations with each level, segments. Everything is in
 * memory then; the vendor's accessors make its control block readable where that takes anything.
 */
#include "arch/x86/guest_emulate.h"
#include "arch/x86/nested_map.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_debug.h"
#include "arch/x86/x86_inspect.h"
#include "core/arch.h"
#include "core/inspect.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

/* Where a register is kept: arch_reg.kind. */
enum place {
    AT_GPR,
    AT_RIP,
    AT_RFLAGS,
    AT_SELECTOR,
    AT_STATE,
    AT_CR8,
    AT_DR, /* DR0-DR3 */
    AT_XCR0,
};

#define GENERAL(name, size, place, index)          \
    {                                              \
        name, size, ARCH_REG_GENERAL, place, index \
    }
#define SYSTEM(name, place, index)             \
    {                                          \
        name, 8, ARCH_REG_SYSTEM, place, index \
    }

/* The first 24 in gdb's order for x86-64. */
const struct arch_reg arch_regs[] = {
    GENERAL("rax", 8, AT_GPR, X86_RAX),
    GENERAL("rbx", 8, AT_GPR, X86_RBX),
    GENERAL("rcx", 8, AT_GPR, X86_RCX),
    GENERAL("rdx", 8, AT_GPR, X86_RDX),
    GENERAL("rsi", 8, AT_GPR, X86_RSI),
    GENERAL("rdi", 8, AT_GPR, X86_RDI),
    GENERAL("rbp", 8, AT_GPR, X86_RBP),
    GENERAL("rsp", 8, AT_GPR, X86_RSP),
    GENERAL("r8", 8, AT_GPR, X86_R8),
    GENERAL("r9", 8, AT_GPR, X86_R9),
    GENERAL("r10", 8, AT_GPR, X86_R10),
    GENERAL("r11", 8, AT_GPR, X86_R11),
    GENERAL("r12", 8, AT_GPR, X86_R12),
    GENERAL("r13", 8, AT_GPR, X86_R13),
    GENERAL("r14", 8, AT_GPR, X86_R14),
    GENERAL("r15", 8, AT_GPR, X86_R15),
    GENERAL("rip", 8, AT_RIP, 0),
    GENERAL("rflags", 4, AT_RFLAGS, 0),
    GENERAL("cs", 4, AT_SELECTOR, X86_CS),
    GENERAL("ss", 4, AT_SELECTOR, X86_SS),
    GENERAL("ds", 4, AT_SELECTOR, X86_DS),
    GENERAL("es", 4, AT_SELECTOR, X86_ES),
    GENERAL("fs", 4, AT_SELECTOR, X86_FS),
    GENERAL("gs", 4, AT_SELECTOR, X86_GS),
    SYSTEM("fsbase", AT_STATE, X86_STATE_FS_BASE),
    SYSTEM("gsbase", AT_STATE, X86_STATE_GS_BASE),
    SYSTEM("kgsbase", AT_STATE, X86_STATE_KERNEL_GS_BASE),
    SYSTEM("cr0", AT_STATE, X86_STATE_CR0),
    SYSTEM("cr2", AT_STATE, X86_STATE_CR2),
    SYSTEM("cr3", AT_STATE, X86_STATE_CR3),
    SYSTEM("cr4", AT_STATE, X86_STATE_CR4),
    SYSTEM("cr8", AT_CR8, 0),
    SYSTEM("efer", AT_STATE, X86_STATE_EFER),
    SYSTEM("pat", AT_STATE, X86_STATE_PAT),
    SYSTEM("xcr0", AT_XCR0, 0),
    SYSTEM("dr0", AT_DR, 0),
    SYSTEM("dr1", AT_DR, 1),
    SYSTEM("dr2", AT_DR, 2),
    SYSTEM("dr3", AT_DR, 3),
    SYSTEM("dr6", AT_STATE, X86_STATE_DR6),
    SYSTEM("dr7", AT_STATE, X86_STATE_DR7),
};
const uint32_t arch_reg_count = ARRAY_COUNT(arch_regs);
const uint32_t arch_reg_pc = 16, arch_reg_sp = 7, arch_reg_fp = 6, arch_reg_flags = 17;

uint64_t arch_vcpu_reg_get(struct vcpu *core, uint32_t reg)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    const struct arch_reg *info = &arch_regs[reg];
    struct x86_seg segs[X86_SREGS];

    switch ((enum place)info->kind) {
    case AT_GPR:
        return vcpu->sw.regs.gpr[info->index];
    case AT_RIP:
        return vcpu->sw.regs.rip;
    case AT_RFLAGS:
        return vcpu->sw.regs.rflags;
    case AT_SELECTOR:
        x86_ops->get_segs(vcpu, segs);
        return segs[info->index].selector;
    case AT_STATE:
        if (info->index == X86_STATE_DR6 || info->index == X86_STATE_DR7)
            return x86_debug_reg(vcpu, info->index == X86_STATE_DR6 ? 6 : 7);
        return x86_ops->get(vcpu, (enum x86_state)info->index);
    case AT_CR8:
        return x86_ops->get_cr8(vcpu);
    case AT_DR:
        return x86_debug_reg(vcpu, info->index);
    case AT_XCR0:
        return vcpu->ext.xcr0;
    }
    return 0;
}

/* Only what cannot make an entry fail or corrupt what Latch keeps beside it. */
int arch_vcpu_reg_set(struct vcpu *core, uint32_t reg, uint64_t value)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    const struct arch_reg *info = &arch_regs[reg];
    const uint64_t writable = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF |
                              RFLAGS_IF | RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF |
                              RFLAGS_AC;

    switch ((enum place)info->kind) {
    case AT_GPR:
        vcpu->sw.regs.gpr[info->index] = value;
        return 0;
    case AT_RIP:
        vcpu->sw.regs.rip = value;
        inject_skipped(&vcpu->core.inject);
        return 0;
    case AT_RFLAGS:
        if ((value & ~(writable | RFLAGS_ONE)) != 0)
            return E_INVAL;
        vcpu->sw.regs.rflags = (vcpu->sw.regs.rflags & ~writable) | (value & writable);
        return 0;
    case AT_STATE:
        if (info->index != X86_STATE_CR2 && info->index != X86_STATE_FS_BASE &&
            info->index != X86_STATE_GS_BASE && info->index != X86_STATE_KERNEL_GS_BASE)
            return E_INVAL;
        x86_ops->set(vcpu, (enum x86_state)info->index, value);
        return 0;
    case AT_SELECTOR:
    case AT_CR8:
    case AT_DR:
    case AT_XCR0:
        break;
    }
    return E_INVAL;
}

int arch_guest_translate(struct vcpu *core, gva_t at, gpa_t *out)
{
    struct guest_walk walk;

    /* Whatever the leaf forbids, the address is there. */
    if (x86_walk_view(x86_vcpu_of(core), at, &walk) != WALK_OK)
        return E_FAULT;
    *out = walk.gpa;
    return 0;
}

gva_t arch_vcpu_code(struct vcpu *core)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    struct x86_seg segs[X86_SREGS];

    x86_ops->get_segs(vcpu, segs);
    if ((x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0 && (segs[X86_CS].attr & X86_SEG_L) != 0)
        return gva(vcpu->sw.regs.rip);
    return gva((segs[X86_CS].base + vcpu->sw.regs.rip) & FIELD(31, 0));
}

/* All of it is in the control block. */
void arch_vcpu_keep_exit(struct vcpu *core)
{
    (void)core;
}

/* Number `line` of the control block's lines about the last exit: those that begin so. */
static bool exit_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    for (uint32_t i = 0; x86_ops->block_line(vcpu, i, text, size); i++)
        if (strncmp(text, "exit", 4) == 0 && line-- == 0)
            return true;
    return false;
}

static const char *status_name(enum walk_status status)
{
    switch (status) {
    case WALK_OK:
        return "ok";
    case WALK_PAGE_FAULT:
        return "not present, or reserved bits set";
    case WALK_NON_CANONICAL:
        return "not canonical";
    case WALK_BAD_TABLE:
        return "table outside RAM";
    case WALK_RETRY:
        break;
    }
    return "tables kept changing";
}

/* Rights of an entry as letters. */
static void format_entry(char *text, size_t size, uint64_t value)
{
    fmt_snprintf(text, size, "%c%c%c%c%c%c%c%c", (value & BIT(0)) != 0 ? 'P' : '-',
                 (value & BIT(1)) != 0 ? 'W' : '-', (value & BIT(2)) != 0 ? 'U' : '-',
                 (value & BIT(5)) != 0 ? 'A' : '-', (value & BIT(6)) != 0 ? 'D' : '-',
                 (value & BIT(7)) != 0 ? 'L' : '-', (value & BIT(8)) != 0 ? 'G' : '-',
                 (value & BIT(63)) != 0 ? 'N' : '-');
}

static bool walk_line(struct x86_vcpu *vcpu, uint64_t at, uint32_t line, char *text, size_t size)
{
    static const char *const names[] = {"PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
    struct guest_walk walk;
    enum walk_status status = x86_walk_view(vcpu, gva(at), &walk);
    uint32_t levels = x86_walk_levels(vcpu);
    char rights[16];

    if (line < walk.path_count) {
        format_entry(rights, sizeof(rights), walk.path[line].value);
        fmt_snprintf(text, size, "%-5s at gpa 0x%09lx: 0x%016lx %s", names[(levels - 1 - line) % 5],
                     walk.path[line].at.v, walk.path[line].value, rights);
        return true;
    }
    if (line > walk.path_count)
        return false;
    if (status == WALK_OK)
        fmt_snprintf(text, size, "gva 0x%lx -> gpa 0x%lx (%s, page of %lu KiB)", at, walk.gpa.v,
                     levels == 0 ? "paging off" : "mapped", walk.page_size / KIB);
    else
        fmt_snprintf(text, size, "gva 0x%lx: %s", at, status_name(status));
    return true;
}

static bool nested_line(struct x86_vcpu *vcpu, uint64_t at, uint32_t line, char *text, size_t size)
{
    uint64_t *path[NESTED_LEVELS];
    hpa_t host;
    uint32_t count = nested_map_walk(x86_vm_of(vcpu->core.vm), gpa(at), path, &host);

    if (line < count)
        fmt_snprintf(text, size, "%s level %u: 0x%016lx", x86_ops->nested_name, NESTED_LEVELS - line,
                     *path[line]);
    else if (line > count)
        return false;
    else if (host.v != 0)
        fmt_snprintf(text, size, "gpa 0x%lx -> hpa 0x%lx", at, host.v);
    else
        fmt_snprintf(text, size, "gpa 0x%lx: no RAM (a device, or nothing)", at);
    return true;
}

static void table_line(struct x86_vcpu *vcpu, enum x86_table which, char *text, size_t size)
{
    static const char names[X86_TABLES][5] = {"gdtr", "idtr", "ldtr", "tr"};
    struct x86_seg t = {0};

    x86_ops->get_table(vcpu, which, &t);
    fmt_snprintf(text, size, "%-4s %04x base 0x%016lx limit 0x%08x attr 0x%04x", names[which], t.selector,
                 t.base, t.limit, t.attr);
}

static bool system_line(struct x86_vcpu *vcpu, uint32_t line, char *text, size_t size)
{
    static const char names[X86_SREGS][3] = {"es", "cs", "ss", "ds", "fs", "gs"};
    struct x86_seg segs[X86_SREGS];

    if (line >= X86_SREGS + X86_TABLES)
        return false;
    if (line >= X86_SREGS) {
        table_line(vcpu, (enum x86_table)(line - X86_SREGS), text, size);
        return true;
    }
    x86_ops->get_segs(vcpu, segs);
    fmt_snprintf(text, size, "%-4s %04x base 0x%016lx limit 0x%08x attr 0x%04x%s%s", names[line],
                 segs[line].selector, segs[line].base, segs[line].limit, segs[line].attr,
                 (segs[line].attr & X86_SEG_P) == 0 ? " not present" : "",
                 line == X86_CS && (segs[line].attr & X86_SEG_L) != 0 ? " 64-bit" : "");
    return true;
}

bool arch_inspect_line(struct vcpu *core, enum inspect_view view, uint64_t argument, uint32_t line,
                       char *text, size_t size)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);

    switch (view) {
    case INSPECT_SYSTEM:
        return system_line(vcpu, line, text, size);
    case INSPECT_BLOCK:
        return x86_ops->block_line(vcpu, line, text, size);
    case INSPECT_WALK:
        return walk_line(vcpu, argument, line, text, size);
    case INSPECT_NESTED:
        return nested_line(vcpu, argument, line, text, size);
    case INSPECT_EVENTS:
        return x86_events_line(core, line, text, size);
    case INSPECT_LOG:
        return x86_log_line(core, line, text, size);
    case INSPECT_LAST:
        return x86_last_line(core, line, text, size);
    case INSPECT_EXIT:
        return exit_line(vcpu, line, text, size);
    case INSPECT_REFUSED:
        return x86_refused_line(core, line, text, size);
    }
    return false;
}

const char arch_inspect_block_names[2][8] = {"vmcb", "vmcs"};

const char *arch_inspect_block_name(void)
{
    return x86_ops->block_name;
}
