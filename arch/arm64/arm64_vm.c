/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building, starting and resetting VMs: memory, stage 2, interrupt controller, devices, vCPUs, images.
 */
#include "arch/arm64/arm64_vm.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/ich.h"
#include "arch/arm64/gic/vgic_v4.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_cpu.h"
#include "arch/arm64/guest_dtb.h"
#include "arch/arm64/guest_load.h"
#include "arch/arm64/guest_map.h"
#include "arch/arm64/guest_ram.h"
#include "arch/arm64/guest_run.h"
#include "arch/arm64/guest_timer.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/stage2.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/sched.h"
#include "lib/error.h"

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

int arch_virt_init(void)
{
    int context = guest_context_init();
    int interface = ich_init();

    if (context != 0 || interface != 0)
        return E_NOTSUP;
    vgic_v4_init();
    guest_cpu_init(this_arm64_cpu());
    log_info("self-check: guests: %u bits of address, %u list registers", guest_ipa_bits(), ich_lr_count());
    return 0;
}

static void uart_changed(struct irq_line *line, bool level)
{
    struct arm64_vm *vm = line->board;

    vgic_set_line(&vm->gic, line->number, level);
}

static const struct irq_line_ops line_ops = {.changed = uart_changed};

static int create_devices(struct arm64_vm *vm)
{
    struct bus *mmio = &vm->core.buses[BUS_MMIO];
    struct vgic_config gic = {
        .ops = &gic_ops,
        .vcpu_count = vm->core.vcpu_count,
        .lr_count = ich_lr_count(),
        .pre_bits = ich_preemption_bits(),
        .spi_count = ARM64_SPIS,
        .spis = vm->spis,
        .lpi_count = ARM64_LPIS,
        .lpis = vm->lpis,
    };
    int error;

    vgic_v4_vm_init(vm);
    gic.direct = vm->v4.on ? &vgic_v4_ops : NULL;
    error = vgic_vm_init(&vm->gic, &gic);

    if (error == 0)
        error = vgic_register(&vm->gic, mmio);
    vits_init(&vm->its, &vm->gic, vm->its_events);
    if (error == 0)
        error = vits_register(&vm->its, mmio);
    vits_msi_init(&vm->msi, &vm->its);
    if (error == 0 && vm->core.config->msi_test)
        error = bus_register(mmio, GUEST_MSI_BASE, GUEST_MSI_SIZE, &vm->msi.dev);
    vm->uart_line = (struct irq_line){.ops = &line_ops, .board = vm, .number = GUEST_UART_INTID};
    vpl011_init(&vm->uart, &vm->core, &vm->uart_line);
    return error != 0 ? error : vpl011_register(&vm->uart, mmio, GUEST_UART_BASE, GUEST_UART_SIZE);
}

static int create_vcpu(struct arm64_vm *vm, uint32_t id)
{
    struct arm64_vcpu *vcpu;
    hpa_t pages;

    if (pmem_alloc(pages_of(sizeof(*vcpu)), PAGE_SIZE, &pages) != 0)
        return E_NOMEM;
    vcpu = hpa_to_ptr(pages);
    vcpu->core.vm = &vm->core;
    vcpu->core.id = id;
    if (sched_init_vcpu(&vcpu->core, vm->core.config, id) != 0)
        return E_INVAL;
    vgic_vcpu_init(&vm->gic, &vcpu->gic, id, &vcpu->core);
    guest_timer_init(vcpu);
    vm->core.vcpus[id] = &vcpu->core;
    return vgic_v4_vcpu_init(vcpu);
}

/* The tree is written once: see guest_dtb.h. */
static int create_tree(struct arm64_vm *vm)
{
    const struct vm_config *wanted = vm->core.config;
    struct guest_dtb_params params = {
        .cpu_count = vm->core.vcpu_count,
        .msi_test = wanted->msi_test,
        .ram_size = wanted->mem,
        .initrd_start = vm->layout.initrd_start,
        .initrd_end = vm->layout.initrd_end,
        .cmdline = wanted->guest_cmdline,
    };
    hpa_t pages;

    if (pmem_alloc(pages_of(GUEST_DTB_SIZE), PAGE_SIZE, &pages) != 0)
        return E_NOMEM;
    vm->dtb = hpa_to_ptr(pages);
    if (guest_dtb_write(&params, vm->dtb, &vm->dtb_size) == 0)
        return 0;
    log_error("vm %s: command line too long for the device tree", wanted->name);
    return E_RANGE;
}

/* Power on, images in place, boot vCPU at its entry. */
static int power_on(struct arm64_vm *vm)
{
    int error = guest_load_images(&vm->core, &vm->layout, vm->dtb, vm->dtb_size);

    if (error != 0)
        return error;
    vm->cntvoff = host_timer_count();
    for (uint32_t i = 0; i < vm->core.vcpu_count; i++) {
        struct arm64_vcpu *vcpu = arm64_vcpu_of(vm->core.vcpus[i]);

        atomic_store(&vcpu->core.requests, 0);
        guest_power_on(vcpu, vm->layout.kernel, vm->layout.dtb);
        if (i != 0)
            guest_power_off(vcpu);
        atomic_store(&vcpu->core.state, i == 0 ? VCPU_RUNNABLE : VCPU_OFF);
    }
    guest_ram_clean(&vm->core);
    guest_forget_translations(vm->vttbr);
    return 0;
}

static int build(struct arm64_vm *vm)
{
    const struct vm_config *wanted = vm->core.config;
    int error = guest_layout_plan(wanted, hpa_to_ptr(wanted->kernel.start), &vm->layout);

    if (error == 0)
        error = guest_ram_alloc(&vm->core);
    if (error == 0)
        error = stage2_create(&vm->core.mem, &vm->stage2_root);
    if (error == 0)
        error = create_devices(vm);
    for (uint32_t i = 0; error == 0 && i < wanted->cpus; i++)
        error = create_vcpu(vm, i);
    if (error == 0)
        error = create_tree(vm);
    /* Number 0 stays free: it is what VTTBR_EL2 holds before the first guest. */
    vm->vttbr = vm->stage2_root.v | field_make(vm->core.id + 1, VTTBR_VMID);
    if (error == 0)
        error = power_on(vm);
    return error;
}

int arch_vm_create(const struct vm_config *wanted, uint32_t id, struct vm **out)
{
    struct arm64_vm *vm;
    hpa_t pages;
    int error;

    if (pmem_alloc(pages_of(sizeof(*vm)), PAGE_SIZE, &pages) != 0)
        return E_NOMEM;
    vm = hpa_to_ptr(pages);
    vm->core.id = id;
    vm->core.config = wanted;
    vm->core.vcpu_count = wanted->cpus;
    error = build(vm);
    if (error != 0) {
        /* The large part, so that other VMs have it; the rest is small and nobody reaches it. */
        guest_ram_free(&vm->core);
        return error;
    }
    log_info("self-check: vm %s: %u CPUs, %lu MiB, kernel %lu KiB (%s), initrd %lu KiB", wanted->name,
             vm->core.vcpu_count, wanted->mem / MIB, wanted->kernel.size / KIB, vm->layout.format,
             wanted->has_initrd ? wanted->initrd.size / KIB : 0);
    *out = &vm->core;
    return 0;
}

int arch_vm_reset(struct vm *core)
{
    struct arm64_vm *vm = arm64_vm_of(core);

    vm->restart_count++;
    spin_lock(&core->dev_lock);
    bus_reset(&core->buses[BUS_MMIO]);
    spin_unlock(&core->dev_lock);
    return power_on(vm);
}

void arch_vm_nmi(struct vm *vm)
{
    log_warn("vm %s: arm64 CPUs have no NMI without FEAT_NMI, which is not offered: nothing happens",
             vm->config->name);
}

bool arch_nested_broadcast(struct vm *vm)
{
    guest_forget_translations(arm64_vm_of(vm)->vttbr);
    return true;
}
