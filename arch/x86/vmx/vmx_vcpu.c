/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a VMX vCPU: its VMCS is made clear, filled at reset, current while the vCPU is loaded on a CPU,
 * and clear in memory again afterwards, so that any other CPU may load or reset it.
 */
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "arch/x86/nested_map.h"
#include "arch/x86/host_map.h"
#include "arch/x86/vmx/offsets.h"
#include "arch/x86/vmx/vmx_insn.h"
#include "arch/x86/vmx/vmx_state.h"
#include "core/pmem.h"
#include "lib/error.h"

/* EPT entries ("EPT Translation Mechanism"). No guest memory is uncached, so the guest's PAT is ignored. */
#define EPT_RIGHTS     FIELD(2, 0) /* read, write, execute */
#define EPT_WB         (UINT64_C(6) << 3)
#define EPT_IGNORE_PAT BIT(6)
#define EPT_ACCESSED   BIT(8)

/* Power-on values ("Processor State After Reset", Intel SDM volume 3). */
#define RESET_DR6    UINT64_C(0xffff0ff0)
#define RESET_DR7    UINT64_C(0x400)
#define NO_LINK      UINT64_MAX
#define PAUSE_GAP    128
#define PAUSE_WINDOW 3000

/* CR0 and CR4 bits that the guest may change without an exit. */
#define CR0_GUEST_OWNED CR0_TS
#define CR4_GUEST_OWNED CR4_PGE

static uint16_t next_vpid = 1; /* boot CPU */

int vmx_vm_create(struct x86_vm *vm)
{
    const struct nested_format format = {.table = EPT_RIGHTS,
                                         .leaf = EPT_RIGHTS | EPT_WB | EPT_IGNORE_PAT,
                                         .accessed =
                                             (vmx_features.ept_vpid & VMX_EPT_CAP_AD) != 0 ? EPT_ACCESSED : 0,
                                         .largest = (vmx_features.ept_vpid & VMX_EPT_CAP_1G) != 0 ? 2 : 1};

    return nested_map_create(vm, &format);
}

struct x86_vcpu *vmx_vcpu_create(struct x86_vm *vm, uint32_t id)
{
    uint64_t count = (sizeof(struct vmx_vcpu) + PAGE_SIZE - 1) / PAGE_SIZE;
    struct vmx_vcpu *vmx;
    uint32_t *vmcs;
    hpa_t pages;

    if (pmem_alloc(count, PAGE_SIZE, &pages) != 0)
        return NULL;
    vmx = hpa_to_ptr(pages);
    vmcs = page_alloc();
    if (vmcs == NULL)
        goto free_vcpu;
    vmx->virtual_apic = page_alloc();
    if (vmx->virtual_apic == NULL)
        goto free_vmcs;
    *vmcs = vmx_features.revision;
    vmx->vmcs = ptr_to_hpa(vmcs);
    insn_vmclear(vmx->vmcs.v);
    vmx->vpid = next_vpid++;
    vmx->x86.core.vm = &vm->core;
    vmx->x86.core.id = id;
    vmx->x86.cr8_byte = &vmx->virtual_apic[VIRTUAL_APIC_TPR];
    return &vmx->x86;

free_vmcs:
    page_free(vmcs);
free_vcpu:
    pmem_free(pages, count);
    return NULL;
}

bool vmx_borrow(struct vmx_vcpu *vmx)
{
    if (vmx_is_current(vmx))
        return false;
    ASSERT(vmx->cpu == NULL);
    insn_vmptrld(vmx->vmcs.v);
    vmx->cpu = this_x86_cpu();
    return true;
}

void vmx_return(struct vmx_vcpu *vmx, bool borrowed)
{
    const struct vmx_cpu *cpu = vmx_cpu_of(this_x86_cpu());

    if (!borrowed)
        return;
    insn_vmclear(vmx->vmcs.v);
    vmx->cpu = NULL;
    if (cpu->current != NULL)
        insn_vmptrld(cpu->current->vmcs.v);
}

static void write_controls(struct vmx_vcpu *vmx)
{
    const struct vmx_features *f = &vmx_features;

    vmcs_write32(VMCS_PIN_CONTROLS, f->pin);
    vmcs_write32(VMCS_PRIMARY_CONTROLS, f->primary);
    vmcs_write32(VMCS_SECONDARY_CONTROLS, f->secondary);
    vmcs_write32(VMCS_EXIT_CONTROLS, f->exit);
    vmcs_write32(VMCS_ENTRY_CONTROLS, f->entry);
    vmcs_write32(VMCS_EXCEPTION_BITMAP, VMX_EXCEPTIONS);
    vmcs_write32(VMCS_PF_ERROR_MASK, 0);
    vmcs_write32(VMCS_PF_ERROR_MATCH, 0);
    vmcs_write32(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmcs_write32(VMCS_ENTRY_EVENT, 0);
    vmcs_write32(VMCS_TPR_THRESHOLD, 0);
    vmcs_write64(VMCS_MSR_BITMAP, f->msr_bitmap.v);
    vmcs_write64(VMCS_VIRTUAL_APIC, ptr_to_hpa(vmx->virtual_apic).v);
    vmcs_write64(VMCS_TSC_OFFSET, vmx->x86.tsc_offset);
    vmcs_write64(VMCS_EPT_POINTER, vmx_eptp(vmx));
    vmcs_write64(VMCS_LINK_POINTER, NO_LINK);
    if ((f->secondary & VMCS_SECONDARY_VPID) != 0)
        vmcs_write16(VMCS_VPID, vmx->vpid);
    if ((f->secondary & VMCS_SECONDARY_PAUSE_LOOP) != 0) {
        vmcs_write32(VMCS_PLE_GAP, PAUSE_GAP);
        vmcs_write32(VMCS_PLE_WINDOW, PAUSE_WINDOW);
    }
    if ((f->pin & VMCS_PIN_PREEMPTION_TIMER) != 0)
        vmcs_write32(VMCS_PREEMPTION_TIMER, f->timer_count);
    vmcs_write(VMCS_CR0_MASK, ~CR0_GUEST_OWNED);
    vmcs_write(VMCS_CR4_MASK, ~CR4_GUEST_OWNED);
    vmx->primary = f->primary;
    vmx->event_written = false;
}

/* What x86_vcpu_start() does not set. */
static void write_guest(struct vmx_vcpu *vmx)
{
    const struct x86_regs *regs = &vmx->x86.sw.regs;

    vmcs_write(VMCS_GUEST_RIP, regs->rip);
    vmcs_write(VMCS_GUEST_RSP, regs->gpr[X86_RSP]);
    vmcs_write(VMCS_GUEST_RFLAGS, regs->rflags);
    vmcs_write(VMCS_GUEST_DR7, RESET_DR7);
    vmcs_write64(VMCS_GUEST_DEBUGCTL, 0);
    vmcs_write64(VMCS_GUEST_PAT, PAT_RESET);
    vmcs_write32(VMCS_GUEST_BLOCKING, 0);
    vmcs_write32(VMCS_GUEST_ACTIVITY, 0);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write32(VMCS_GUEST_SYSENTER_CS, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_EIP, 0);
    vmx->blocking = 0;
    vmx->hw_rip = regs->rip;
    vmx->hw_rsp = regs->gpr[X86_RSP];
    vmx->hw_rflags = regs->rflags;
}

void vmx_vcpu_reset(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    bool borrowed = vmx_borrow(vmx);
    struct x86_start_state start;

    write_controls(vmx);
    start_state_reset(&start);
    x86_vcpu_start(vcpu, &start);
    write_guest(vmx);
    vmx_set(vcpu, X86_STATE_CR2, 0);
    vmx_set(vcpu, X86_STATE_DR6, RESET_DR6);
    vmx_set_cr8(vcpu, 0);
    vmx->flush = true;
    vmx_return(vmx, borrowed);
}

/* What an exit loads: constant for a CPU. */
static void write_host(struct x86_cpu *cpu)
{
    vmcs_write(VMCS_HOST_CR0, insn_read_cr0());
    vmcs_write(VMCS_HOST_CR3, insn_read_cr3());
    vmcs_write(VMCS_HOST_CR4, insn_read_cr4());
    vmcs_write16(VMCS_HOST_CS_SELECTOR, GDT_CS);
    vmcs_write16(VMCS_HOST_SS_SELECTOR, GDT_DS);
    vmcs_write16(VMCS_HOST_DS_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_ES_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_FS_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_GS_SELECTOR, 0);
    vmcs_write16(VMCS_HOST_TR_SELECTOR, GDT_TSS);
    vmcs_write(VMCS_HOST_FS_BASE, 0);
    vmcs_write(VMCS_HOST_GS_BASE, (uintptr_t)cpu);
    vmcs_write(VMCS_HOST_TR_BASE, (uintptr_t)&cpu->tss);
    vmcs_write(VMCS_HOST_GDTR_BASE, insn_sgdt().base);
    vmcs_write(VMCS_HOST_IDTR_BASE, insn_sidt().base);
    vmcs_write32(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_write64(VMCS_HOST_PAT, insn_rdmsr(MSR_PAT));
    vmcs_write64(VMCS_HOST_EFER, insn_rdmsr(MSR_EFER));
    vmcs_write(VMCS_HOST_RIP, (uintptr_t)vmx_exit);
}

void vmx_load(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    struct x86_cpu *cpu = this_x86_cpu();
    const struct vmx_parked *parked = &vmx->parked;

    if (vmx_is_current(vmx))
        return;
    ASSERT(vmx->cpu == NULL && vmx_cpu_of(cpu)->current == NULL);
    insn_vmptrld(vmx->vmcs.v);
    vmx->cpu = cpu;
    vmx_cpu_of(cpu)->current = vmx;
    vmx->launched = false;
    if (vmx->host_cpu != cpu) {
        write_host(cpu);
        vmx->host_cpu = cpu;
        vmx->flush = true;
    }
    insn_write_cr2(parked->cr2);
    insn_write_dr6(parked->dr6);
    insn_wrmsr(MSR_STAR, parked->star);
    insn_wrmsr(MSR_LSTAR, parked->lstar);
    insn_wrmsr(MSR_CSTAR, parked->cstar);
    insn_wrmsr(MSR_SFMASK, parked->sfmask);
    insn_wrmsr(MSR_KERNEL_GS_BASE, parked->kernel_gs_base);
}

void vmx_put(struct x86_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_vcpu_of(vcpu);
    struct vmx_cpu *cpu = vmx_cpu_of(this_x86_cpu());

    ASSERT(vmx_is_current(vmx) && cpu->current == vmx);
    vmx->parked = (struct vmx_parked){.cr2 = insn_read_cr2(),
                                      .dr6 = insn_read_dr6(),
                                      .star = insn_rdmsr(MSR_STAR),
                                      .lstar = insn_rdmsr(MSR_LSTAR),
                                      .cstar = insn_rdmsr(MSR_CSTAR),
                                      .sfmask = insn_rdmsr(MSR_SFMASK),
                                      .kernel_gs_base = insn_rdmsr(MSR_KERNEL_GS_BASE)};
    insn_vmclear(vmx->vmcs.v);
    cpu->current = NULL;
    vmx->cpu = NULL;
}
