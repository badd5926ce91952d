/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building, starting and resetting VMs: memory, nested tables, vCPUs, board, images.
 */
#include "arch/x86/x86_vm.h"

#include "arch/x86/cpu_features.h"
#include "arch/x86/ext_state.h"
#include "arch/x86/guest_msr.h"
#include "arch/x86/guest_ram.h"
#include "arch/x86/image.h"
#include "arch/x86/insn.h"
#include "arch/x86/loader.h"
#include "arch/x86/mitigations.h"
#include "arch/x86/tsc.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_debug.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/sched.h"
#include "core/time.h"
#include "lib/error.h"

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* How NMIs are tracked: one way for all vCPUs, chosen at boot. */
static enum inject_way_id nmi_way;
static uint32_t nmi_caps;

int arch_virt_init(void)
{
    cpu_features_init();
    if (cpu_features.has_fred)
        log_info("self-check: this CPU offers FRED; it stays off, events go through the IDT");
    x86_ops = cpu_features.vendor == CPU_VENDOR_INTEL ? &vmx_ops : &svm_ops;
    if (x86_ops->check_features() != 0 || x86_ops->choose_nmi(config.nmi, &nmi_way, &nmi_caps) != 0)
        return E_NOTSUP;
    mitigations_init();
    ext_state_cpu_enable();
    return x86_ops->cpu_enable();
}

void x86_vcpu_init(struct x86_vcpu *vcpu)
{
    vlapic_reset(&vcpu->lapic, true);
    inject_init_taken(&vcpu->core.inject);
    vcpu->waiting &= ~X86_WAIT_EVENT;
    x86_ops->vcpu_reset(vcpu);
    x86_debug_after_reset(vcpu, true);
    guest_cpuid_update(&vcpu->cpuid, x86_ops->get(vcpu, X86_STATE_CR4));
}

void x86_vcpu_start(struct x86_vcpu *vcpu, const struct x86_start_state *start)
{
    vcpu->sw.regs = start->regs;
    for (enum x86_sreg s = X86_ES; s < X86_SREGS; s++)
        x86_ops->set_seg(vcpu, s, &start->segs[s]);
    x86_ops->set_table(vcpu, X86_TABLE_LDTR, &start->ldtr);
    x86_ops->set_table(vcpu, X86_TABLE_TR, &start->tr);
    x86_ops->set_table(vcpu, X86_TABLE_GDTR,
                       &(struct x86_seg){.base = start->gdt.base, .limit = start->gdt.limit});
    x86_ops->set_table(vcpu, X86_TABLE_IDTR,
                       &(struct x86_seg){.base = start->idt.base, .limit = start->idt.limit});
    x86_ops->set(vcpu, X86_STATE_EFER, start->efer);
    x86_ops->set(vcpu, X86_STATE_CR0, start->cr0);
    x86_ops->set(vcpu, X86_STATE_CR3, start->cr3);
    x86_ops->set(vcpu, X86_STATE_CR4, start->cr4);
}

/* Power-on state of everything a vCPU has. Not loaded anywhere. */
static void vcpu_power_on(struct x86_vcpu *vcpu)
{
    struct vm *vm = vcpu->core.vm;

    vlapic_reset(&vcpu->lapic, false);
    inject_reset(&vcpu->core.inject);
    guest_msr_reset(&vcpu->msrs);
    ext_state_reset(&vcpu->ext);
    guest_cpuid_init(&vcpu->cpuid, vcpu->core.id, vm->vcpu_count, tsc_khz());
    insn_cache_init(&vcpu->insns);
    vcpu->waiting = vcpu->core.id != 0 ? X86_WAIT_SIPI : 0;
    vcpu->tsc_offset = x86_vm_of(vm)->tsc_offset;
    atomic_store(&vcpu->core.requests, 0);
    atomic_store(&vcpu->core.state, vcpu->core.id == 0 ? VCPU_RUNNABLE : VCPU_OFF);
    x86_ops->vcpu_reset(vcpu);
    x86_debug_after_reset(vcpu, false);
}

static int create_vcpu(struct x86_vm *vm, uint32_t id)
{
    struct x86_vcpu *vcpu = x86_ops->vcpu_create(vm, id);

    if (vcpu == NULL)
        return E_NOMEM;
    if (sched_init_vcpu(&vcpu->core, vm->core.config, id) != 0)
        return E_INVAL;
    vm->core.vcpus[id] = &vcpu->core;
    inject_init(&vcpu->core.inject, nmi_way, nmi_caps);
    timer_init(&vcpu->soft_nmi, &x86_soft_nmi_timer);
    vlapic_init(&vcpu->lapic, &vm->board.irq.apics, &vcpu->core);
    return ext_state_init(&vcpu->ext);
}

/* Power on, images in place, boot vCPU at its entry. */
static int power_on(struct x86_vm *vm)
{
    const struct vm_config *vm_config = vm->core.config;
    struct x86_start_state start;
    struct x86_vcpu *boot = x86_vcpu_of(vm->core.vcpus[0]);
    int error;

    vm->tsc_offset = 0 - insn_rdtsc();
    log_info("vm %s: clock starts %lu TSC ticks after the loader's hand-over", vm->core.config->name,
             0 - vm->tsc_offset - boot_entry_tsc);
    vm->start_ns = time_now_ns();
    for (uint32_t i = 0; i < vm->core.vcpu_count; i++)
        vcpu_power_on(x86_vcpu_of(vm->core.vcpus[i]));
    error = board_write_tables(vm);
    if (error == 0)
        error = x86_load_image(&vm->core, vm->core.config, &start);
    if (error != 0)
        return error;
    if (vm->restart_count == 0)
        log_info("self-check: vm %s: %u CPUs, %lu MiB, kernel %lu KiB (%s), initrd %lu KiB", vm_config->name,
                 vm->core.vcpu_count, vm_config->mem / MIB, vm_config->kernel.size / KIB, start.format,
                 vm_config->has_initrd ? vm_config->initrd.size / KIB : 0);
    vlapic_firmware_setup(&boot->lapic);
    x86_vcpu_start(boot, &start);
    return 0;
}

int arch_vm_create(const struct vm_config *vm_config, uint32_t id, struct vm **out)
{
    struct x86_vm *vm;
    hpa_t pages;
    int error;

    if (pmem_alloc(pages_of(sizeof(*vm)), PAGE_SIZE, &pages) != 0)
        return E_NOMEM;
    vm = hpa_to_ptr(pages);
    vm->core.id = id;
    vm->core.config = vm_config;
    vm->core.vcpu_count = vm_config->cpus;
    error = guest_ram_alloc(&vm->core);
    if (error == 0)
        error = x86_ops->vm_create(vm);
    if (error == 0)
        error = board_init(vm);
    for (uint32_t i = 0; error == 0 && i < vm_config->cpus; i++)
        error = create_vcpu(vm, i);
    if (error == 0)
        error = power_on(vm);
    if (error != 0) {
        /* The large part, so that other VMs have it; tables and devices are small and nobody reaches them. */
        guest_ram_free(&vm->core);
        return error;
    }
    *out = &vm->core;
    return 0;
}

int arch_vm_reset(struct vm *core)
{
    struct x86_vm *vm = x86_vm_of(core);

    vm->restart_count++;
    spin_lock(&core->dev_lock);
    for (unsigned int kind = 0; kind < BUS_KINDS; kind++)
        bus_reset(&core->buses[kind]);
    spin_unlock(&core->dev_lock);
    return power_on(vm);
}
