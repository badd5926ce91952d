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

/* What the guest's interrupt controllers offer, added to what the hardware shows. */
static struct x86_irq fill_view(struct x86_vcpu *vcpu, struct inject_view *view)
{
    struct x86_irq irq;

    x86_ops->inject.view(vcpu, view);
    view->rip = vcpu->sw.regs.rip;
    view->now = time_now_ns();
    view->flags |= x86_debug_view(vcpu);
    x86_sync_tpr(vcpu);
    irq = x86_irq_pending(&x86_vm_of(vcpu->core.vm)->board.irq, &vcpu->lapic);
    if (irq.source != X86_IRQ_NONE) {
        view->flags |= (uint32_t)INJECT_VIEW_IRQ;
        view->irq_vector = irq.vector;
    } else if (irq.held_by_tpr) {
        view->flags |= (uint32_t)INJECT_VIEW_IRQ_TPR;
    }
    return irq;
}

/* Events into the hardware. False: the VM has ended. */
static bool schedule_events(struct x86_vcpu *vcpu, const struct inject_view *view, struct x86_irq irq)
{
    struct inject *inject = &vcpu->core.inject;
    struct board_irq *board = &x86_vm_of(vcpu->core.vm)->board.irq;
    struct inject_actions actions;

    inject_schedule(inject, view, &actions);
    if ((actions.flags & INJECT_DO_SHUTDOWN) != 0) {
        vm_end(vcpu->core.vm, VM_END_TRIPLE_FAULT, 0, "an exception while delivering a double fault");
        return false;
    }
    if ((actions.flags & INJECT_DO_ACK_IRQ) != 0)
        actions.event.vector = x86_irq_ack(board, &vcpu->lapic, irq);
    if ((actions.flags & INJECT_DO_WARN_SOFT) != 0)
        log_warn("vm %s vcpu %u: NMI handler for more than 1 s of guest time: next NMI forced",
                 vcpu->core.vm->config->name, vcpu->core.id);
    x86_ops->inject.apply(vcpu, &actions);
    if (UNLIKELY(trace_ring_on) && inject_event_valid(&actions.event))
        trace_event(&vcpu->core, TRACE_INJECT, actions.event.type, actions.event.vector);
    return true;
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
static inline bool halts_at_once(struct x86_vcpu *vcpu)
{
    const struct inject *inject = &vcpu->core.inject;

    if (vcpu->waiting != X86_WAIT_EVENT || (inject_has_work(inject) | (inject->state.exit_work != 0)) != 0 ||
        !x86_irq_none(&x86_vm_of(vcpu->core.vm)->board.irq, &vcpu->lapic))
        return false;
    x86_sync_tpr(vcpu);
    return true;
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
static enum x86_ready take_events(struct x86_vcpu *vcpu)
{
    struct inject_view view = {0};
    struct x86_irq irq = fill_view(vcpu, &view);

    if (vcpu->waiting != 0) {
        if (stays_halted(vcpu, &view))
            return X86_HALTED;
        vcpu->waiting &= ~X86_WAIT_EVENT;
    }
    if (UNLIKELY(config.selftest_events)) {
        vcpu_events_round_trip(&vcpu->core);
        irq = fill_view(vcpu, &view);
    }
    return schedule_events(vcpu, &view, irq) ? X86_READY : X86_AGAIN;
}

static void start_by_sipi(struct x86_vcpu *vcpu, uint8_t vector)
{
    struct x86_start_state start;

    start_state_sipi(&start, vector);
    x86_vcpu_start(vcpu, &start);
}

/* INIT and SIPI from other vCPUs. False: waits for SIPI now, or its VM resets. */
static bool take_start(struct x86_vcpu *vcpu)
{
    uint32_t start = vlapic_take_start(&vcpu->lapic);

    if ((start & VLAPIC_START_INIT) != 0) {
        /* INIT of the boot CPU would restart the firmware, which is Latch. */
        if (vcpu->core.id == 0) {
            vm_end(vcpu->core.vm, VM_END_RESET, 0, "INIT sent to the boot CPU");
            return false;
        }
        x86_vcpu_init(vcpu);
        x86_ops->load(vcpu); /* the reset took away what loading had set up, the ASID for one */
        vcpu->waiting |= X86_WAIT_SIPI;
    }
    if ((start & VLAPIC_START_SIPI) != 0 && (vcpu->waiting & X86_WAIT_SIPI) != 0) {
        vcpu->waiting &= ~X86_WAIT_SIPI;
        start_by_sipi(vcpu, (uint8_t)(start & VLAPIC_START_VECTOR));
    }
    return true;
}

/* Off the CPU, with everything in memory and the other requests still to be looked at. */
static __attribute__((noinline)) void hold(struct x86_vcpu *vcpu, uint32_t requests)
{
    arch_vcpu_unschedule(&vcpu->core);
    atomic_fetch_or_explicit(&vcpu->core.requests, requests & ~(uint32_t)VCPU_REQ_HOLD, memory_order_seq_cst);
    vcpu_enter_hold(&vcpu->core);
}

static bool take_requests(struct x86_vcpu *vcpu)
{
    /* Pairs with the fetch_or in vcpu_request(). */
    uint32_t requests = atomic_exchange_explicit(&vcpu->core.requests, 0, memory_order_seq_cst);

    if ((requests & VCPU_REQ_STOP) != 0) {
        vcpu_stop(&vcpu->core);
        return false;
    }
    if (UNLIKELY((requests & VCPU_REQ_DEBUG) != 0))
        x86_debug_act(vcpu);
    if (UNLIKELY((requests & VCPU_REQ_HOLD) != 0 && vcpu->core.hold_count != 0)) {
        hold(vcpu, requests);
        return false;
    }
    if (UNLIKELY((requests & VCPU_REQ_TELL) != 0)) {
        arch_vcpu_unschedule(&vcpu->core);
        report_answer(&vcpu->core);
    }
    /* inject_schedule() may have cleared the word after a view that was older than this post: ask again. */
    if ((requests & VCPU_REQ_EVENT) != 0)
        (void)inject_post_irq(&vcpu->core.inject.posted);
    if ((requests & VCPU_REQ_INIT) != 0 && !take_start(vcpu))
        return true; /* the stop request that follows is seen next */
    return true;
}

bool x86_prepare_entry(struct x86_vcpu *vcpu)
{
    for (;;) {
        if (UNLIKELY(atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed) != 0)) {
            if (!take_requests(vcpu))
                return false;
            continue;
        }
        if (UNLIKELY(atomic_load_explicit(&this_cpu()->attention, memory_order_relaxed) != 0)) {
            if (!sched_attend(this_cpu()))
                return false;
            continue;
        }
        if (UNLIKELY((vcpu->waiting & X86_WAIT_SIPI) != 0)) {
            if (vcpu_block(&vcpu->core, VCPU_OFF))
                return false;
            continue;
        }
        if (vcpu->waiting == 0 && !inject_has_work(&vcpu->core.inject))
            return true;
        switch (halts_at_once(vcpu) ? X86_HALTED : take_events(vcpu)) {
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

    mitigations_vcpu_switch(before, core->vm);
    ext_state_load(&vcpu->ext);
    x86_ops->load(vcpu);
    if (UNLIKELY(vcpu->lapic.timer.timer.cpu != this_cpu()->id))
        vlapic_timer_follow(&vcpu->lapic);
}

void arch_vcpu_put(struct vcpu *core)
{
    struct x86_vcpu *vcpu = x86_vcpu_of(core);

    x86_ops->put(vcpu);
    ext_state_save(&vcpu->ext);
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
    (void)fill_view(x86_vcpu_of(core), view);
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
