/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel VMX: the run loop's C half and the table of operations. Host interrupts are off from the last look at
 * requests to the entry; one that is pending ends the guest at once. An exit leaves interrupts pending in the
 * local APIC ("acknowledge interrupt on exit" is off), so that they are taken through the IDT like any other.
 * An exit for an NMI has consumed it: docs/host-nmi.md.
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/traps.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/vmx/offsets.h"
#include "arch/x86/vmx/vmx_insn.h"
#include "arch/x86/vmx/vmx_state.h"

_Static_assert(offsetof(struct x86_switch, regs.gpr[X86_R15]) == VMX_GPR(15), "entry.S offsets");
_Static_assert(offsetof(struct x86_cpu, base.attention) == VMX_CPU_ATTENTION, "entry.S offsets");
_Static_assert(VMCS_HOST_RSP == VMX_FIELD_HOST_RSP, "entry.S constants");

#define BLOCKING_SHADOW (VMCS_BLOCKING_STI | VMCS_BLOCKING_MOV_SS)

static inline struct vmx_vcpu *vmx_of_switch(struct x86_switch *sw)
{
    return vmx_vcpu_of(CONTAINER_OF(sw, struct x86_vcpu, sw));
}

/* The VMCS keeps its own copy of three registers; x86_switch has them in between. */
static inline void regs_from_vmcs(struct vmx_vcpu *vmx)
{
    struct x86_regs *regs = &vmx->x86.sw.regs;

    regs->rip = vmx->hw_rip = vmcs_read(VMCS_GUEST_RIP);
    regs->gpr[X86_RSP] = vmx->hw_rsp = vmcs_read(VMCS_GUEST_RSP);
    regs->rflags = vmx->hw_rflags = vmcs_read(VMCS_GUEST_RFLAGS);
    vmx->blocking = vmcs_read32(VMCS_GUEST_BLOCKING);
}

static inline void regs_to_vmcs(struct vmx_vcpu *vmx)
{
    const struct x86_regs *regs = &vmx->x86.sw.regs;

    if (vmx->hw_rip != regs->rip) {
        vmcs_write(VMCS_GUEST_RIP, regs->rip);
        vmx->hw_rip = regs->rip;
        /* The interrupt shadow belongs to the instruction at the old RIP. */
        if (UNLIKELY((vmx->blocking & BLOCKING_SHADOW) != 0)) {
            vmx_set_blocking(vmx, vmx->blocking & ~(uint32_t)BLOCKING_SHADOW);
            vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
        }
    }
    if (UNLIKELY(vmx->hw_rsp != regs->gpr[X86_RSP])) {
        vmcs_write(VMCS_GUEST_RSP, regs->gpr[X86_RSP]);
        vmx->hw_rsp = regs->gpr[X86_RSP];
    }
    if (UNLIKELY(vmx->hw_rflags != regs->rflags)) {
        vmcs_write(VMCS_GUEST_RFLAGS, regs->rflags);
        vmx->hw_rflags = regs->rflags;
    }
}

/* Publishes "in guest", then looks once more. */
static inline bool may_enter(struct vmx_vcpu *vmx, bool scheduled)
{
    /* Pairs with vcpu_request(): the poster writes its bits, then reads in_guest. */
    atomic_exchange_explicit(&vmx->x86.core.in_guest, true, memory_order_seq_cst);
    if (LIKELY(x86_may_enter(&vmx->x86, scheduled)))
        return true;
    atomic_store_explicit(&vmx->x86.core.in_guest, false, memory_order_relaxed);
    return false;
}

/* Requests and events first. */
static __attribute__((noinline)) bool prepare_slowly(struct vmx_vcpu *vmx)
{
    do {
        if (!x86_prepare_entry(&vmx->x86))
            return false;
    } while (!may_enter(vmx, true));
    return true;
}

/*
 * INVEPT is for both kinds: of what EPT alone says, which all vCPUs of the VM share on a CPU, and of what it
 * and the guest's tables say together, under any VPID. Nothing is kept of the guest's tables without EPT
 * (Intel SDM volume 3, "Caching Translation Information").
 */
static __attribute__((noinline)) void freshen(struct vmx_vcpu *vmx)
{
    if (vmx->flush)
        insn_invept(VMX_INVALIDATE_ONE, vmx_eptp(vmx));
    vmx->flush = false;
    if (vmx->pdptes_stale)
        vmx_load_pdptes(vmx);
}

static inline uint64_t vmx_prepare(struct vmx_vcpu *vmx)
{
    if (UNLIKELY(!may_enter(vmx, false)) && !prepare_slowly(vmx))
        return 0;
    ASSERT(vmx_is_loaded(vmx));
    if (UNLIKELY(vmx->flush | vmx->pdptes_stale))
        freshen(vmx);
    regs_to_vmcs(vmx);
    if (UNLIKELY((vmx->x86.core.inject.state.exit_work & INJECT_WORK_BLOCKED) != 0))
        vmx->entry_tsc = insn_rdtsc();
    return vmx->launched ? VMX_ENTER_RESUME : VMX_ENTER_LAUNCH;
}

/*
 * The CPU's NMI latch is closed until the host's handler returns, so nothing before this may execute IRET: no
 * interrupt, no fault, no breakpoint. INT enters the handler on its own stack, as the NMI itself would have.
 */
static __attribute__((noinline)) void take_host_event(void)
{
    uint32_t event = vmcs_read32(VMCS_EXIT_EVENT);

    if (field_get(event, VMCS_EVENT_TYPE) == INJECT_TYPE_NMI)
        insn_int_nmi();
    else if (vmx_vector_of(event) == X86_MC)
        insn_int_machine_check();
}

static __attribute__((noinline)) uint64_t turn_slowly(struct vmx_vcpu *vmx)
{
    struct vm_exit exit;

    if (UNLIKELY(vmx->exit_reason == VMX_EXIT_EXCEPTION_NMI))
        take_host_event();
    atomic_store_explicit(&vmx->x86.core.in_guest, false, memory_order_relaxed);
    vmx->launched = true;
    vmx->event_written = false;
    regs_from_vmcs(vmx);
    vmx_decode_exit(vmx, &exit);
    x86_handle_exit(&vmx->x86, &exit);
    return exit.kind == VM_EXIT_HALT && x86_halt_at_once(&vmx->x86) ? 0 : vmx_prepare(vmx);
}

/*
 * CPUID with nothing else to do, in five VMREADs and one VMWRITE. "In guest" stays published: whoever posts
 * meanwhile pokes this CPU as if the guest ran. False: nothing has been changed.
 */
static inline bool answer_cpuid(struct vmx_vcpu *vmx)
{
    struct x86_vcpu *vcpu = &vmx->x86;
    const struct cpuid_regs *regs = x86_cpuid_at_once(vcpu, (uint32_t)vcpu->sw.regs.gpr[X86_RAX]);

    if (UNLIKELY(regs == NULL || !vmx->launched))
        return false;
    if (UNLIKELY((vmcs_read32(VMCS_GUEST_BLOCKING) & BLOCKING_SHADOW) != 0 ||
                 (vmcs_read(VMCS_GUEST_RFLAGS) & (RFLAGS_TF | RFLAGS_RF)) != 0))
        return false;
    vmcs_write(VMCS_GUEST_RIP, vmcs_read(VMCS_GUEST_RIP) + vmcs_read32(VMCS_EXIT_LENGTH));
    x86_put_cpuid(vcpu->sw.regs.gpr, regs);
    return true;
}

uint64_t vmx_turn(struct x86_switch *sw)
{
    struct vmx_vcpu *vmx = vmx_of_switch(sw);

    vmx->exit_reason = vmcs_read32(VMCS_EXIT_REASON);
    vmx->x86.core.exit_count++;
    if (vmx->exit_reason == VMX_EXIT_CPUID && LIKELY(answer_cpuid(vmx)))
        return VMX_ENTER_RESUME;
    return turn_slowly(vmx);
}

uint64_t vmx_again(struct x86_switch *sw)
{
    struct vmx_vcpu *vmx = vmx_of_switch(sw);

    atomic_store_explicit(&vmx->x86.core.in_guest, false, memory_order_relaxed);
    regs_from_vmcs(vmx); /* answer_cpuid() does not keep them */
    return vmx_prepare(vmx);
}

static void vmx_run(struct x86_vcpu *vcpu)
{
    uint64_t how = vmx_prepare(vmx_vcpu_of(vcpu));

    if (how != 0)
        vmx_enter_loop(&vcpu->sw, how);
}

/* The last test of attention has passed and the entry has not happened: it would not be seen. */
static void vmx_host_nmi(struct trap_frame *frame)
{
    if (frame->rip >= (uintptr_t)vmx_entry_critical && frame->rip < (uintptr_t)vmx_entry_critical_end)
        frame->rip = (uintptr_t)vmx_entry_again;
}

const struct vcpu_ops vmx_ops = {
    .name = "Intel VMX",
    .check_features = vmx_check_features,
    .choose_nmi = vmx_choose_nmi,
    .cpu_enable = vmx_cpu_enable,
    .vm_create = vmx_vm_create,
    .vcpu_create = vmx_vcpu_create,
    .vcpu_reset = vmx_vcpu_reset,
    .load = vmx_load,
    .put = vmx_put,
    .run = vmx_run,
    .host_nmi = vmx_host_nmi,
    .get = vmx_get,
    .set = vmx_set,
    .get_segs = vmx_get_segs,
    .set_seg = vmx_set_seg,
    .get_table = vmx_get_table,
    .set_table = vmx_set_table,
    .get_cpl = vmx_get_cpl,
    .get_cr8 = vmx_get_cr8,
    .set_cr8 = vmx_set_cr8,
    .code_context = vmx_code_context,
    .flush_tlb = vmx_flush_tlb,
    .set_tsc_offset = vmx_set_tsc_offset,
    .set_debug = vmx_set_debug,
    .can_step = vmx_can_step,
    .exit_name = vmx_exit_name,
    .block_line = vmx_block_line,
    .refused = vmx_refused,
    .spoil_event = vmx_spoil_event,
    .block_name = "vmcs",
    .nested_name = "EPT",
    .inject = {.view = vmx_inject_view, .apply = vmx_inject_apply},
};
