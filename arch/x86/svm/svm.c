/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD SVM: loading vCPUs, the run loop's C half and the table of operations. The VMCB of a vCPU belongs to
 * the physical CPU that owns the vCPU; clean bits hold for the CPU it ran on last, so a move marks everything
 * dirty.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/mitigations.h"
#include "arch/x86/svm/offsets.h"
#include "arch/x86/svm/svm_state.h"
#include "arch/x86/vcpu_ops.h"

_Static_assert(offsetof(struct x86_switch, regs.gpr[X86_R15]) == SVM_GPR(15), "entry.S offsets");
_Static_assert(offsetof(struct x86_switch, guest_block_pa) == SVM_VMCB_PA, "entry.S offsets");
_Static_assert(offsetof(struct x86_switch, host_block_pa) == SVM_HOST_VMCB_PA, "entry.S offsets");

#define RESET_DR7 UINT64_C(0x400)

/* An ASID of this CPU's present generation; when all are used up a new generation starts with a flush. */
static void asid_assign(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
    /* A flush that was asked for before the vCPU gave way is still to be done: tlb_control stays. */
    if (svm->asid_generation == cpu->asid_generation)
        return;
    if (cpu->asid_next >= svm_features.asid_count) {
        cpu->asid_generation++;
        cpu->asid_next = 1;
    }
    /* Stale entries of an earlier owner of the number go; QEMU acts on "all" only. */
    svm->vmcb->tlb_control = VMCB_TLB_FLUSH_ALL;
    vmcb_set_asid(svm->vmcb, cpu->asid_next++);
    svm->asid_generation = cpu->asid_generation;
}

/*
 * One emulator takes note of breakpoints only when MOV writes DR7, not at VMRUN, and keeps them at exits (see
 * traps.c): there the host has a debugger's breakpoints too.
 */
static void set_host_breakpoints(struct x86_vcpu *vcpu, bool loaded)
{
    if (LIKELY((vcpu->debug.flags & X86_DEBUG_HARD) == 0) || !cpu_features.is_tcg)
        return;
    insn_write_dr7(loaded ? svm_vcpu_of(vcpu)->vmcb->dr7 : RESET_DR7);
}

static void svm_load(struct x86_vcpu *vcpu)
{
    struct svm_vcpu *svm = svm_vcpu_of(vcpu);
    struct svm_cpu *cpu = this_x86_cpu()->vendor;

    if (vcpu->sw.host_block_pa != cpu->host_vmcb.v) {
        vcpu->sw.host_block_pa = cpu->host_vmcb.v;
        svm->asid_generation = 0;
        vmcb_dirty(svm->vmcb, VMCB_CLEAN_ALL);
    }
    insn_write_cr2(svm->vmcb->cr2); /* see svm_set_cr2() */
    asid_assign(svm, cpu);
    set_host_breakpoints(vcpu, true);
}

static void svm_put(struct x86_vcpu *vcpu)
{
    set_host_breakpoints(vcpu, false);
}

/* The VMCB keeps its own copy of four registers; x86_switch has them in between. */
static inline void regs_from_vmcb(struct svm_vcpu *svm, const struct vmcb *vmcb)
{
    struct x86_regs *regs = &svm->x86.sw.regs;

    regs->gpr[X86_RAX] = vmcb->rax;
    regs->gpr[X86_RSP] = vmcb->rsp;
    regs->rip = vmcb->rip;
    regs->rflags = vmcb->rflags;
}

static inline void regs_to_vmcb(struct svm_vcpu *svm)
{
    const struct x86_regs *regs = &svm->x86.sw.regs;
    struct vmcb *vmcb = svm->vmcb;

    vmcb->rax = regs->gpr[X86_RAX];
    vmcb->rsp = regs->gpr[X86_RSP];
    vmcb->rflags = regs->rflags;
    /* The interrupt shadow belongs to the instruction at the old RIP. */
    if (vmcb->rip != regs->rip) {
        vmcb->rip = regs->rip;
        vmcb->interrupt_shadow = 0;
    }
}

/* Closes GIF; true: the guest may be entered. Else GIF is open again. */
static inline bool close_gif(struct svm_vcpu *svm, bool scheduled)
{
    insn_clgi();
    /* Pairs with vcpu_request(): the poster writes its bits, then reads in_guest. */
    atomic_exchange_explicit(&svm->x86.core.in_guest, true, memory_order_seq_cst);
    if (LIKELY(x86_may_enter(&svm->x86, scheduled)))
        return true;
    atomic_store_explicit(&svm->x86.core.in_guest, false, memory_order_relaxed);
    insn_stgi();
    return false;
}

/* Requests and events first. */
static __attribute__((noinline)) uint64_t prepare_slowly(struct svm_vcpu *svm)
{
    do {
        if (!x86_prepare_entry(&svm->x86))
            return 0;
    } while (!close_gif(svm, true));
    regs_to_vmcb(svm);
    return svm->x86.sw.guest_block_pa;
}

static inline uint64_t svm_prepare(struct svm_vcpu *svm)
{
    if (UNLIKELY(!close_gif(svm, false)))
        return prepare_slowly(svm);
    regs_to_vmcb(svm);
    return svm->x86.sw.guest_block_pa;
}

static __attribute__((noinline)) uint64_t turn_slowly(struct svm_vcpu *svm)
{
    struct vmcb *vmcb = svm->vmcb;
    struct vm_exit exit;

    vmcb->clean = (uint32_t)VMCB_CLEAN_ALL;
    vmcb->tlb_control = VMCB_TLB_NOTHING;
    regs_from_vmcb(svm, vmcb);
    atomic_store_explicit(&svm->x86.core.in_guest, false, memory_order_relaxed);
    svm_decode_exit(svm, &exit);
    x86_handle_exit(&svm->x86, &exit);
    /* Somebody who interrupts a guest mostly has something for it. */
    if (exit.kind <= VM_EXIT_HALT)
        return exit.kind == VM_EXIT_HALT && x86_halt_at_once(&svm->x86) ? 0 : prepare_slowly(svm);
    return svm_prepare(svm);
}

/* Length of the CPUID at RIP. False: not known at once. */
static inline bool cpuid_length(struct svm_vcpu *svm, const struct vmcb *vmcb, uint64_t *length)
{
    struct code_context code = {.linear = vmcb->rip, .cr3 = vmcb->cr3, .mode = INSN_MODE_64};

    if (svm_features.nrips) {
        *length = vmcb->next_rip - vmcb->rip;
        return true;
    }
    *length = svm->x86.insns.last.length;
    return (vmcb->efer & EFER_LMA) != 0 && (vmcb->cs.attr & X86_SEG_L) != 0 &&
           insn_cache_is_last(&svm->x86.insns, code);
}

/*
 * CPUID with nothing else to do, with GIF 0. "In guest" stays published: whoever posts meanwhile pokes this
 * CPU as if the guest ran. That a delivery was interrupted need not be asked: no instruction is one. False:
 * nothing has been changed.
 */
static inline bool answer_cpuid(struct svm_vcpu *svm, struct vmcb *vmcb)
{
    uint64_t *gpr = svm->x86.sw.regs.gpr;
    const struct cpuid_regs *regs = x86_cpuid_at_once(&svm->x86, (uint32_t)vmcb->rax);
    uint64_t length;

    if (UNLIKELY(regs == NULL || (vmcb->rflags & (RFLAGS_TF | RFLAGS_RF)) != 0))
        return false;
    if (UNLIKELY(!cpuid_length(svm, vmcb, &length)))
        return false;
    vmcb->clean = (uint32_t)VMCB_CLEAN_ALL;
    vmcb->tlb_control = VMCB_TLB_NOTHING;
    vmcb->interrupt_shadow = 0;
    vmcb->rip += length;
    vmcb->rax = regs->eax;
    gpr[X86_RBX] = regs->ebx;
    gpr[X86_RCX] = regs->ecx;
    gpr[X86_RDX] = regs->edx;
    return true;
}

uint64_t svm_turn(struct x86_switch *sw)
{
    struct svm_vcpu *svm = svm_vcpu_of(CONTAINER_OF(sw, struct x86_vcpu, sw));
    struct vmcb *vmcb = svm->vmcb;

    svm->x86.core.exit_count++;
    if (vmcb->exitcode == VMCB_EXIT_CPUID) {
        insn_clgi();
        if (LIKELY(answer_cpuid(svm, vmcb)))
            return svm->x86.sw.guest_block_pa;
        insn_stgi();
    }
    return turn_slowly(svm);
}

static void svm_run(struct x86_vcpu *vcpu)
{
    struct svm_vcpu *svm = svm_vcpu_of(vcpu);

    if ((vcpu->waiting == 0 ? svm_prepare(svm) : prepare_slowly(svm)) == 0)
        return;
    if (mitigations_entry_flags == 0)
        svm_enter_loop(&vcpu->sw);
    else
        svm_enter_loop_guarded(&vcpu->sw);
}

static void svm_flush_tlb(struct x86_vcpu *vcpu)
{
    svm_vcpu_of(vcpu)->vmcb->tlb_control =
        svm_features.flush_by_asid ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_FLUSH_ALL;
}

static void svm_set_tsc_offset(struct x86_vcpu *vcpu, uint64_t offset)
{
    vmcb_set_tsc_offset(svm_vcpu_of(vcpu)->vmcb, offset);
}

static struct code_context svm_get_code_context(struct x86_vcpu *vcpu)
{
    return svm_code_context(svm_vcpu_of(vcpu));
}

const struct vcpu_ops svm_ops = {
    .name = "AMD SVM",
    .check_features = svm_check_features,
    .choose_nmi = svm_choose_nmi,
    .cpu_enable = svm_cpu_enable,
    .vm_create = svm_vm_create,
    .vcpu_create = svm_vcpu_create,
    .vcpu_reset = svm_vcpu_reset,
    .load = svm_load,
    .put = svm_put,
    .run = svm_run,
    .get = svm_get,
    .set = svm_set,
    .get_segs = svm_get_segs,
    .set_seg = svm_set_seg,
    .get_table = svm_get_table,
    .set_table = svm_set_table,
    .get_cpl = svm_get_cpl,
    .get_cr8 = svm_get_cr8,
    .set_cr8 = svm_set_cr8,
    .code_context = svm_get_code_context,
    .flush_tlb = svm_flush_tlb,
    .set_tsc_offset = svm_set_tsc_offset,
    .set_debug = svm_set_debug,
    .can_step = svm_can_step,
    .exit_name = svm_exit_name,
    .block_line = svm_block_line,
    .refused = svm_refused,
    .spoil_event = svm_spoil_event,
    .block_name = "vmcb",
    .nested_name = "NPT",
    .inject = {.view = svm_inject_view, .apply = svm_inject_apply},
};
