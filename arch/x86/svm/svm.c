/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD SVM: feature check, per-CPU set-up, vCPU life and the run loop's C half. The VMCB of a vCPU belongs to
 * the physical CPU that owns the vCPU; clean bits hold for the CPU it ran on last, so a move marks everything
 * dirty.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/exit.h"
#include "arch/x86/insn.h"
#include "arch/x86/mitigations.h"
#include "arch/x86/msr.h"
#include "arch/x86/nested_map.h"
#include "arch/x86/svm/offsets.h"
#include "arch/x86/svm/svm_state.h"
#include "arch/x86/vcpu_ops.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/printf.h"

_Static_assert(offsetof(struct x86_switch, regs.gpr[X86_R15]) == SVM_GPR(15), "entry.S offsets");
_Static_assert(offsetof(struct x86_switch, guest_block_pa) == SVM_VMCB_PA, "entry.S offsets");
_Static_assert(offsetof(struct x86_switch, host_block_pa) == SVM_HOST_VMCB_PA, "entry.S offsets");

#define SVM_CPUID_LEAF  0x8000000a
#define SVM_EDX_NP      BIT(0)
#define SVM_EDX_NRIPS   BIT(3)
#define SVM_EDX_FLUSH   BIT(6)
#define SVM_EDX_ASSISTS BIT(7)
#define SVM_EDX_PAUSE   BIT(10)
#define SVM_EDX_VGIF    BIT(16)
#define SVM_EDX_VNMI    BIT(25)
#define SVM_PAUSE_COUNT 3000
#define RESET_DR7       UINT64_C(0x400)
#define NPT_RIGHTS      FIELD(2, 0) /* present, write, user */

/* Per physical CPU. */
struct svm_cpu {
    hpa_t host_save; /* VM_HSAVE_PA: written by VMRUN */
    hpa_t host_vmcb; /* VMSAVEd host state for VMLOAD after an exit */
    uint64_t asid_generation;
    uint32_t asid_next;
};

struct svm_features svm_features;

/* One self-check line: what is used, and what this CPU lacks that would have been used. */
static void print_features(uint32_t revision)
{
    const struct {
        const char *name;
        bool offered;
    } features[] = {
        {"nRIP", svm_features.nrips},
        {"flush by ASID", svm_features.flush_by_asid},
        {"pause filter", svm_features.pause_filter},
        {"virtual NMI", svm_features.vnmi},
        {"1 GiB pages", cpu_features.has_1g_pages},
    };
    char used[96] = "";
    char missing[96] = "";
    size_t used_length = 0;
    size_t missing_length = 0;

    for (uint32_t i = 0; i < ARRAY_COUNT(features); i++) {
        char *text = features[i].offered ? used : missing;
        size_t *length = features[i].offered ? &used_length : &missing_length;

        *length += (size_t)fmt_snprintf(text + *length, sizeof(used) - *length, ", %s", features[i].name);
    }
    log_info("self-check: AMD SVM revision %u, %u ASIDs, used: nested paging%s; missing: %s", revision,
             svm_features.asid_count, used, missing_length == 0 ? "nothing" : missing + 2);
}

static int svm_check_features(void)
{
    struct insn_cpuid leaf;
    int missing = 0;

    if (!cpu_features.has_svm) {
        log_error("SVM: not offered by this CPU (CPUID 8000_0001 ECX[2])");
        return E_NOTSUP;
    }
    if ((insn_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) != 0) {
        log_error("SVM: disabled by firmware (VM_CR.SVMDIS): enable SVM or AMD-V in the firmware's set-up");
        return E_NOTSUP;
    }
    leaf = insn_cpuid(SVM_CPUID_LEAF, 0);
    if ((leaf.edx & SVM_EDX_NP) == 0) {
        log_error("SVM: no nested paging (CPUID 8000_000A EDX[0])");
        missing++;
    }
    if (leaf.ebx < 2) {
        log_error("SVM: no address space identifiers for guests (CPUID 8000_000A EBX = %u)", leaf.ebx);
        missing++;
    }
    svm_features = (struct svm_features){
        .nrips = (leaf.edx & SVM_EDX_NRIPS) != 0,
        .flush_by_asid = (leaf.edx & SVM_EDX_FLUSH) != 0,
        .decode_assists = (leaf.edx & SVM_EDX_ASSISTS) != 0,
        .pause_filter = (leaf.edx & SVM_EDX_PAUSE) != 0,
        .vgif = (leaf.edx & SVM_EDX_VGIF) != 0,
        .vnmi = (leaf.edx & SVM_EDX_VNMI) != 0,
        .shadow_lost = cpu_features.is_tcg,
        .asid_count = leaf.ebx,
    };
    if (missing > 0)
        return E_NOTSUP;
    print_features(leaf.eax & 0xff);
    return svm_permissions_init();
}

static int svm_choose_nmi(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps)
{
    if (wish == NMI_WAY_SOFT) {
        log_error(
            "nmi=soft: only for Intel CPUs, which cannot intercept IRET; allowed here: auto, vnmi, iret");
        return E_NOTSUP;
    }
    if (wish == NMI_WAY_VNMI && !svm_features.vnmi) {
        log_error(
            "nmi=vnmi: this CPU has no virtual NMI (CPUID 8000_000A EDX[25]); allowed here: auto, iret");
        return E_NOTSUP;
    }
    *way = svm_features.vnmi && wish != NMI_WAY_IRET ? INJECT_WAY_SLOT : INJECT_WAY_IRET;
    *caps = (svm_features.nrips ? INJECT_CAP_SOFT_REINJECT : 0) |
            (svm_features.shadow_lost ? INJECT_CAP_SHADOW_LOST : 0);
    log_info("NMIs: %s", *way == INJECT_WAY_SLOT ? "virtual NMI in hardware" : "IRET intercept");
    return 0;
}

static int svm_cpu_enable(void)
{
    struct x86_cpu *cpu = this_x86_cpu();
    struct svm_cpu *svm_cpu = page_alloc();

    if (svm_cpu == NULL)
        return E_NOMEM;
    if (pmem_alloc(1, PAGE_SIZE, &svm_cpu->host_save) != 0)
        goto free_cpu;
    if (pmem_alloc(1, PAGE_SIZE, &svm_cpu->host_vmcb) != 0)
        goto free_save;
    svm_cpu->asid_generation = 1;
    svm_cpu->asid_next = 1;
    insn_wrmsr(MSR_EFER, insn_rdmsr(MSR_EFER) | EFER_SVME);
    insn_wrmsr(MSR_VM_HSAVE_PA, svm_cpu->host_save.v);
    insn_vmsave(svm_cpu->host_vmcb.v);
    cpu->vendor = svm_cpu;
    return 0;

free_save:
    pmem_free(svm_cpu->host_save, 1);
free_cpu:
    page_free(svm_cpu);
    return E_NOMEM;
}

static void vmcb_init(struct vmcb *vmcb, const struct x86_vm *vm, bool vnmi)
{
    vmcb->intercept_cr = (uint32_t)(VMCB_CR_WRITE(0) | VMCB_CR_WRITE(4));
    vmcb->intercept_exception = SVM_EXCEPTIONS_ALWAYS;
    vmcb->intercept_1 =
        (uint32_t)(VMCB_INTERCEPT_INTR | VMCB_INTERCEPT_NMI | VMCB_INTERCEPT_SMI | VMCB_INTERCEPT_INIT |
                   VMCB_INTERCEPT_RDPMC | VMCB_INTERCEPT_CPUID | VMCB_INTERCEPT_RSM | VMCB_INTERCEPT_INVD |
                   VMCB_INTERCEPT_HLT | VMCB_INTERCEPT_INVLPGA | VMCB_INTERCEPT_IOIO | VMCB_INTERCEPT_MSR |
                   VMCB_INTERCEPT_SHUTDOWN);
    vmcb->intercept_2 = (uint32_t)(VMCB_INTERCEPT_VMRUN | VMCB_INTERCEPT_VMMCALL | VMCB_INTERCEPT_VMLOAD |
                                   VMCB_INTERCEPT_VMSAVE | VMCB_INTERCEPT_STGI | VMCB_INTERCEPT_CLGI |
                                   VMCB_INTERCEPT_SKINIT | VMCB_INTERCEPT_WBINVD | VMCB_INTERCEPT_MONITOR |
                                   VMCB_INTERCEPT_MWAIT | VMCB_INTERCEPT_XSETBV | VMCB_INTERCEPT_RDPRU);
    if (svm_features.pause_filter) {
        vmcb->intercept_1 |= (uint32_t)VMCB_INTERCEPT_PAUSE;
        vmcb->pause_filter_count = SVM_PAUSE_COUNT;
    }
    vmcb->iopm_base = svm_iopm_pa();
    vmcb->msrpm_base = svm_msrpm_pa();
    vmcb->int_ctl = VMCB_V_INTR_MASKING | (vnmi ? VMCB_V_NMI_ENABLE : 0);
    vmcb->nested_control = VMCB_NP_ENABLE;
    vmcb->nested_cr3 = vm->nested_root.v;
    vmcb->clean = 0;
}

/* Walked in the host's paging mode; every nested access counts as a user access ("Nested Paging"). */
static int svm_vm_create(struct x86_vm *vm)
{
    const struct nested_format format = {
        .table = NPT_RIGHTS, .leaf = NPT_RIGHTS, .largest = cpu_features.has_1g_pages ? 2 : 1};

    return nested_map_create(vm, &format);
}

static struct x86_vcpu *svm_vcpu_create(struct x86_vm *vm, uint32_t id)
{
    struct svm_vcpu *svm;
    hpa_t pages;

    if (pmem_alloc((sizeof(*svm) + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE, &pages) != 0)
        return NULL;
    svm = hpa_to_ptr(pages);
    svm->vmcb = page_alloc();
    if (svm->vmcb == NULL) {
        pmem_free(pages, (sizeof(*svm) + PAGE_SIZE - 1) / PAGE_SIZE);
        return NULL;
    }
    svm->x86.core.vm = &vm->core;
    svm->x86.core.id = id;
    svm->x86.cr8_byte = (const volatile uint8_t *)&svm->vmcb->int_ctl; /* VMCB_V_TPR */
    svm->x86.sw.guest_block_pa = ptr_to_hpa(svm->vmcb).v;
    return &svm->x86;
}

static void svm_vcpu_reset(struct x86_vcpu *vcpu)
{
    struct svm_vcpu *svm = svm_vcpu_of(vcpu);

    *svm->vmcb = (struct vmcb){0};
    vmcb_init(svm->vmcb, x86_vm_of(vcpu->core.vm), vcpu->core.inject.state.way == INJECT_WAY_SLOT);
    svm_state_reset(svm);
    svm->windows = 0;
    svm->stepping = false;
    svm->shadow_rip = SVM_NO_RIP;
    svm->asid_generation = 0;
    vmcb_set_tsc_offset(svm->vmcb, vcpu->tsc_offset);
}

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
    if (exit.kind == VM_EXIT_HOST_EVENT)
        return prepare_slowly(svm);
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

    if (prepare_slowly(svm) == 0)
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
    .block_name = "vmcb",
    .nested_name = "NPT",
    .inject = {.view = svm_inject_view, .apply = svm_inject_apply},
};
