# SPDX-License-Identifier: BSD-2-Clause
arch-x86-y := arch/x86/board.c arch/x86/control_regs.c arch/x86/cpu_features.c arch/x86/ext_state.c arch/x86/guest_cpuid.c \
	arch/x86/guest_emulate.c arch/x86/guest_msr.c arch/x86/insn_cache.c arch/x86/mitigation_plan.c arch/x86/mitigations.c arch/x86/pvclock.c arch/x86/x86_exit.c arch/x86/x86_run.c \
	arch/x86/x86_vm.c

# Host side: CPU, traps, memory map, clock, interrupts, console.
arch-x86-y += arch/x86/cpu.c arch/x86/gdt.c arch/x86/traps.c arch/x86/trap_entry.S
arch-x86-y += arch/x86/panic_arch.c arch/x86/host_map.c arch/x86/host_apic.c arch/x86/host_console.c
arch-x86-y += arch/x86/host_platform.c arch/x86/host_smp.c arch/x86/host_power.c arch/x86/host_report.c
arch-x86-y += arch/x86/tsc.c arch/x86/tsc_calibrate.c arch/x86/tsc_sync.c

arch-x86-y += arch/x86/decode.c arch/x86/decode_modrm.c arch/x86/decode_refine.c arch/x86/decode_table.c
# The guest's interrupt controllers.
vlapic-y := arch/x86/vlapic.c arch/x86/vlapic_io.c arch/x86/vlapic_msr.c arch/x86/vlapic_reset.c \
	arch/x86/vlapic_timer.c arch/x86/apic_bus.c
arch-x86-y += $(vlapic-y) arch/x86/board_irq.c
arch-x86-y += arch/x86/guest_walk.c
arch-x86-y += arch/x86/emulate.c arch/x86/emulate_access.c arch/x86/emulate_alu.c arch/x86/emulate_memory.c
arch-x86-y += arch/x86/emulate_operand.c arch/x86/emulate_string.c

arch-x86-y += arch/x86/guest_map.c arch/x86/guest_ram.c arch/x86/start_state.c
arch-x86-y += arch/x86/load.c arch/x86/load_bzimage.c arch/x86/load_elf.c arch/x86/load_flat.c arch/x86/load_multiboot1.c \
	arch/x86/load_multiboot2.c arch/x86/load_pvh.c arch/x86/loader.c arch/x86/multiboot2_header.c
arch-x86-y += arch/x86/guest_acpi.c arch/x86/guest_mptable.c arch/x86/nested_map.c

hot-y += arch/x86/board_irq.c arch/x86/guest_emulate.c arch/x86/insn_cache.c arch/x86/tsc.c
hot-y += arch/x86/vlapic.c arch/x86/vlapic_io.c arch/x86/x86_exit.c arch/x86/x86_run.c
arch-x86-y += arch/x86/events_inspect.c arch/x86/refused_inspect.c arch/x86/touched_inspect.c
arch-x86-y += arch/x86/x86_inspect.c arch/x86/act_inspect.c
arch-x86-y += arch/x86/x86_debug.c arch/x86/gdb_port_debug.c arch/x86/gdb_target_debug.c arch/x86/fpu_debug.c
arch-x86-y += arch/x86/shell_port_debug.c
