/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor in guest mode, between two exits: event injection, deliveries that an exit cuts short, traps,
 * windows, instructions that complete, fault or exit half-way. SVM with and without NMI virtualization, VMX
 * with and without virtual NMIs; what differs is asked of the scenario. Every step tells the bare-metal model
 * what the guest saw.
 */
#include "tests/model/world.h"

void cpu_start(struct cpu *cpu)
{
    *cpu = (struct cpu){.interrupts = true, .gif = true};
}

static bool hw_mask(void)
{
    return inject_ways[scenario->way].hw_mask;
}

static bool is_intel(void)
{
    return scenario->way == INJECT_WAY_WINDOW || scenario->way == INJECT_WAY_SOFT;
}

static bool step_by_tf(const struct world *w)
{
    return (w->cpu.windows & INJECT_WIN_STEP) != 0 && (scenario->caps & INJECT_CAP_STEP_HIDDEN) == 0;
}

static bool armed(const struct world *w, uint64_t window)
{
    return (w->cpu.windows & window) != 0;
}

/* --- Deliveries ------------------------------------------------------------------------------------------
 */

static void complete_delivery(struct world *w, enum ev ev)
{
    struct cpu *cpu = &w->cpu;

    if (cpu->depth >= scenario->depth_max)
        prune_depth();
    if (cpu->rf)
        broken("RFLAGS.RF of a step in a handler's frame");
    if (ev == EV_DB)
        cpu->bs = true;
    bare_enter(&w->bare, ev, cpu->interrupts, cpu->tf);
    cpu->frames_if =
        (uint8_t)((cpu->frames_if & ~(1u << cpu->depth)) | (unsigned)cpu->interrupts << cpu->depth);
    cpu->frames_tf = (uint8_t)((cpu->frames_tf & ~(1u << cpu->depth)) | (unsigned)cpu->tf << cpu->depth);
    cpu->depth++;
    cpu->interrupts = false;
    cpu->tf = false;
    cpu->shadow = SHADOW_NONE;
    w->lost_shadow = SHADOW_NONE;
    cpu->rip = !cpu->rip;
    cpu->at_iret = false;
    w->stall = 0;
    if (ev == EV_NMI && hw_mask())
        cpu->nmi_mask = true;
    cpu->mtf_due = armed(w, INJECT_WIN_STEP) && !step_by_tf(w); /* "Monitor Trap Flag": after the delivery */
}

/* The delivery touches a page that is not there: an exit with the event as interrupted delivery. */
static void cut_delivery(struct world *w, enum ev ev, bool raise)
{
    if (ev == EV_NMI && scenario->way == INJECT_WAY_WINDOW)
        w->cpu.nmi_mask = true;
    if (ev == EV_NMI && scenario->way == INJECT_WAY_SLOT)
        w->cpu.nmi_mask = choose(2) != 0; /* the manual leaves it open */
    hv_exit(w, INJECT_EXIT_OTHER, 0, ev, EV_NONE);
    if (!raise)
        return;
    w->left.exceptions--;
    bare_interrupted_by(&w->bare, EV_PF);
    hv_raise(w, EV_PF);
}

static void deliver(struct world *w, enum ev ev)
{
    bool may_raise = w->left.exceptions != 0 && w->bare.due != EV_DF;

    switch (choose(may_raise ? 3 : 2)) {
    case 0:
        complete_delivery(w, ev);
        break;
    case 1:
        cut_delivery(w, ev, false);
        break;
    default:
        cut_delivery(w, ev, true);
        break;
    }
}

static void deliver_slot(struct world *w)
{
    enum ev ev = (enum ev)w->cpu.slot;

    w->cpu.slot = EV_NONE;
    deliver(w, ev);
    if (w->in_guest && armed(w, INJECT_WIN_NOW))
        w->cpu.now_due = true;
}

static void deliver_trap(struct world *w)
{
    w->cpu.trap_due = false;
    w->cpu.bs = true;
    if (step_by_tf(w))
        hv_exit(w, INJECT_EXIT_STEP, 0, EV_NONE, EV_DB);
    else
        deliver(w, EV_DB);
}

/* --- Instructions ----------------------------------------------------------------------------------------
 */

static void bare_agrees_before(const struct world *w)
{
    if (!armed(w, INJECT_WIN_STEP) && (w->cpu.tf != w->bare.tf || w->cpu.rf))
        broken("RFLAGS.TF or RF of a step visible to an instruction");
    if (w->cpu.bs != w->bare.bs)
        broken("DR6.BS of a step visible to an instruction");
}

static void complete_excused(struct world *w, enum insn insn, bool moves, bool excused)
{
    struct cpu *cpu = &w->cpu;
    bool trap = cpu->tf;

    bare_agrees_before(w);
    if (w->in_guest && hv_takes_interrupts(w) && w->st.nmi_masked)
        broken("the guest takes interrupts and NMIs are still taken for blocked");
    bare_execute(&w->bare, insn, excused);
    cpu->shadow = SHADOW_NONE;
    w->lost_shadow = SHADOW_NONE;
    if (insn == INSN_STI && !cpu->interrupts)
        cpu->shadow = SHADOW_STI;
    if (insn == INSN_MOVSS)
        cpu->shadow = SHADOW_MOVSS;
    if (insn == INSN_STI || insn == INSN_CLI)
        cpu->interrupts = insn == INSN_STI;
    if (insn == INSN_SET_TF || insn == INSN_CLEAR_TF)
        cpu->tf = insn == INSN_SET_TF;
    if (insn == INSN_TPR_UP || insn == INSN_TPR_DOWN)
        cpu->tpr_high = insn == INSN_TPR_UP;
    if (insn == INSN_CLGI || insn == INSN_STGI)
        cpu->gif = insn == INSN_STGI;
    if (insn == INSN_IRET) {
        cpu->depth--;
        cpu->interrupts = (cpu->frames_if >> cpu->depth & 1) != 0;
        cpu->tf = (cpu->frames_tf >> cpu->depth & 1) != 0;
        cpu->nmi_mask = false;
    }
    w->flags_loaded = insn == INSN_IRET || insn == INSN_SET_TF || insn == INSN_CLEAR_TF;
    cpu->rf = false;
    cpu->at_iret = false;
    cpu->rip = moves ? !cpu->rip : cpu->rip;
    cpu->trap_due = trap;
    cpu->mtf_due = armed(w, INJECT_WIN_STEP) && !step_by_tf(w);
    w->stall = 0;
}

static void complete_instruction(struct world *w, enum insn insn, bool moves)
{
    complete_excused(w, insn, moves, hv_excuses_nmi(w));
}

/* A fault of the instruction at RIP. Intercepted while a step is armed, else the guest's own business. */
static void fault(struct world *w, enum insn insn)
{
    w->left.exceptions--;
    bare_agrees_before(w);
    bare_fault(&w->bare, insn, EV_GP, hv_excuses_nmi(w));
    if (insn == INSN_IRET && is_intel())
        w->cpu.nmi_mask = false;
    if (step_by_tf(w)) {
        hv_exit(w, INJECT_EXIT_FAULT, 0, EV_NONE, EV_GP);
        return;
    }
    w->cpu.rf = false;
    deliver(w, EV_GP);
}

/* INT n: PUSHF and INT n are intercepted while a step covers an arbitrary instruction. */
static void software_interrupt(struct world *w)
{
    bool exits = step_by_tf(w);

    w->left.exceptions--;
    bare_agrees_before(w);
    bare_fault(&w->bare, INSN_INT, EV_SOFT, hv_excuses_nmi(w));
    if (exits)
        hv_exit(w, INJECT_EXIT_FAULT, 0, EV_NONE, EV_SOFT);
    else
        deliver(w, EV_SOFT);
}

/* The IRET exits half-way: a page of its frame is not there. Intel has opened NMIs by then and says so. */
static void exit_in_iret(struct world *w, bool raise)
{
    uint64_t flags = 0;

    w->cpu.at_iret = true;
    if (scenario->way == INJECT_WAY_WINDOW && w->cpu.nmi_mask) {
        w->cpu.nmi_mask = false;
        flags = INJECT_EXIT_NMI_UNBLOCKED;
    }
    if (raise) {
        w->left.exceptions--;
        bare_fault(&w->bare, INSN_IRET, EV_PF, hv_excuses_nmi(w));
    }
    hv_exit(w, INJECT_EXIT_OTHER, flags, EV_NONE, EV_NONE);
    if (raise)
        hv_raise(w, EV_PF);
}

static void execute_iret(struct world *w)
{
    bool tf_step = step_by_tf(w);
    bool may_fault = w->left.exceptions != 0;
    unsigned what;

    if (armed(w, INJECT_WIN_IRET)) {
        w->cpu.at_iret = true;
        hv_exit(w, INJECT_EXIT_IRET, 0, EV_NONE, EV_NONE);
        return;
    }
    what = choose(may_fault ? 6 : 4);
    switch (what) {
    case 0:
        complete_instruction(w, INSN_IRET, true);
        break;
    case 1:
        exit_in_iret(w, false);
        break;
    case 2: /* returns to itself */
        if (!tf_step)
            prune();
        complete_instruction(w, INSN_IRET, false);
        break;
    case 3: /* the trap is lost to an exit of higher priority (SMI, INIT, machine check) */
        if (!tf_step || w->bare.tf || !scenario->with_lost_trap)
            prune();
        complete_instruction(w, INSN_IRET, true);
        w->cpu.trap_due = false;
        hv_exit(w, INJECT_EXIT_OTHER, 0, EV_NONE, EV_NONE);
        break;
    case 4:
        fault(w, INSN_IRET);
        break;
    default:
        exit_in_iret(w, true);
        break;
    }
}

/* An instruction that exits before it executes and that the hypervisor emulates. */
static void emulated(struct world *w, enum insn insn)
{
    bool excused = hv_excuses_nmi(w); /* it began before the exit */

    hv_exit(w, INJECT_EXIT_OTHER, 0, EV_NONE, EV_NONE);
    complete_excused(w, insn, true, excused);
    w->cpu.trap_due = false;
    w->cpu.mtf_due = false;
    hv_emulated(w, insn);
}

/* ... and that the hypervisor answers with an exception. */
static void refused(struct world *w)
{
    w->left.exceptions--;
    bare_agrees_before(w);
    bare_fault(&w->bare, INSN_PLAIN, EV_GP, hv_excuses_nmi(w));
    hv_exit(w, INJECT_EXIT_OTHER, 0, EV_NONE, EV_NONE);
    hv_raise(w, EV_GP);
}

static void set_gif_or_tpr(struct world *w, enum insn insn)
{
    bool exits = (insn == INSN_STGI && armed(w, INJECT_WIN_GIF)) ||
                 (insn == INSN_TPR_DOWN && armed(w, INJECT_WIN_TPR));

    if (exits && w->bare.tf)
        prune();
    if (exits)
        emulated(w, insn);
    else
        complete_instruction(w, insn, true);
}

static void pushf(struct world *w)
{
    if (step_by_tf(w)) {
        emulated(w, INSN_PUSHF);
        return;
    }
    complete_instruction(w, INSN_PUSHF, true);
}

static void execute(struct world *w)
{
    bool tf = w->bare.tf;

    if (w->cpu.at_iret) {
        execute_iret(w);
        return;
    }
    switch (choose(INSN_CHOICES)) {
    case INSN_IRET:
        if (w->cpu.depth == 0)
            prune();
        execute_iret(w);
        break;
    case INSN_MOVSS:
        if (tf || step_by_tf(w))
            prune();
        complete_instruction(w, INSN_MOVSS, true);
        break;
    case INSN_STI:
        complete_instruction(w, INSN_STI, true);
        break;
    case INSN_CLI:
        complete_instruction(w, INSN_CLI, true);
        break;
    case INSN_PLAIN:
        complete_instruction(w, INSN_PLAIN, true);
        break;
    case INSN_PUSHF:
        pushf(w);
        break;
    case INSN_INT:
        if (w->left.exceptions == 0 || tf)
            prune();
        software_interrupt(w);
        break;
    case INSN_SET_TF:
        if (w->left.tfs == 0)
            prune();
        w->left.tfs--;
        complete_instruction(w, INSN_SET_TF, true);
        break;
    case INSN_CLEAR_TF:
        if (!tf)
            prune();
        complete_instruction(w, INSN_CLEAR_TF, true);
        break;
    case INSN_TPR_UP:
    case INSN_TPR_DOWN:
        if (!scenario->with_tpr)
            prune();
        set_gif_or_tpr(w, w->cpu.tpr_high ? INSN_TPR_DOWN : INSN_TPR_UP);
        break;
    case INSN_CLGI:
    case INSN_STGI:
        if (!scenario->with_gif)
            prune();
        set_gif_or_tpr(w, w->cpu.gif ? INSN_CLGI : INSN_STGI);
        break;
    case INSN_HLT:
        if (!scenario->with_halt || tf)
            prune();
        emulated(w, INSN_HLT);
        w->halted = true;
        break;
    case INSN_COUNT:
        if (tf)
            prune();
        emulated(w, INSN_PLAIN);
        break;
    case INSN_COUNT + 1:
        if (w->left.exceptions == 0)
            prune();
        refused(w);
        break;
    default:
        if (w->left.exceptions == 0)
            prune();
        fault(w, INSN_PLAIN);
        break;
    }
}

/* --- One instruction boundary, highest priority first
 * ------------------------------------------------------- */

void cpu_step(struct world *w)
{
    struct cpu *cpu = &w->cpu;
    bool nmi_open = !cpu->nmi_mask && cpu->gif && cpu->shadow == SHADOW_NONE;

    if (cpu->slot != EV_NONE) {
        deliver_slot(w);
    } else if (cpu->trap_due) {
        deliver_trap(w);
    } else if (cpu->mtf_due) {
        cpu->mtf_due = false;
        hv_exit(w, INJECT_EXIT_STEP, 0, EV_NONE, EV_NONE);
    } else if (cpu->now_due) {
        cpu->now_due = false;
        w->stall++;
        hv_exit(w, INJECT_EXIT_OTHER, 0, EV_NONE, EV_NONE);
    } else if (choose(2) == 1) {
        hv_exit(w, INJECT_EXIT_OTHER, 0, EV_NONE, EV_NONE); /* a host interrupt, a kick */
    } else if (cpu->vnmi && nmi_open) {
        cpu->vnmi = false;
        deliver(w, EV_NMI);
    } else if (armed(w, INJECT_WIN_NMI) && nmi_open) {
        hv_exit(w, INJECT_EXIT_NMI_WINDOW, 0, EV_NONE, EV_NONE);
    } else if (armed(w, INJECT_WIN_IRQ) && cpu->interrupts && cpu->gif && cpu->shadow == SHADOW_NONE) {
        hv_exit(w, INJECT_EXIT_IRQ_WINDOW, 0, EV_NONE, EV_NONE);
    } else {
        execute(w);
    }
}
