# SPDX-License-Identifier: BSD-2-Clause
# Host side: CPU, traps, memory map, clock, firmware, interrupts, console.
arch-arm64-y := arch/arm64/cpu.c arch/arm64/host_entry.S arch/arm64/trap_entry.S arch/arm64/traps.c arch/arm64/panic_arch.c
arch-arm64-y += arch/arm64/host_map.c arch/arm64/host_timer.c arch/arm64/host_irq.c arch/arm64/host_console.c
arch-arm64-y += arch/arm64/host_platform.c arch/arm64/host_report.c arch/arm64/host_power.c arch/arm64/host_smp.c
arch-arm64-y += arch/arm64/psci.c

# Debugging guests.
arch-arm64-y += arch/arm64/gdb_debug.c arch/arm64/arm64_debug.c arch/arm64/stop_debug.c

# Guest side.
arch-arm64-y += arch/arm64/guest_entry.S arch/arm64/guest_context.c arch/arm64/guest_run.c arch/arm64/guest_exit.c
arch-arm64-y += arch/arm64/exit_decode.c arch/arm64/guest_inject.c arch/arm64/guest_mmio.c arch/arm64/mmio_decode.c
arch-arm64-y += arch/arm64/guest_sysreg.c arch/arm64/guest_id.c arch/arm64/guest_psci.c arch/arm64/guest_timer.c
arch-arm64-y += arch/arm64/stage2.c arch/arm64/guest_ram.c arch/arm64/guest_dtb.c arch/arm64/guest_load.c
arch-arm64-y += arch/arm64/arm64_vm.c arch/arm64/arm64_inspect.c arch/arm64/guest_walk.c arch/arm64/gic/ich.c

hot-y += arch/arm64/guest_run.c arch/arm64/guest_exit.c arch/arm64/exit_decode.c arch/arm64/guest_mmio.c
hot-y += arch/arm64/mmio_decode.c arch/arm64/guest_psci.c arch/arm64/guest_sysreg.c arch/arm64/gic/ich.c
hot-y += arch/arm64/host_irq.c arch/arm64/host_timer.c arch/arm64/gic/gicv3.c
arch-arm64-y += arch/arm64/act_inspect.c arch/arm64/events_inspect.c arch/arm64/touched_inspect.c
arch-arm64-y += arch/arm64/shell_port_debug.c
