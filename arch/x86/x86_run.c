/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the scheduler and the vendor's world switch: loading vCPUs, requests, events, halting.
 */
#include "arch/x86/exit.h"
#include "arch/x86/ext_state.h"
#include "arch/x86/insn.h"
#include "arch/x86/mitigations.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_debug.h"
#include "arch/x86/x86_vm.h"
#include "core/arch.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/report.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/vcpu_events.h"
#include "lib/printf.h"

const struct vcpu_ops *x86_ops;

/* What the hardware shows, and what the guest's interrupt controllers offer. */
static inline __attribute__((always_inline)) struct x86_irq fill_view(struct x86_vcpu *vcpu,
                                                                      struct inject_view *view)
{
    uint32_t flags = x86_ops->inject.view(vcpu) | x86_debug_view(vcpu);
    struct x86_irq irq;

    view->rip = vcpu->sw.regs.rip;
    view->now = time_now_ns();
    x86_sync_tpr(vcpu);
    irq = x86_irq_pending(&x86_vm_of(vcpu->core.vm)->board.irq, &vcpu->lapic);
    if (irq.source >= X86_IRQ_PIC)
        flags |= (uint32_t)INJECT_VIEW_IRQ;
    else if (irq.source == X86_IRQ_HELD)
        flags |= (uint32_t)INJECT_VIEW_IRQ_TPR;
    view->flags = flags;
    view->irq_vector = irq.vector;
    return irq;
}

/* The same for who is in no hurry. */
static __attribute__((noinline, cold)) struct x86_irq fill_view_again(struct x86_vcpu *vcpu,
                                                                      struct inject_view *view)
{
    return fill_view(vcpu, view);
}

/* What the common round does not ask for. False: the VM has ended. */
static __attribute__((noinline, cold)) bool act_rarely(struct x86_vcpu *vcpu, uint32_t flags)
{
    if ((flags & INJECT_DO_SHUTDOWN) != 0) {
        vm_end(vcpu->core.vm, VM_END_TRIPLE_FAULT, 0, "an exception while delivering a double fault");
        return false;
    }
    log_warn("vm %s vcpu %u: NMI handler for more than 1 s of guest time: next NMI forced",
             vcpu->core.vm->config->name, vcpu->core.id);
    return true;
}

/* Events into the hardware. False: the VM has ended. */
static inline bool schedule_events(struct x86_vcpu *vcpu, const struct inject_view *view, struct x86_irq irq)
{
    struct inject_actions actions;

    inject_schedule(&vcpu->core.inject, view, &actions);
    if (UNLIKELY((actions.flags & (INJECT_DO_SHUTDOWN | INJECT_DO_WARN_SOFT)) != 0) &&
        !act_rarely(vcpu, actions.flags))
        return false;
    if ((actions.flags & INJECT_DO_ACK_IRQ) != 0)
        actions.event.vector = x86_irq_ack(&x86_vm_of(vcpu->core.vm)->board.irq, &vcpu->lapic, irq);
    x86_ops->inject.apply(vcpu, &actions);
    if (UNLIKELY(atomic_load_explicit(&trace_ring_on, memory_order_relaxed)) &&
        inject_event_valid(&actions.event))
        trace_event(&vcpu->core, TRACE_INJECT, actions.event.type, actions.event.vector);
    return true;
}

void x86_sync_tpr_slowly(struct x86_vcpu *vcpu)
{
    uint8_t cr8;

    vcpu->cr8_seen = *vcpu->cr8_byte;
    cr8 = x86_ops->get_cr8(vcpu);
    /* CR8 has no room for the low half; keep what a write by MMIO left there. */
    if (cr8 != vlapic_get_tpr(&vcpu->lapic) >> 4)
        vlapic_set_tpr(&vcpu->lapic, (uint8_t)(cr8 << 4));
}

enum x86_ready {
    X86_READY, /* may enter */
    X86_AGAIN, /* the VM has ended: its stop request is there */
    X86_HALTED,
};

static void end_of_patience(struct timer *timer)
{
    vcpu_request(&CONTAINER_OF(timer, struct x86_vcpu, soft_nmi)->core, VCPU_REQ_EVENT);
}

const struct timer_ops x86_soft_nmi_timer = {.expire = end_of_patience};

/* Nothing at all is pending, whatever the guest's flags and priorities: no need to look closer. */
bool x86_halt_at_once(struct x86_vcpu *vcpu)
{
    uint32_t requests = atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed);

    if ((requests | x86_attention() | inject_all_work(&vcpu->core.inject)) != 0 ||
        inject_has_work(&vcpu->core.inject) || vcpu->waiting != X86_WAIT_EVENT ||
        !x86_irq_none(&x86_vm_of(vcpu->core.vm)->board.irq, &vcpu->lapic))
        return false;
    x86_sync_tpr(vcpu);
    return vcpu_block(&vcpu->core, VCPU_BLOCKED);
}

static bool stays_halted(struct x86_vcpu *vcpu, const struct inject_view *view)
{
    uint64_t again = inject_halted(&vcpu->core.inject, view);

    if (inject_wakes(&vcpu->core.inject, view))
        return false;
    if (UNLIKELY(again != INJECT_NEVER))
        timer_arm(&vcpu->soft_nmi, again);
    return true;
}

/* Pending events, for a vCPU that runs or that is halted and goes on only for what the architecture lets wake
 * it. */
static inline enum x86_ready take_events(struct x86_vcpu *vcpu)
{
    struct inject_view view;
    struct x86_irq irq = fill_view(vcpu, &view);

    if (vcpu->waiting != 0) {
        if (stays_halted(vcpu, &view))
            return X86_HALTED;
        vcpu->waiting &= ~X86_WAIT_EVENT;
    }
    if (UNLIKELY(config.selftest_events)) {
        vcpu_events_round_trip(&vcpu->core);
        irq = fill_view_again(vcpu, &view);
    }
    return schedule_events(vcpu, &view, irq) ? X86_READY : X86_AGAIN;
}

static void start_by_sipi(struct x86_vcpu *vcpu, uint8_t vector)
{
    struct x86_start_state start;

    start_state_sipi(&start, vector);
    x86_vcpu_start(vcpu, &start);
}

/* INIT and SIPI from other vCPUs. */
static void take_start(struct x86_vcpu *vcpu)
{
    uint32_t start = vlapic_take_start(&vcpu->lapic);

    if ((start & VLAPIC_START_INIT) != 0) {
        /* INIT of the boot CPU would restart the firmware, which is Latch. */
        if (vcpu->core.id == 0) {
            vm_end(vcpu->core.vm, VM_END_RESET, 0, "INIT sent to the boot CPU");
            return; /* the stop request that follows is seen next */
        }
        x86_vcpu_init(vcpu);
        x86_ops->load(vcpu); /* the reset took away what loading had set up, the ASID for one */
        vcpu->waiting |= X86_WAIT_SIPI;
    }
    if ((start & VLAPIC_START_SIPI) != 0 && (vcpu->waiting & X86_WAIT_SIPI) != 0) {
        vcpu->waiting &= ~X86_WAIT_SIPI;
        start_by_sipi(vcpu, (uint8_t)(start & VLAPIC_START_VECTOR));
    }
}

/* Off the CPU, with everything in memory and the other requests still to be looked at. */
static __attribute__((noinline)) void hold(struct x86_vcpu *vcpu, uint32_t requests)
{
    arch_vcpu_unschedule(&vcpu->core);
    atomic_fetch_or_explicit(&vcpu->core.requests, requests & ~(uint32_t)VCPU_REQ_HOLD, memory_order_seq_cst);
    vcpu_enter_hold(&vcpu->core);
}

/* All that is no mere event; an event among them is posted again. */
static __attribute__((noinline, cold)) bool take_requests(struct x86_vcpu *vcpu, uint32_t requests)
{
    if ((requests & VCPU_REQ_STOP) != 0) {
        vcpu_stop(&vcpu->core);
        return false;
    }
    if ((requests & VCPU_REQ_FLUSH) != 0)
        x86_ops->flush_tlb(vcpu);
    if ((requests & VCPU_REQ_DEBUG) != 0)
        x86_debug_act(vcpu);
    if ((requests & VCPU_REQ_HOLD) != 0 && vcpu->core.hold_count != 0) {
        hold(vcpu, requests);
        return false;
    }
    if ((requests & VCPU_REQ_TELL) != 0) {
        arch_vcpu_unschedule(&vcpu->core);
        report_answer(&vcpu->core);
    }
    if ((requests & VCPU_REQ_EVENT) != 0)
        (void)inject_post_irq(&vcpu->core.inject.posted);
    if ((requests & VCPU_REQ_INIT) != 0)
        take_start(vcpu);
    return true;
}

/* Attention, then a vCPU that waits for its start. True: go on preparing. */
static __attribute__((noinline)) bool attend(struct x86_vcpu *vcpu)
{
    if (x86_attention() != 0)
        return sched_attend(this_cpu());
    return !vcpu_block(&vcpu->core, VCPU_OFF);
}

bool x86_prepare_entry(struct x86_vcpu *vcpu)
{
    for (;;) {
        uint32_t requests = atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed);

        /* Pairs with the fetch_or in vcpu_request(). */
        if (requests != 0)
            requests = atomic_exchange_explicit(&vcpu->core.requests, 0, memory_order_seq_cst);
        if (UNLIKELY((requests & ~(uint32_t)VCPU_REQ_EVENT) != 0)) {
            if (!take_requests(vcpu, requests))
                return false;
            continue;
        }
        if (UNLIKELY((x86_attention() | (vcpu->waiting & X86_WAIT_SIPI)) != 0)) {
            /* inject_schedule() may have cleared the word after a view that was older than the request. */
            if (requests != 0)
                (void)inject_post_irq(&vcpu->core.inject.posted);
            if (attend(vcpu))
                continue;
            return false;
        }
        /* That is also why a request alone is reason enough to look. */
        if ((requests | vcpu->waiting) == 0 && !inject_has_work(&vcpu->core.inject))
            return true;
        switch (take_events(vcpu)) {
        case X86_READY:
            return true;
        case X86_AGAIN:
            break;
        case X86_HALTED:
            if (vcpu_block(&vcpu->core, VCPU_BLOCKED))
                return false;
            break;
        }
    }
}

void arch_vcpu_load(struct vcpu *core, const struct vm *before)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);

    if (UNLIKELY(before != core->vm))
        mitigations_vm_switch();
    if (UNLIKELY(vcpu->lapic.timer.timer.cpu != this_cpu()->id))
        vlapic_timer_follow(&vcpu->lapic);
    if (UNLIKELY(vcpu->ext.has_breakpoints))
        x86_debug_load(vcpu);
    ext_state_load(&vcpu->ext);
    x86_ops->load(vcpu);
}

void arch_vcpu_put(struct vcpu *core)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);

    ext_state_save(&vcpu->ext);
    if (UNLIKELY(vcpu->ext.has_breakpoints))
        x86_debug_save(vcpu);
    x86_ops->put(vcpu);
}

void arch_vcpu_run(struct vcpu *core)
{
    x86_ops->run(x86_vcpu_of(core));
}

void arch_vcpu_describe(struct vcpu *core, char *text, size_t size)
{
    const struct x86_vcpu *vcpu = x86_vcpu_of(core);

    fmt_snprintf(text, size, "vcpu %u RIP 0x%lx", core->id, vcpu->sw.regs.rip);
}

void arch_vm_nmi(struct vm *vm)
{
    board_irq_nmi(&x86_vm_of(vm)->board.irq);
}

void arch_vcpu_view(struct vcpu *core, struct inject_view *view)
{
    (void)fill_view_again(x86_vcpu_of(core), view);
}

void arch_vcpu_unschedule(struct vcpu *core)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);
    const struct inject_exit exit = {.kind = INJECT_EXIT_ENTRY_FAILED, .rip = vcpu->sw.regs.rip};
    struct inject_actions undo = {.windows = core->inject.state.windows};

    if ((core->inject.state.exit_work & (INJECT_WORK_INFLIGHT | INJECT_WORK_STEP)) == 0)
        return;
    undo.flags = inject_after_exit(&core->inject, &exit);
    x86_ops->inject.apply(vcpu, &undo);
}
