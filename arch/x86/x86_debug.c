/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. "Debug and Performance Resources", AMD64 APM volume 2. */
#include "arch/x86/x86_debug.h"

#include "arch/x86/exit.h"
#include "arch/x86/guest_emulate.h"
#include "arch/x86/insn.h"
#include "core/arch.h"
#include "core/guest_debug.h"
#include "core/vm.h"
#include "lib/string.h"

#define DR6_FIXED         UINT64_C(0xffff0ff0)
#define DR6_WRITES        (INJECT_DR6_TRAPS | INJECT_DR6_BD | INJECT_DR6_BS | INJECT_DR6_BT)
#define DR7_FIXED         BIT(10)
#define DR7_GD            BIT(13)
#define DR7_WRITES        (FIELD(9, 0) | DR7_GD | FIELD(31, 16))
#define DR7_EXACT         BIT(9)
#define DR7_GLOBAL(i)     BIT(2 * (i) + 1)
#define DR7_KIND(i, kind) ((uint64_t)(kind) << (16 + 4 * (i)))
#define DR7_SIZE(i, bits) ((uint64_t)(bits) << (18 + 4 * (i)))
#define DR_DR6            6
#define DR_DR7            7

const uint8_t arch_guest_break[] = {0xcc}; /* INT3 */
const uint32_t arch_guest_break_size = sizeof(arch_guest_break);

uint32_t arch_guest_debug_most(enum guest_debug_kind kind)
{
    if (kind == GUEST_DEBUG_STEP)
        return x86_ops->can_step();
    if (kind == GUEST_DEBUG_SOFT)
        return GUEST_DEBUG_SOFT_MAX;
    return kind != GUEST_DEBUG_READ ? GUEST_DEBUG_HARD_MAX : 0; /* they watch writes, or both */
}

/* Processors notice code that changes, and an entry orders everything. */
void arch_guest_code_changed(struct vm *vm, gpa_t at, size_t size)
{
    (void)vm;
    (void)at;
    (void)size;
}

static struct guest_debug *debug_of(const struct x86_vcpu *vcpu)
{
    return vcpu->core.vm->debug;
}

/* R/W field of DR7 for a kind of point, and its LEN field for a size. */
static uint64_t dr7_of(const struct guest_debug *debug)
{
    static const uint8_t kinds[GUEST_DEBUG_KINDS] = {[GUEST_DEBUG_WRITE] = 1, [GUEST_DEBUG_ACCESS] = 3};
    static const uint8_t sizes[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    uint64_t dr7 = DR7_FIXED | DR7_EXACT;

    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++) {
        const struct guest_debug_point *point = &debug->hard[i];

        if (!point->used)
            continue;
        dr7 |= DR7_GLOBAL(i) | DR7_KIND(i, kinds[point->kind]);
        if (point->kind != GUEST_DEBUG_EXEC)
            dr7 |= DR7_SIZE(i, sizes[point->size]);
    }
    return dr7;
}

static void set_hardware(struct x86_vcpu *vcpu)
{
    const struct guest_debug *debug = debug_of(vcpu);

    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++)
        vcpu->ext.dr[i] = debug->hard[i].used ? debug->hard[i].at.v : 0;
    vcpu->ext.has_breakpoints = true;
    x86_ops->set(vcpu, X86_STATE_DR7, dr7_of(debug));
}

static void take_registers(struct x86_vcpu *vcpu)
{
    struct x86_debug *own = &vcpu->debug;
    uint64_t dr6 = x86_ops->get(vcpu, X86_STATE_DR6);

    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++)
        own->dr[i] = vcpu->ext.dr[i];
    own->dr7 = x86_ops->get(vcpu, X86_STATE_DR7);
    own->dr6_traps = dr6 & INJECT_DR6_TRAPS;
    x86_ops->set(vcpu, X86_STATE_DR6, dr6 & ~INJECT_DR6_TRAPS);
}

static void give_registers_back(struct x86_vcpu *vcpu)
{
    const struct x86_debug *own = &vcpu->debug;

    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++)
        vcpu->ext.dr[i] = own->dr[i];
    x86_ops->set(vcpu, X86_STATE_DR7, own->dr7);
    x86_ops->set(vcpu, X86_STATE_DR6, x86_ops->get(vcpu, X86_STATE_DR6) | own->dr6_traps);
}

void arch_guest_debug_apply(struct vcpu *core)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    const struct guest_debug *debug = debug_of(vcpu);
    uint32_t wanted = 0;

    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_HARD_MAX; i++)
        wanted |= debug->hard[i].used ? X86_DEBUG_HARD : 0;
    for (uint32_t i = 0; debug != NULL && i < GUEST_DEBUG_SOFT_MAX; i++)
        wanted |= debug->soft[i].used ? X86_DEBUG_SOFT : 0;
    if (guest_debug_is_stepping(core)) {
        wanted |= X86_DEBUG_STEP;
        vcpu->debug.step_rip = vcpu->sw.regs.rip;
        (void)inject_post_irq(&core->inject.posted); /* the scheduler is to be asked */
    }
    if ((wanted & ~vcpu->debug.flags & X86_DEBUG_HARD) != 0)
        take_registers(vcpu);
    if ((wanted & X86_DEBUG_HARD) != 0)
        set_hardware(vcpu);
    else if ((vcpu->debug.flags & X86_DEBUG_HARD) != 0)
        give_registers_back(vcpu);
    vcpu->debug.flags = wanted;
    x86_ops->set_debug(vcpu);
}

void x86_debug_after_reset(struct x86_vcpu *vcpu, bool loaded)
{
    struct x86_debug *own = &vcpu->debug;

    vcpu->ext.has_breakpoints = false;
    memset(vcpu->ext.dr, 0, sizeof(vcpu->ext.dr));
    if ((own->flags & X86_DEBUG_HARD) != 0) {
        *own = (struct x86_debug){.flags = own->flags, .dr7 = DR7_FIXED};
        set_hardware(vcpu);
    }
    if (loaded)
        x86_debug_load(vcpu);
    x86_ops->set_debug(vcpu);
}

static void write_addresses(const uint64_t dr[4])
{
    insn_write_dr0(dr[0]);
    insn_write_dr1(dr[1]);
    insn_write_dr2(dr[2]);
    insn_write_dr3(dr[3]);
}

void x86_debug_load(const struct x86_vcpu *vcpu)
{
    write_addresses(vcpu->ext.dr);
}

void x86_debug_save(struct x86_vcpu *vcpu)
{
    static const uint64_t none[4];
    uint64_t *dr = vcpu->ext.dr;

    dr[0] = insn_read_dr0();
    dr[1] = insn_read_dr1();
    dr[2] = insn_read_dr2();
    dr[3] = insn_read_dr3();
    /* The next one here may have none: its DR6 could tell of these, though they are not in force. */
    write_addresses(none);
    /* A debugger's DR7 is another. */
    if ((dr[0] | dr[1] | dr[2] | dr[3]) != 0 || x86_ops->get(vcpu, X86_STATE_DR7) != DR7_FIXED)
        return;
    vcpu->ext.has_breakpoints = false;
    x86_ops->set_debug(vcpu);
}

/* --- Hits -------------------------------------------------------------------------------------------------
 */

static void note(struct x86_vcpu *vcpu, enum guest_debug_kind kind, uint64_t at)
{
    vcpu->debug.hit = (uint8_t)(kind + 1);
    vcpu->debug.hit_at = at;
    atomic_fetch_or_explicit(&vcpu->core.requests, VCPU_REQ_DEBUG, memory_order_seq_cst);
}

static uint64_t linear_rip(struct x86_vcpu *vcpu)
{
    return x86_ops->code_context(vcpu).linear;
}

/*
 * A #DB without any cause: one emulator exits before it has written DR6. The instruction tells a breakpoint;
 * otherwise it was a watchpoint, and the first one has to do.
 */
static uint32_t guess_point(struct x86_vcpu *vcpu)
{
    const struct guest_debug *debug = debug_of(vcpu);
    uint32_t found = 0;

    for (uint32_t i = GUEST_DEBUG_HARD_MAX; i-- > 0;) {
        const struct guest_debug_point *point = &debug->hard[i];

        if (point->used && point->kind != GUEST_DEBUG_EXEC)
            found = (uint32_t)BIT(i);
    }
    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++)
        if (debug->hard[i].used && debug->hard[i].kind == GUEST_DEBUG_EXEC &&
            debug->hard[i].at.v == linear_rip(vcpu))
            return (uint32_t)BIT(i);
    return found;
}

uint32_t x86_debug_filter_db(struct x86_vcpu *vcpu, uint32_t dr6, bool stepping)
{
    const struct guest_debug *debug = debug_of(vcpu);
    uint32_t hits;

    if ((vcpu->debug.flags & X86_DEBUG_HARD) == 0)
        return dr6;
    if (dr6 == 0 && !stepping && (vcpu->sw.regs.rflags & RFLAGS_TF) == 0)
        dr6 = guess_point(vcpu);
    hits = dr6 & (uint32_t)INJECT_DR6_TRAPS;
    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++) {
        const struct guest_debug_point *point = &debug->hard[i];

        /* B bits may be set for points that are not enabled, too. */
        if ((hits & BIT(i)) == 0 || !point->used)
            continue;
        /* RF takes the guest past it when it goes on. */
        if (point->kind == GUEST_DEBUG_EXEC)
            vcpu->sw.regs.rflags |= RFLAGS_RF;
        note(vcpu, (enum guest_debug_kind)point->kind, point->at.v);
        break;
    }
    if (hits != 0)
        x86_ops->set(vcpu, X86_STATE_DR6, x86_ops->get(vcpu, X86_STATE_DR6) & ~INJECT_DR6_TRAPS);
    return dr6 & ~hits;
}

bool x86_debug_filter_bp(struct x86_vcpu *vcpu)
{
    struct guest_walk walk;

    if ((vcpu->debug.flags & X86_DEBUG_SOFT) == 0 || !x86_walk_code(vcpu, gva(linear_rip(vcpu)), &walk) ||
        !guest_debug_is_patched(vcpu->core.vm, walk.gpa))
        return false;
    note(vcpu, GUEST_DEBUG_SOFT, linear_rip(vcpu));
    return true;
}

void x86_debug_exit(struct x86_vcpu *vcpu, bool trapped)
{
    vcpu->debug.trapped |= trapped;
    atomic_fetch_or_explicit(&vcpu->core.requests, VCPU_REQ_DEBUG, memory_order_seq_cst);
}

void x86_debug_act(struct x86_vcpu *vcpu)
{
    struct x86_debug *own = &vcpu->debug;
    struct guest_debug_stop stop = {.vcpu = &vcpu->core, .at = gva(own->hit_at)};

    if (own->hit == 0 && (own->flags & X86_DEBUG_STEP) == 0)
        return;
    if (own->hit == 0 && !own->trapped && vcpu->sw.regs.rip == own->step_rip) {
        (void)inject_post_irq(&vcpu->core.inject.posted); /* the step goes on */
        return;
    }
    stop.kind = own->hit != 0 ? (uint8_t)(own->hit - 1) : (uint8_t)GUEST_DEBUG_STEP;
    own->hit = 0;
    own->trapped = false;
    own->flags &= ~X86_DEBUG_STEP;
    guest_debug_stopped(&stop);
}

/* --- The guest's own accesses
 * ------------------------------------------------------------------------------- */

uint64_t x86_debug_reg(struct x86_vcpu *vcpu, uint32_t number)
{
    const struct x86_debug *own = &vcpu->debug;
    bool taken = (own->flags & X86_DEBUG_HARD) != 0;

    if (number == DR_DR6)
        return x86_ops->get(vcpu, X86_STATE_DR6) | (taken ? own->dr6_traps : 0);
    if (number == DR_DR7)
        return taken ? own->dr7 : x86_ops->get(vcpu, X86_STATE_DR7);
    return taken ? own->dr[number & 3] : vcpu->ext.dr[number & 3];
}

static void write_reg(struct x86_vcpu *vcpu, unsigned int number, uint64_t value)
{
    struct x86_debug *own = &vcpu->debug;

    if (number == DR_DR6) {
        own->dr6_traps = value & INJECT_DR6_TRAPS;
        x86_ops->set(vcpu, X86_STATE_DR6, DR6_FIXED | (value & DR6_WRITES & ~INJECT_DR6_TRAPS));
    } else if (number == DR_DR7) {
        own->dr7 = DR7_FIXED | (value & DR7_WRITES);
    } else {
        own->dr[number & 3] = value;
    }
}

void x86_debug_reg_exit(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    struct inject_event trap = inject_event_exception(X86_DB);
    struct insn insn;
    unsigned int number;
    uint64_t value;

    if (!vcpu->ext.has_breakpoints) {
        vcpu->ext.has_breakpoints = true;
        x86_debug_load(vcpu);
        x86_ops->set_debug(vcpu);
        return; /* it goes on where it is */
    }
    if (!x86_decode_current(vcpu, exit, &insn) || (insn.op != INSN_MOV_TO_DR && insn.op != INSN_MOV_FROM_DR))
        return; /* the guest has changed its code meanwhile: it runs again */
    number = insn.reg & 7;
    if (insn.reg > DR_DR7 || ((number & 6) == 4 && (x86_ops->get(vcpu, X86_STATE_CR4) & CR4_DE) != 0)) {
        x86_raise(vcpu, X86_UD);
        return;
    }
    if ((vcpu->debug.dr7 & DR7_GD) != 0) {
        trap.payload = INJECT_DR6_BD;
        vcpu->debug.dr7 &= ~DR7_GD;
        inject_raise(&vcpu->core.inject, &trap);
        return;
    }
    number = (number & 6) == 4 ? number + 2 : number; /* DR4 and DR5 are other names */
    value = vcpu->sw.regs.gpr[insn.rm];
    if (insn.op == INSN_MOV_FROM_DR) {
        x86_reg_write(&vcpu->sw.regs.gpr[insn.rm], insn.op_size, x86_debug_reg(vcpu, number));
    } else if (insn.op_size == sizeof(uint64_t) && number >= DR_DR6 && (value >> 32) != 0) {
        x86_raise_error(vcpu, X86_GP, 0);
        return;
    } else {
        write_reg(vcpu, number, insn.op_size == sizeof(uint64_t) ? value : (uint32_t)value);
    }
    x86_skip(vcpu, insn.length);
}
