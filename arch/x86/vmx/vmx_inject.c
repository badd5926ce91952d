/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMCS shows to the injection scheduler, and how its actions get into the VMCS. Decides nothing.
 * "Event Injection", "Checks on Guest Non-Register State" and "Information for VM Exits Due to Vectored
 * Events", Intel SDM volume 3.
 */
#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/tsc.h"
#include "arch/x86/vmx/vmx.h"
#include "arch/x86/vmx/vmx_insn.h"
#include "arch/x86/vmx/vmx_state.h"
#include "arch/x86/x86_debug.h"
#include "core/inject.h"

#define DR7_GD           BIT(13)
#define DEBUG_EXIT_BITS  (INJECT_DR6_TRAPS | INJECT_DR6_BD | INJECT_DR6_BS)
#define BLOCKING_SHADOW  (VMCS_BLOCKING_STI | VMCS_BLOCKING_MOV_SS)
#define ENTRY_ERROR_BITS FIELD(15, 0)

uint32_t vmx_inject_view(struct x86_vcpu *vcpu)
{
    const struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    uint32_t flags = x86_rflags_view(vcpu->sw.regs.rflags);

    /* An instruction emulated since the exit has ended the shadow. */
    if (vmx->hw_rip == vcpu->sw.regs.rip) {
        if ((vmx->blocking & VMCS_BLOCKING_STI) != 0)
            flags |= (uint32_t)INJECT_VIEW_SHADOW_STI;
        if ((vmx->blocking & VMCS_BLOCKING_MOV_SS) != 0)
            flags |= (uint32_t)INJECT_VIEW_SHADOW_MOVSS;
    }
    if ((vmx->blocking & VMCS_BLOCKING_NMI) != 0)
        flags |= (uint32_t)INJECT_VIEW_NMI_MASK;
    return flags;
}

void vmx_set_blocking(struct vmx_vcpu *vmx, uint32_t blocking)
{
    if (blocking == vmx->blocking)
        return;
    vmx->blocking = blocking;
    vmcs_write32(VMCS_GUEST_BLOCKING, blocking);
}

static void apply_flags(struct vmx_vcpu *vmx, uint32_t flags)
{
    uint32_t blocking = vmx->blocking;

    if ((flags & INJECT_DO_MASK_SET) != 0)
        blocking |= (uint32_t)VMCS_BLOCKING_NMI;
    if ((flags & INJECT_DO_MASK_CLEAR) != 0)
        blocking &= ~(uint32_t)VMCS_BLOCKING_NMI;
    if ((flags & INJECT_DO_CLEAR_STI) != 0)
        blocking &= ~(uint32_t)VMCS_BLOCKING_STI;
    vmx_set_blocking(vmx, blocking);
    /* The entry checks that a single step agrees with what is pending in a shadow. */
    if ((vmx->blocking & BLOCKING_SHADOW) != 0)
        vmcs_write(VMCS_GUEST_PENDING_DEBUG,
                   (vmx->x86.sw.regs.rflags & RFLAGS_TF) != 0 ? VMCS_PENDING_DEBUG_BS : 0);
}

static uint32_t primary_controls(const struct vmx_vcpu *vmx)
{
    bool is_direct = vmx->x86.ext.has_breakpoints && (vmx->x86.debug.flags & X86_DEBUG_HARD) == 0;

    return vmx_features.primary | (is_direct ? 0 : (uint32_t)VMCS_PRIMARY_MOV_DR_EXIT);
}

void vmx_set_debug(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);
    bool has_patches = (vcpu->debug.flags & X86_DEBUG_SOFT) != 0;

    vmcs_write32(VMCS_EXCEPTION_BITMAP, VMX_EXCEPTIONS | (has_patches ? BIT(X86_BP) : 0));
    vmx->primary = primary_controls(vmx); /* windows are armed before the entry */
    vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx->primary);
    (void)inject_post_irq(&vcpu->core.inject.posted);
    vmx_return(vmx, borrowed);
}

static void apply_windows(struct vmx_vcpu *vmx, uint32_t windows)
{
    uint32_t primary = primary_controls(vmx);

    if ((windows & INJECT_WIN_IRQ) != 0)
        primary |= (uint32_t)VMCS_PRIMARY_INTERRUPT_WINDOW;
    if ((windows & INJECT_WIN_NMI) != 0)
        primary |= (uint32_t)VMCS_PRIMARY_NMI_WINDOW;
    /* With an event a preemption timer of 0 and the monitor trap exit before the handler's first instruction.
     */
    if ((windows & INJECT_WIN_NOW) != 0 && (vmx_features.pin & VMCS_PIN_PREEMPTION_TIMER) != 0)
        vmcs_write32(VMCS_PREEMPTION_TIMER, 0);
    else if ((windows & (INJECT_WIN_STEP | INJECT_WIN_NOW)) != 0)
        primary |= (uint32_t)VMCS_PRIMARY_MONITOR_TRAP;
    if (primary != vmx->primary) {
        vmx->primary = primary;
        vmcs_write32(VMCS_PRIMARY_CONTROLS, primary);
    }
    vmcs_write32(VMCS_TPR_THRESHOLD, (windows & INJECT_WIN_TPR) != 0 ? vmx_get_cr8(&vmx->x86) : 0);
}

static void apply_event(struct vmx_vcpu *vmx, const struct inject_event *event)
{
    uint64_t value = VMCS_EVENT_VALID | field_make(event->vector, VMCS_EVENT_VECTOR) |
                     field_make(event->type, VMCS_EVENT_TYPE);

    /* Real mode pushes no error codes. */
    if ((event->flags & INJECT_EVENT_HAS_ERROR) != 0 && (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) != 0) {
        value |= VMCS_EVENT_ERROR_VALID;
        vmcs_write32(VMCS_ENTRY_ERROR, event->error & ENTRY_ERROR_BITS);
    }
    if (event->type == INJECT_TYPE_EXCEPTION && event->payload != 0) {
        if (event->vector == X86_PF)
            insn_write_cr2(event->payload);
        else if (event->vector == X86_DB)
            insn_write_dr6(insn_read_dr6() | event->payload);
    }
    if (event->vector == X86_DB && event->type == INJECT_TYPE_EXCEPTION)
        vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~DR7_GD);
    if (inject_event_is_soft(event))
        vmcs_write32(VMCS_ENTRY_LENGTH, event->insn_len);
    vmcs_write32(VMCS_ENTRY_EVENT, value);
    vmx->event_written = true;
}

void vmx_inject_apply(struct x86_vcpu *vcpu, const struct inject_actions *actions)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);

    ASSERT(vmx_is_loaded(vmx));
    if (vmx->hw_rip != vcpu->sw.regs.rip)
        vmx_set_blocking(vmx, vmx->blocking & ~(uint32_t)BLOCKING_SHADOW);
    apply_flags(vmx, actions->flags);
    if (inject_event_valid(&actions->event)) {
        apply_event(vmx, &actions->event);
    } else if (vmx->event_written) {
        vmcs_write32(VMCS_ENTRY_EVENT, 0);
        vmx->event_written = false;
    }
    apply_windows(vmx, actions->windows);
}

/* Exit and vectoring information have one layout; `error` is the field beside it. */
static struct inject_event event_of(uint32_t info, uint32_t error)
{
    struct inject_event event = {0};

    if ((info & VMCS_EVENT_VALID) == 0)
        return event;
    event.flags = INJECT_EVENT_VALID;
    event.vector = (uint8_t)vmx_vector_of(info);
    event.type = (uint8_t)field_get(info, VMCS_EVENT_TYPE);
    if ((info & VMCS_EVENT_ERROR_VALID) != 0) {
        event.flags |= INJECT_EVENT_HAS_ERROR;
        event.error = error;
    }
    if (inject_event_is_soft(&event))
        event.insn_len = (uint8_t)vmcs_read32(VMCS_EXIT_LENGTH);
    return event;
}

/* The debugger's part of a #DB or #BP. True: nothing is left for anybody else. */
static bool debugger_takes(struct vmx_vcpu *vmx, uint32_t vector, uint64_t *payload)
{
    if (vector == X86_BP)
        return x86_debug_filter_bp(&vmx->x86);
    if (vector != X86_DB || (vmx->x86.debug.flags & X86_DEBUG_HARD) == 0)
        return false;
    *payload = x86_debug_filter_db(&vmx->x86, (uint32_t)*payload, false);
    return *payload == 0 && vmx->x86.debug.hit != 0;
}

static void classify_exception(struct vmx_vcpu *vmx, uint32_t event, struct inject_exit *exit)
{
    uint32_t vector = vmx_vector_of(event);
    uint64_t payload = 0;

    if ((event & VMCS_EVENT_NMI_UNBLOCKED) != 0 && vector != X86_DF)
        exit->flags |= (uint32_t)INJECT_EXIT_NMI_UNBLOCKED;
    /* #UD may be the other vendor's hypercall; the handler raises it otherwise. */
    if (vector == X86_UD)
        return;
    if (vector == X86_DB)
        payload = vmcs_read(VMCS_EXIT_QUALIFICATION) & DEBUG_EXIT_BITS;
    if (UNLIKELY(vmx->x86.debug.flags != 0) && debugger_takes(vmx, vector, &payload))
        return;
    exit->kind = INJECT_EXIT_FAULT;
    exit->fault = event_of(event, vmcs_read32(VMCS_EXIT_ERROR));
    exit->fault.payload = payload;
}

static void classify(struct vmx_vcpu *vmx, uint32_t reason, struct inject_exit *exit)
{
    uint32_t event;

    switch (reason) {
    case VMX_EXIT_EXCEPTION_NMI:
        event = vmcs_read32(VMCS_EXIT_EVENT);
        if (field_get(event, VMCS_EVENT_TYPE) != INJECT_TYPE_NMI)
            classify_exception(vmx, event, exit);
        break;
    case VMX_EXIT_INTERRUPT_WINDOW:
        exit->kind = INJECT_EXIT_IRQ_WINDOW;
        break;
    case VMX_EXIT_NMI_WINDOW:
        exit->kind = INJECT_EXIT_NMI_WINDOW;
        break;
    case VMX_EXIT_MONITOR_TRAP:
        if (vmx->x86.core.inject.state.step != INJECT_STEP_NONE)
            exit->kind = INJECT_EXIT_STEP;
        break;
    case VMX_EXIT_EPT_VIOLATION:
    case VMX_EXIT_EPT_MISCONFIG:
        if ((vmcs_read(VMCS_EXIT_QUALIFICATION) & VMX_EPT_NMI_UNBLOCKED) != 0)
            exit->flags |= (uint32_t)INJECT_EXIT_NMI_UNBLOCKED;
        break;
    default:
        break;
    }
}

/*
 * Without virtual NMIs an injected NMI blocks the CPU's own, and with "NMI exiting" no IRET of the guest
 * opens them
 * ("Changes to Instruction Behavior in VMX Non-Root Operation"): written back as read, they would stay
 * blocked.
 */
static void open_host_nmis(struct vmx_vcpu *vmx)
{
    vmx_set_blocking(vmx, vmx->blocking & ~(uint32_t)VMCS_BLOCKING_NMI);
}

bool vmx_inject_exit(struct vmx_vcpu *vmx, uint32_t reason, uint32_t vectoring)
{
    struct inject *inject = &vmx->x86.core.inject;
    struct inject_exit exit = {.kind = INJECT_EXIT_OTHER};

    exit.flags =
        vmx_inject_view(&vmx->x86) & (uint32_t)(INJECT_VIEW_IF | INJECT_VIEW_SHADOW | INJECT_VIEW_NMI_MASK);
    exit.rip = vmx->hw_rip;
    if ((vmx->exit_reason & VMX_EXIT_ENTRY_FAILED) != 0)
        exit.kind = INJECT_EXIT_ENTRY_FAILED;
    else
        classify(vmx, reason, &exit);
    if ((vectoring & VMCS_EVENT_VALID) != 0) {
        exit.cut = event_of(vectoring, vmcs_read32(VMCS_VECTORING_ERROR));
        exit.flags &= ~(uint32_t)INJECT_EXIT_NMI_UNBLOCKED;
    }
    if (inject->state.way == INJECT_WAY_SOFT)
        open_host_nmis(vmx);
    if ((inject->state.exit_work & INJECT_WORK_BLOCKED) != 0)
        exit.guest_ns = tsc_to_ns(insn_rdtsc() - vmx->entry_tsc);
    apply_flags(vmx, inject_after_exit(inject, &exit));
    if (UNLIKELY((vmx->x86.debug.flags & X86_DEBUG_STEP) != 0))
        x86_debug_exit(&vmx->x86, exit.kind == INJECT_EXIT_STEP);
    return (exit.kind != INJECT_EXIT_OTHER && exit.kind != INJECT_EXIT_ENTRY_FAILED) ||
           vmx->x86.debug.hit != 0;
}
