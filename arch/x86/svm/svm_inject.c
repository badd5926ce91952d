/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMCB shows to the injection scheduler, and how its actions get into the VMCB. Decides nothing.
 * "Event Injection", "Interrupt and Exception Intercepts" and "Virtual Interrupts", AMD64 APM volume 2,
 * chapter "Secure Virtual Machine".
 */
#include "arch/x86/exit.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/regs.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/traps.h"
#include "arch/x86/x86_debug.h"
#include "core/inject.h"

/* What a single instruction can raise; intercepted only while one is stepped. */
#define EXCEPTIONS_STEP                                                                                \
    (BIT(X86_DE) | BIT(X86_BP) | BIT(X86_OF) | BIT(X86_BR) | BIT(X86_NM) | BIT(X86_DF) | BIT(X86_TS) | \
     BIT(X86_NP) | BIT(X86_SSF) | BIT(X86_GP) | BIT(X86_PF) | BIT(X86_MF) | BIT(X86_XM))
#define DR6_EVENTS (INJECT_DR6_TRAPS | INJECT_DR6_BD | INJECT_DR6_BS | INJECT_DR6_BT)

#define DR7_GD         BIT(13)
#define DR7_COUNT      4
#define DR7_ENABLE     UINT64_C(3) /* four fields L and G */
#define DR7_KIND_SHIFT 16          /* four fields R/W and LEN; R/W 0: instruction */
#define DR7_KIND_BITS  4
#define DR7_KIND       UINT64_C(3)

_Static_assert(INJECT_DR6_BS >> 2 == INJECT_VIEW_DR6_BS, "svm_inject_view()");

uint32_t svm_inject_view(struct x86_vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vcpu_of(vcpu)->vmcb;
    uint32_t flags = x86_rflags_view(vcpu->sw.regs.rflags);

    flags |= (uint32_t)(vmcb->dr6 >> 2 & INJECT_VIEW_DR6_BS);
    /* An instruction emulated since the exit has ended the shadow. */
    if ((vmcb->interrupt_shadow & VMCB_INTERRUPT_SHADOW) != 0 && vmcb->rip == vcpu->sw.regs.rip)
        flags |= (uint32_t)INJECT_VIEW_SHADOW_MOVSS; /* SVM does not tell STI from MOV SS */
    if ((vmcb->int_ctl & (VMCB_V_NMI | VMCB_V_NMI_MASK)) == 0)
        return flags;
    if ((vmcb->int_ctl & VMCB_V_NMI) != 0)
        flags |= (uint32_t)INJECT_VIEW_VNMI_PENDING;
    if ((vmcb->int_ctl & VMCB_V_NMI_MASK) != 0)
        flags |= (uint32_t)INJECT_VIEW_NMI_MASK;
    return flags;
}

static __attribute__((noinline, cold)) void apply_any_flags(struct svm_vcpu *svm, uint32_t flags)
{
    struct vmcb *vmcb = svm->vmcb;
    struct x86_regs *regs = &svm->x86.sw.regs;
    uint64_t int_ctl = vmcb->int_ctl;

    if ((flags & INJECT_DO_MASK_SET) != 0)
        int_ctl |= VMCB_V_NMI_MASK;
    if ((flags & INJECT_DO_MASK_CLEAR) != 0)
        int_ctl &= ~VMCB_V_NMI_MASK;
    if ((flags & INJECT_DO_SET_VNMI) != 0)
        int_ctl |= VMCB_V_NMI;
    if ((flags & INJECT_DO_CLEAR_VNMI) != 0)
        int_ctl &= ~VMCB_V_NMI;
    if (int_ctl != vmcb->int_ctl)
        vmcb_set_int_ctl(vmcb, int_ctl);
    if ((flags & INJECT_DO_CLEAR_STI) != 0)
        vmcb->interrupt_shadow &= ~VMCB_INTERRUPT_SHADOW;
    if ((flags & INJECT_DO_TF_CLEAR) != 0)
        regs->rflags &= ~RFLAGS_TF;
    if ((flags & INJECT_DO_TF_SET) != 0)
        regs->rflags |= RFLAGS_TF;
    if ((flags & INJECT_DO_RF_CLEAR) != 0)
        regs->rflags &= ~RFLAGS_RF;
    if ((flags & INJECT_DO_RF_SET) != 0)
        regs->rflags |= RFLAGS_RF;
    if ((flags & INJECT_DO_BS_CLEAR) != 0)
        vmcb_set_dr6(vmcb, vmcb->dr6 & ~INJECT_DR6_BS);
}

static inline void apply_flags(struct svm_vcpu *svm, uint32_t flags)
{
    if (UNLIKELY((flags & ~INJECT_DO_ACK_IRQ) != 0))
        apply_any_flags(svm, flags);
}

/* One emulator intercepts INT3 as INT n, whatever the exceptions' word says. */
static bool takes_int3(const struct svm_vcpu *svm)
{
    return (svm->x86.debug.flags & X86_DEBUG_SOFT) != 0 && cpu_features.is_tcg;
}

static void set_exceptions(struct svm_vcpu *svm)
{
    uint64_t exceptions = SVM_EXCEPTIONS_ALWAYS;

    if (svm->stepping)
        exceptions |= EXCEPTIONS_STEP;
    if ((svm->x86.debug.flags & X86_DEBUG_SOFT) != 0)
        exceptions |= BIT(X86_BP);
    vmcb_set_intercept_exception(svm->vmcb, (uint32_t)exceptions);
}

bool svm_can_step(void)
{
    return true;
}

void svm_set_debug(struct x86_vcpu *vcpu)
{
    struct svm_vcpu *svm = svm_vcpu_of(vcpu);
    uint32_t registers = vcpu->ext.has_breakpoints ? 0 : (uint32_t)VMCB_DR_BREAKPOINTS;

    if ((vcpu->debug.flags & X86_DEBUG_HARD) != 0)
        registers = (uint32_t)VMCB_DR_ALL;
    vmcb_set_intercept_dr(svm->vmcb, registers);
    set_exceptions(svm);
    svm->windows = UINT32_MAX; /* the scheduler's are written anew, with what intercept_1 needs beside them */
    (void)inject_post_irq(&vcpu->core.inject.posted);
}

static __attribute__((noinline, cold)) void change_windows(struct svm_vcpu *svm, uint32_t windows)
{
    struct vmcb *vmcb = svm->vmcb;
    bool step = (windows & INJECT_WIN_STEP) != 0;
    bool shadow_step = step && svm->x86.core.inject.state.step == INJECT_STEP_SHADOW;
    bool irq = (windows & INJECT_WIN_IRQ) != 0;
    uint64_t int_ctl = vmcb->int_ctl & ~(VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_INTR_PRIO | VMCB_V_INTR_VECTOR);
    uint64_t one = vmcb->intercept_1;
    uint64_t cr = vmcb->intercept_cr & ~VMCB_CR_WRITE(8);

    one &= ~(VMCB_INTERCEPT_VINTR | VMCB_INTERCEPT_IRET | VMCB_INTERCEPT_TASK | VMCB_INTERCEPT_PUSHF |
             VMCB_INTERCEPT_INTN);
    if (irq) {
        int_ctl |= VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_INTR_PRIO;
        one |= VMCB_INTERCEPT_VINTR;
    }
    /* With V_IRQ set, CR8 writes exit as well: one emulator aborts on them otherwise. */
    if (irq || (windows & INJECT_WIN_TPR) != 0)
        cr |= VMCB_CR_WRITE(8);
    if ((windows & INJECT_WIN_IRET) != 0)
        one |= VMCB_INTERCEPT_IRET;
    if (step)
        one |= VMCB_INTERCEPT_TASK;
    if (shadow_step)
        one |= VMCB_INTERCEPT_PUSHF | VMCB_INTERCEPT_INTN;
    if (takes_int3(svm))
        one |= VMCB_INTERCEPT_INTN;
    if (int_ctl != vmcb->int_ctl)
        vmcb_set_int_ctl(vmcb, int_ctl);
    if (one != vmcb->intercept_1)
        vmcb_set_intercept_1(vmcb, (uint32_t)one);
    if (cr != vmcb->intercept_cr)
        vmcb_set_intercept_cr(vmcb, (uint32_t)cr);
    if (shadow_step)
        svm_shadow_step_begin(svm);
    if (step != svm->stepping) {
        svm->stepping = step;
        set_exceptions(svm);
    }
    svm->windows = windows;
    /*
     * A host interrupt that is already waiting ends the guest as soon as the event is delivered. A real one:
     * cpu->attention would keep the guest from being entered at all.
     */
    if ((windows & INJECT_WIN_NOW) != 0)
        host_apic_send(this_cpu()->hardware_id, HOST_VECTOR_POKE);
}

/* Windows whose being armed means no more than the same bits again in the VMCB. */
#define WINDOWS_PLAIN (INJECT_WIN_IRET | INJECT_WIN_TPR)

/* For EVENTINJ; exceptions and software events bring more with them. */
static __attribute__((cold)) uint64_t event_value(struct svm_vcpu *svm, const struct inject_event *event)
{
    struct vmcb *vmcb = svm->vmcb;
    uint64_t type = event->type;
    uint64_t value = VMCB_EVENT_VALID | field_make(event->vector, VMCB_EVENT_VECTOR);

    if (type > VMCB_EVENT_SOFT)
        type = VMCB_EVENT_EXCEPTION; /* INT3, INTO, INT1: SVM knows no types of their own */
    value |= field_make(type, VMCB_EVENT_TYPE);
    if ((event->flags & INJECT_EVENT_HAS_ERROR) != 0)
        value |= VMCB_EVENT_ERROR_VALID | field_make(event->error, VMCB_EVENT_ERROR);
    if (event->type == INJECT_TYPE_EXCEPTION && event->payload != 0) {
        if (event->vector == X86_PF)
            svm_set_cr2(svm, event->payload);
        else if (event->vector == X86_DB)
            vmcb_set_dr6(vmcb, vmcb->dr6 | event->payload);
    }
    if (event->vector == X86_DB && event->type == INJECT_TYPE_EXCEPTION)
        vmcb_set_dr7(vmcb, vmcb->dr7 & ~DR7_GD);
    if (inject_event_is_soft(event))
        svm_soft_event_begin(svm, event);
    return value;
}

/* All that there may be to do. */
static __attribute__((noinline, cold)) void apply_fully(struct svm_vcpu *svm,
                                                        const struct inject_actions *actions)
{
    struct vmcb *vmcb = svm->vmcb;

    if (svm->soft_advance != 0)
        svm_soft_event_take_back(svm);
    apply_flags(svm, actions->flags);
    vmcb->eventinj = 0;
    if (inject_event_valid(&actions->event)) {
        vmcb->eventinj = event_value(svm, &actions->event);
        vmcb->interrupt_shadow = 0; /* a delivery ends it */
    }
    if (actions->windows != svm->windows || (actions->windows & ~WINDOWS_PLAIN) != 0)
        change_windows(svm, actions->windows);
    svm->dr6_before = vmcb->dr6;
}

/* An interrupt or NMI, with the same windows as before but for IRET's. */
void svm_inject_apply(struct x86_vcpu *vcpu, const struct inject_actions *actions)
{
    struct svm_vcpu *svm = svm_vcpu_of(vcpu);
    struct vmcb *vmcb = svm->vmcb;
    const struct inject_event *event = &actions->event;
    uint64_t odd =
        (actions->flags & ~INJECT_DO_ACK_IRQ) | ((actions->windows | svm->windows) & ~INJECT_WIN_IRET);

    if (UNLIKELY((odd | svm->soft_advance) != 0 || !inject_event_valid(event) ||
                 event->type > INJECT_TYPE_NMI)) {
        apply_fully(svm, actions);
        return;
    }
    vmcb->eventinj = VMCB_EVENT_VALID | field_make(event->type, VMCB_EVENT_TYPE) | event->vector;
    vmcb->interrupt_shadow = 0; /* a delivery ends it */
    if (actions->windows != svm->windows) {
        vmcb_set_intercept_1(vmcb, vmcb->intercept_1 ^ (uint32_t)VMCB_INTERCEPT_IRET);
        svm->windows = actions->windows;
    }
    svm->dr6_before = vmcb->dr6;
}

/* EXITINTINFO has the layout of EVENTINJ; old contents may stay with the valid bit clear. */
static struct inject_event event_of(uint64_t info, const struct vmcb *vmcb)
{
    struct inject_event event = {0};

    if ((info & VMCB_EVENT_VALID) == 0)
        return event;
    event.flags = INJECT_EVENT_VALID;
    event.vector = (uint8_t)field_get(info, VMCB_EVENT_VECTOR);
    event.type = (uint8_t)field_get(info, VMCB_EVENT_TYPE);
    if ((info & VMCB_EVENT_ERROR_VALID) != 0) {
        event.flags |= INJECT_EVENT_HAS_ERROR;
        event.error = (uint32_t)field_get(info, VMCB_EVENT_ERROR);
    }
    /* INT3 and INTO come as exceptions, though RIP is still on them. */
    if (event.type == INJECT_TYPE_EXCEPTION && (event.vector == X86_BP || event.vector == X86_OF))
        event.type = INJECT_TYPE_SOFT_EXC;
    if (inject_event_is_soft(&event) && svm_features.nrips)
        event.insn_len = (uint8_t)(vmcb->next_rip - vmcb->rip);
    return event;
}

/* DR6 bits of those breakpoints that are on instructions: faults of the next one, never part of a step's
 * trap. */
static uint64_t code_breakpoints(uint64_t dr7)
{
    uint64_t bits = 0;

    for (unsigned int i = 0; i < DR7_COUNT; i++)
        if (((dr7 >> (DR7_KIND_SHIFT + i * DR7_KIND_BITS)) & DR7_KIND) == 0)
            bits |= BIT(i);
    return bits;
}

/* One emulator (Bochs) exits before it writes DR6: what it must have been, of breakpoints and the guest's TF.
 */
static uint64_t unwritten_dr6(const struct svm_vcpu *svm)
{
    const uint64_t addresses[DR7_COUNT] = {insn_read_dr0(), insn_read_dr1(), insn_read_dr2(),
                                           insn_read_dr3()};
    uint64_t rip = svm_code_context(svm).linear;
    uint64_t dr7 = svm->vmcb->dr7;
    uint64_t bits = code_breakpoints(dr7);

    for (unsigned int i = 0; i < DR7_COUNT; i++)
        if (addresses[i] != rip || ((dr7 >> (2 * i)) & DR7_ENABLE) == 0)
            bits &= ~BIT(i);
    if (bits != 0 || (svm->vmcb->rflags & RFLAGS_TF) == 0)
        return bits;
    return INJECT_DR6_BS;
}

/* The debugger's part of a #DB or #BP. True: nothing is left for anybody else. */
static bool debugger_takes(struct svm_vcpu *svm, uint32_t vector, struct inject_exit *exit)
{
    uint32_t dr6 = (uint32_t)(exit->dr6 | (svm->vmcb->dr6 & INJECT_DR6_TRAPS));

    if (vector == X86_BP)
        return x86_debug_filter_bp(&svm->x86);
    if (vector != X86_DB || (svm->x86.debug.flags & X86_DEBUG_HARD) == 0)
        return false;
    exit->dr6 = (uint16_t)x86_debug_filter_db(&svm->x86, dr6, svm->stepping);
    return exit->dr6 == 0 && svm->x86.debug.hit != 0;
}

/* INT3 and INTO have one byte unless somebody put prefixes before them. */
static uint8_t soft_length(struct svm_vcpu *svm)
{
    const struct insn *insn = insn_cache_find(&svm->x86);

    return insn == NULL ? 1 : insn->length;
}

static __attribute__((cold)) void classify_exception(struct svm_vcpu *svm, uint32_t vector,
                                                     struct inject_exit *exit)
{
    struct vmcb *vmcb = svm->vmcb;

    exit->dr6 = (uint16_t)(vmcb->dr6 & ~(svm->dr6_before & ~INJECT_DR6_BS) & DR6_EVENTS);
    if (UNLIKELY(svm->x86.debug.flags != 0) && debugger_takes(svm, vector, exit))
        return;
    /* Without any cause it is the step's as well, see unwritten_dr6(). */
    if (vector == X86_DB && svm->stepping && ((vmcb->dr6 & INJECT_DR6_BS) != 0 || exit->dr6 == 0)) {
        exit->kind = INJECT_EXIT_STEP;
        exit->dr6 |= INJECT_DR6_BS;
        /* One emulator reports a breakpoint at the instruction that comes next; the CPU will meet it there.
         */
        if ((exit->dr6 & INJECT_DR6_TRAPS) != 0)
            exit->dr6 = (uint16_t)(exit->dr6 & ~code_breakpoints(vmcb->dr7));
        return;
    }
    exit->kind = INJECT_EXIT_FAULT;
    exit->fault = inject_event_exception((uint8_t)vector);
    if (vector == X86_DB && exit->dr6 == 0)
        vmcb_set_dr6(vmcb, vmcb->dr6 | unwritten_dr6(svm));
    if ((BIT(vector) & (BIT(X86_DF) | BIT(X86_TS) | BIT(X86_NP) | BIT(X86_SSF) | BIT(X86_GP) | BIT(X86_PF) |
                        BIT(X86_AC))) != 0)
        exit->fault = inject_event_exception_error((uint8_t)vector, (uint32_t)vmcb->exitinfo1);
    /* The CPU has not written CR2: now, since a payload of 0 says that there is none. */
    if (vector == X86_PF) {
        exit->fault.payload = vmcb->exitinfo2;
        svm_set_cr2(svm, vmcb->exitinfo2);
    }
    if (vector == X86_BP || vector == X86_OF) { /* INT3, INTO: RIP is on them */
        exit->fault.type = INJECT_TYPE_SOFT_EXC;
        exit->fault.insn_len = soft_length(svm);
    }
}

bool svm_inject_exit(struct svm_vcpu *svm, uint32_t code)
{
    struct inject *inject = &svm->x86.core.inject;
    struct vmcb *vmcb = svm->vmcb;
    struct inject_exit exit = {.kind = INJECT_EXIT_OTHER};
    bool shadow_step = inject->state.step == INJECT_STEP_SHADOW;
    uint32_t vector = code - VMCB_EXIT_EXCEPTION;

    if (vector < 32 && vector != X86_MC && (vector != X86_UD || svm->stepping))
        classify_exception(svm, vector, &exit);
    else if (code == VMCB_EXIT_IRET)
        exit.kind = INJECT_EXIT_IRET;
    else if (code == VMCB_EXIT_VINTR)
        exit.kind = INJECT_EXIT_IRQ_WINDOW;
    else if (code == VMCB_EXIT_INVALID)
        exit.kind = INJECT_EXIT_ENTRY_FAILED;
    exit.cut = event_of(vmcb->exitintinfo, vmcb);
    if (UNLIKELY(svm->soft_advance != 0))
        svm_soft_event_exit(svm, inject_event_valid(&exit.cut) && inject_event_is_soft(&exit.cut));
    if (UNLIKELY(shadow_step))
        exit.flags = svm_shadow_step_exit(svm, exit.kind == INJECT_EXIT_STEP);
    exit.flags |= svm_inject_view(&svm->x86) & (uint32_t)(INJECT_VIEW_IF | INJECT_VIEW_SHADOW |
                                                          INJECT_VIEW_NMI_MASK | INJECT_VIEW_VNMI_PENDING);
    exit.rip = vmcb->rip;
    apply_flags(svm, inject_after_exit(inject, &exit));
    if (UNLIKELY(shadow_step))
        svm_shadow_step_settle(svm);
    if (UNLIKELY((svm->x86.debug.flags & X86_DEBUG_STEP) != 0))
        x86_debug_exit(&svm->x86, exit.kind == INJECT_EXIT_STEP);
    return (exit.kind != INJECT_EXIT_OTHER && exit.kind != INJECT_EXIT_ENTRY_FAILED) ||
           svm->x86.debug.hit != 0;
}
