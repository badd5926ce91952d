# SPDX-License-Identifier: BSD-2-Clause
# Host side: CPU, traps, memory map, clock, firmware, interrupts, console.
arch-arm64-y := arch/arm64/cpu.c arch/arm64/host_entry.S arch/arm64/trap_entry.S arch/arm64/traps.c arch/arm64/panic_arch.c
arch-arm64-y += arch/arm64/host_map.c arch/arm64/host_timer.c arch/arm64/host_irq.c arch/arm64/host_console.c
arch-arm64-y += arch/arm64/host_platform.c arch/arm64/host_report.c arch/arm64/host_power.c arch/arm64/host_smp.c
arch-arm64-y += arch/arm64/psci.c

# Guest side.
arch-arm64-y += arch/arm64/absent.c arch/arm64/absent_vectors.S

hot-y += arch/arm64/host_irq.c arch/arm64/host_timer.c arch/arm64/gic/gicv3.c
