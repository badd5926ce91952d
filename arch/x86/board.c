/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device stands where. */
#include "arch/x86/board.h"

#include "arch/x86/guest_acpi.h"
#include "arch/x86/insn.h"
#include "arch/x86/tsc.h"
#include "arch/x86/x86_vm.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/time.h"
#include "drivers/cmos_clock.h"
#include "lib/error.h"

#define IRQ_COM1 4
#define IRQ_RTC  8
#define IRQ_SCI  GUEST_ACPI_SCI

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    return insn_rdtsc() + x86_vcpu_of(vcpu)->tsc_offset;
}

static const struct apic_bus_ops apic_ops = {.guest_tsc = guest_tsc};

uint64_t board_boot_utc(void)
{
    static uint64_t boot_utc; /* boot CPU, before any guest runs: constant afterwards */

    if (boot_utc == 0)
        boot_utc = cmos_clock_utc() - time_now_ns() / NS_PER_SEC;
    return boot_utc;
}

static void init_rtc(struct board *board, struct vm *vm)
{
    const struct vrtc_params params = {
        .boot_utc_s = board_boot_utc(),
        .ram_low = guest_map_low_end(vm->config->mem),
        .ram_high = guest_map_high_end(vm->config->mem) - GUEST_HIGH_START,
        .cpu_count = vm->vcpu_count,
    };

    vrtc_init(&board->rtc, vm, board_irq_line(&board->irq, IRQ_RTC), &params);
}

static void init_fwcfg(struct board *board, const struct vm *vm)
{
    const struct vm_config *vm_config = vm->config;
    uint32_t entries = guest_map_e820(vm_config->mem, board->e820);
    struct vfwcfg_params params = {
        .cpu_count = vm->vcpu_count,
        .cpu_count_most = vm->vcpu_count,
        .ram_size = vm_config->mem,
        .cmdline = vm_config->guest_cmdline,
        .kernel = {hpa_to_ptr(vm_config->kernel.start), (uint32_t)vm_config->kernel.size},
        .e820 = {board->e820, (uint32_t)(entries * sizeof(board->e820[0]))},
    };

    if (vm_config->has_initrd)
        params.initrd =
            (struct vfwcfg_blob){hpa_to_ptr(vm_config->initrd.start), (uint32_t)vm_config->initrd.size};
    vfwcfg_init(&board->fwcfg, &params);
}

static int register_all(struct board *board, struct bus *pio)
{
    int error = vuart_register(&board->uart, pio);

    if (error == 0)
        error = vrtc_register(&board->rtc, pio);
    if (error == 0)
        error = vpm_register(&board->pm, pio);
    if (error == 0)
        error = vreset_register(&board->reset, pio);
    if (error == 0)
        error = vpci_none_register(&board->pci, pio);
    if (error == 0)
        error = vfwcfg_register(&board->fwcfg, pio);
    if (error == 0)
        error = vdebugexit_register(&board->debugexit, pio);
    return error;
}

int board_init(struct x86_vm *vm)
{
    struct board *board = &vm->board;
    struct vm *core = &vm->core;
    int error = board_irq_init(&board->irq, core, &apic_ops, tsc_khz() * 1000);

    if (error != 0)
        return error;
    vuart_init(&board->uart, core, board_irq_line(&board->irq, IRQ_COM1));
    init_rtc(board, core);
    vpm_init(&board->pm, core, board_irq_line(&board->irq, IRQ_SCI));
    vreset_init(&board->reset, core);
    vpci_none_init(&board->pci, &board->reset);
    init_fwcfg(board, core);
    vdebugexit_init(&board->debugexit, core);
    return register_all(board, &core->buses[BUS_PIO]);
}

int board_write_tables(struct x86_vm *vm)
{
    struct guest_acpi_params params = guest_acpi_default(vm->core.vcpu_count);
    int error = guest_map_write_bda(&vm->core);

    if (error == 0)
        error = guest_acpi_write(&vm->core, &params);
    if (error == 0)
        error = guest_mptable_write(&vm->core, &params);
    return error;
}
