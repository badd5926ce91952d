/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD SVM: feature check, per-CPU set-up, how vCPUs begin. The run loop is in svm.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/nested_map.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/svm/svm_state.h"
#include "arch/x86/vcpu_ops.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/error.h"
#include "lib/printf.h"

#define SVM_CPUID_LEAF  0x8000000a
#define SVM_EDX_NP      BIT(0)
#define SVM_EDX_NRIPS   BIT(3)
#define SVM_EDX_FLUSH   BIT(6)
#define SVM_EDX_ASSISTS BIT(7)
#define SVM_EDX_PAUSE   BIT(10)
#define SVM_EDX_VGIF    BIT(16)
#define SVM_EDX_VNMI    BIT(25)
#define SVM_PAUSE_COUNT 3000
#define NPT_RIGHTS      FIELD(2, 0) /* present, write, user */
#define NPT_ACCESSED    BIT(5)

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

int svm_check_features(void)
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

int svm_choose_nmi(enum nmi_way wish, enum inject_way_id *way, uint32_t *caps)
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

int svm_cpu_enable(void)
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
int svm_vm_create(struct x86_vm *vm)
{
    const struct nested_format format = {.table = NPT_RIGHTS,
                                         .leaf = NPT_RIGHTS,
                                         .accessed = NPT_ACCESSED,
                                         .largest = cpu_features.has_1g_pages ? 2 : 1};

    return nested_map_create(vm, &format);
}

struct x86_vcpu *svm_vcpu_create(struct x86_vm *vm, uint32_t id)
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

void svm_vcpu_reset(struct x86_vcpu *vcpu)
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
