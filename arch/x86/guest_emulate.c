/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator's view of a vCPU. Guest memory through core/guest_mem.h, devices through the VM's buses under
 * the device lock, the local APIC directly.
 */
#include "arch/x86/guest_emulate.h"

#include "arch/x86/emulate.h"
#include "arch/x86/exit.h"
#include "arch/x86/vcpu_ops.h"
#include "core/guest_mem.h"
#include "core/vm.h"
#include "lib/error.h"
#include "lib/printf.h"

static struct vm *vm_of(void *ctx)
{
    return ((struct x86_vcpu *)ctx)->core.vm;
}

static int ram_read(void *ctx, gpa_t at, void *dst, uint32_t size)
{
    return guest_read(vm_of(ctx), at, dst, size);
}

static int ram_write(void *ctx, gpa_t at, const void *src, uint32_t size)
{
    return guest_write(vm_of(ctx), at, src, size);
}

static int ram_cmpxchg(void *ctx, gpa_t at, uint32_t size, uint64_t *expected, uint64_t desired)
{
    uint32_t old;
    int result;

    if (size == 8)
        return guest_cmpxchg64(vm_of(ctx), at, expected, desired);
    old = (uint32_t)*expected;
    result = guest_cmpxchg32(vm_of(ctx), at, &old, (uint32_t)desired);
    *expected = old;
    return result;
}

/* Out of line, like its twin: the local APIC's way needs less. */
static __attribute__((noinline)) uint64_t device_read(struct x86_vcpu *vcpu, gpa_t at, uint32_t size)
{
    struct vm *vm = vcpu->core.vm;
    uint64_t value;

    spin_lock(&vm->dev_lock);
    value = bus_read(&vm->buses[BUS_MMIO], &vcpu->core, at.v, size);
    spin_unlock(&vm->dev_lock);
    return value;
}

static __attribute__((noinline)) void device_write(struct x86_vcpu *vcpu, gpa_t at, uint32_t size,
                                                   uint64_t value)
{
    struct vm *vm = vcpu->core.vm;

    spin_lock(&vm->dev_lock);
    bus_write(&vm->buses[BUS_MMIO], &vcpu->core, at.v, size, value);
    spin_unlock(&vm->dev_lock);
}

static uint64_t mmio_read(void *ctx, gpa_t at, uint32_t size)
{
    struct x86_vcpu *vcpu = ctx;

    if (!vlapic_covers(&vcpu->lapic, at))
        return device_read(vcpu, at, size);
    x86_sync_tpr(vcpu);
    return vlapic_mmio_read(&vcpu->lapic, (uint32_t)(at.v & (PAGE_SIZE - 1)), size);
}

/* The TPR: the hardware's CR8 follows. */
static __attribute__((noinline, cold)) void write_tpr(struct x86_vcpu *vcpu, gpa_t at, uint32_t size,
                                                      uint64_t value)
{
    vlapic_mmio_write(&vcpu->lapic, (uint32_t)(at.v & (PAGE_SIZE - 1)), size, value);
    x86_ops->set_cr8(vcpu, (uint8_t)(vlapic_get_tpr(&vcpu->lapic) >> 4));
}

static void mmio_write(void *ctx, gpa_t at, uint32_t size, uint64_t value)
{
    struct x86_vcpu *vcpu = ctx;
    uint32_t offset = (uint32_t)(at.v & (PAGE_SIZE - 1));

    if (!vlapic_covers(&vcpu->lapic, at)) {
        device_write(vcpu, at, size, value);
        return;
    }
    x86_sync_tpr(vcpu);
    if (offset == APIC_ICR_LOW && LIKELY(size == sizeof(uint32_t)))
        vlapic_write_icr_low(&vcpu->lapic, (uint32_t)value);
    else if (UNLIKELY(offset == APIC_TPR))
        write_tpr(vcpu, at, size, value);
    else
        vlapic_mmio_write(&vcpu->lapic, offset, size, value);
}

static uint32_t port_read(void *ctx, uint16_t port, uint32_t size)
{
    struct x86_vcpu *vcpu = ctx;
    struct vm *vm = vcpu->core.vm;
    uint64_t value;

    spin_lock(&vm->dev_lock);
    value = bus_read(&vm->buses[BUS_PIO], &vcpu->core, port, size);
    spin_unlock(&vm->dev_lock);
    return (uint32_t)value;
}

static void port_write(void *ctx, uint16_t port, uint32_t size, uint32_t value)
{
    struct x86_vcpu *vcpu = ctx;
    struct vm *vm = vcpu->core.vm;

    spin_lock(&vm->dev_lock);
    bus_write(&vm->buses[BUS_PIO], &vcpu->core, port, size, value);
    spin_unlock(&vm->dev_lock);
}

static const struct guest_access_ops access_ops = {
    .ram_read = ram_read,
    .ram_write = ram_write,
    .ram_cmpxchg = ram_cmpxchg,
    .mmio_read = mmio_read,
    .mmio_write = mmio_write,
    .port_read = port_read,
    .port_write = port_write,
};

/* `mode` and `segs` must live as long as `emu`. */
static void emulator_fill(struct emulator *emu, struct x86_vcpu *vcpu, struct x86_cpu_mode *mode,
                          struct x86_seg segs[X86_SREGS])
{
    x86_ops->get_segs(vcpu, segs);
    mode->cr0 = x86_ops->get(vcpu, X86_STATE_CR0);
    mode->cr3 = x86_ops->get(vcpu, X86_STATE_CR3);
    mode->cr4 = x86_ops->get(vcpu, X86_STATE_CR4);
    mode->efer = x86_ops->get(vcpu, X86_STATE_EFER);
    mode->cpl = x86_ops->get_cpl(vcpu);
    mode->segs = segs;
    emu->regs = &vcpu->sw.regs;
    emu->mode = mode;
    emu->ops = &access_ops;
    emu->ctx = vcpu;
    emu->pdptes = NULL;
    emu->phys_bits = vcpu->cpuid.phys_bits;
    emu->has_1g_pages = vcpu->cpuid.has_1g_pages;
    emu->fault_valid = false;
    emu->bytes_count = 0;
}

static void raise_emulated(struct x86_vcpu *vcpu, const struct emulate_exception *exception)
{
    if (exception->vector == X86_PF)
        x86_raise_page_fault(vcpu, exception->error_code, exception->cr2);
    else if (exception->has_error_code)
        x86_raise_error(vcpu, exception->vector, exception->error_code);
    else
        x86_raise(vcpu, exception->vector);
}

/* Opcode as written: 0x89, 0x0fa2, 0x0f38f0. */
static uint32_t opcode_of(const struct insn *insn)
{
    static const uint32_t escapes[] = {0, 0x0f00, 0x0f3800, 0x0f3a00};

    return insn->opcode | (insn->map < ARRAY_COUNT(escapes) ? escapes[insn->map] : 0);
}

static void end_unknown_insn(struct x86_vcpu *vcpu, const struct emulator *emu, const struct vm_exit *exit)
{
    char detail[96];

    fmt_snprintf(detail, sizeof(detail),
                 "instruction not emulated (opcode 0x%02x), exit 0x%lx, address 0x%lx", opcode_of(&emu->insn),
                 exit->raw, exit->kind == VM_EXIT_MMIO ? exit->u.mmio.at.v : 0);
    vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, detail);
}

/* The same for other sizes than four bytes. */
static __attribute__((noinline, cold)) bool emulate_odd_mov(struct x86_vcpu *vcpu, const struct insn *insn,
                                                            gpa_t at)
{
    uint64_t *reg = &vcpu->sw.regs.gpr[insn->reg & 15];

    if (insn->op_size == 1 || (at.v & (insn->op_size - 1u)) != 0)
        return false;
    if (insn->form == INSN_FORM_REG_RM)
        x86_reg_write(reg, insn->op_size, mmio_read(vcpu, at, insn->op_size));
    else if (insn->form == INSN_FORM_RM_REG)
        mmio_write(vcpu, at, insn->op_size, *reg & bytes_mask(insn->op_size));
    else if (insn->form == INSN_FORM_RM_IMM)
        mmio_write(vcpu, at, insn->op_size, insn->imm & bytes_mask(insn->op_size));
    else
        return false;
    return true;
}

/*
 * The common case, plain MOV between a register or immediate and one aligned device register: the exit has
 * told the address and the CPU has made all checks. False: not that case, nothing done.
 */
static inline bool emulate_simple_mov(struct x86_vcpu *vcpu, const struct insn *insn, gpa_t at)
{
    uint64_t *reg = &vcpu->sw.regs.gpr[insn->reg & 15];

    if (UNLIKELY(insn->op != INSN_MOV || insn->rm_is_reg))
        return false;
    if (UNLIKELY(insn->op_size != sizeof(uint32_t) || (at.v & (sizeof(uint32_t) - 1)) != 0))
        return emulate_odd_mov(vcpu, insn, at);
    if (insn->form == INSN_FORM_RM_REG)
        mmio_write(vcpu, at, sizeof(uint32_t), (uint32_t)*reg);
    else if (insn->form == INSN_FORM_REG_RM)
        *reg = (uint32_t)mmio_read(vcpu, at, sizeof(uint32_t));
    else if (insn->form == INSN_FORM_RM_IMM)
        mmio_write(vcpu, at, sizeof(uint32_t), (uint32_t)insn->imm);
    else
        return false;
    return true;
}

/* Out of line: much stack, which the common case need not set up. */
static __attribute__((noinline)) void emulate_any(struct x86_vcpu *vcpu, const struct vm_exit *exit)
{
    struct x86_seg segs[X86_SREGS];
    struct x86_cpu_mode mode;
    struct emulator emu;

    emulator_fill(&emu, vcpu, &mode, segs);
    if (exit->kind == VM_EXIT_MMIO) {
        emu.fault_valid = true;
        emu.fault_gpa = exit->u.mmio.at;
        emu.fault_is_write = exit->u.mmio.is_write;
    }
    switch (emulate_instruction(&emu)) {
    case EMULATE_DONE:
    case EMULATE_REPEAT: /* an iteration ends like an instruction: shadow, single step */
        x86_end_instruction(vcpu);
        return;
    case EMULATE_RETRY:
        return;
    case EMULATE_EXCEPTION:
        raise_emulated(vcpu, &emu.exception);
        return;
    case EMULATE_UNHANDLED:
        break;
    }
    end_unknown_insn(vcpu, &emu, exit);
}

void x86_emulate_current(struct x86_vcpu *vcpu, const struct vm_exit *exit)
{
    emulate_any(vcpu, exit);
}

void x86_emulate_access(struct x86_vcpu *vcpu, const struct vm_exit *exit)
{
    const struct insn *insn = insn_cache_find(vcpu);

    if (UNLIKELY(insn == NULL || !emulate_simple_mov(vcpu, insn, exit->u.mmio.at)))
        emulate_any(vcpu, exit);
    else
        x86_skip(vcpu, insn->length);
}

bool x86_decode_current(struct x86_vcpu *vcpu, const struct vm_exit *exit, struct insn *insn)
{
    struct x86_seg segs[X86_SREGS];
    struct x86_cpu_mode mode;
    struct emulator emu;

    (void)exit;
    emulator_fill(&emu, vcpu, &mode, segs);
    switch (emulate_decode(&emu)) {
    case EMULATE_DONE:
        *insn = emu.insn;
        return true;
    case EMULATE_EXCEPTION:
        raise_emulated(vcpu, &emu.exception);
        return false;
    case EMULATE_REPEAT:
    case EMULATE_RETRY:
    case EMULATE_UNHANDLED:
        break;
    }
    return false;
}

bool x86_walk_code(struct x86_vcpu *vcpu, gva_t at, struct guest_walk *walk)
{
    struct x86_seg segs[X86_SREGS];
    struct x86_cpu_mode mode;
    struct emulator emu;

    emulator_fill(&emu, vcpu, &mode, segs);
    *walk = (struct guest_walk){.mode = &mode,
                                .ops = &access_ops,
                                .ctx = vcpu,
                                .phys_bits = vcpu->cpuid.phys_bits,
                                .has_1g_pages = vcpu->cpuid.has_1g_pages};
    return guest_walk(walk, at, WALK_FETCH | (mode.cpl == 3 ? WALK_USER : 0)) == WALK_OK;
}

enum walk_status x86_walk_view(struct x86_vcpu *vcpu, gva_t at, struct guest_walk *walk)
{
    struct x86_seg segs[X86_SREGS];
    struct x86_cpu_mode mode;
    struct emulator emu;

    emulator_fill(&emu, vcpu, &mode, segs);
    /* A supervisor's read with SMAP off passes whatever is present. */
    mode.cr4 &= ~CR4_SMAP;
    *walk = (struct guest_walk){.mode = &mode,
                                .ops = &access_ops,
                                .ctx = vcpu,
                                .phys_bits = vcpu->cpuid.phys_bits,
                                .has_1g_pages = vcpu->cpuid.has_1g_pages};
    return guest_walk(walk, at, WALK_READ | WALK_NO_AD);
}

uint32_t x86_walk_levels(struct x86_vcpu *vcpu)
{
    uint64_t cr4 = x86_ops->get(vcpu, X86_STATE_CR4);

    if ((x86_ops->get(vcpu, X86_STATE_CR0) & CR0_PG) == 0)
        return 0;
    if ((x86_ops->get(vcpu, X86_STATE_EFER) & EFER_LMA) != 0)
        return (cr4 & CR4_LA57) != 0 ? 5 : 4;
    return (cr4 & CR4_PAE) != 0 ? 3 : 2;
}

bool x86_find_length(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    struct insn insn;

    if (!x86_decode_current(vcpu, exit, &insn))
        return false;
    exit->length = insn.length;
    return true;
}
