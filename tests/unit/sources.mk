# SPDX-License-Identifier: BSD-2-Clause
# One name per test in unit-y; unit-NAME-y lists the project's files that it links beside test_NAME.c.
unit-y :=

unit-y += lib
unit-lib-y := lib/printf.c lib/error.c

# Interrupt controllers and timers of the PC guest.
unit-y += vlapic vlapic_timer post_protocol apic_bus vpic vpit vpit_channel vioapic board_irq
unit-post_protocol-y :=
unit-y += nested_protocol nested_map
unit-nested_protocol-y :=
unit-nested_map-y := arch/x86/nested_map.c arch/x86/touched_inspect.c
unit-vlapic-y := $(vlapic-y) core/timer.c
unit-vlapic_timer-y := $(vlapic-y) core/timer.c
unit-apic_bus-y := $(vlapic-y) core/timer.c
unit-vpic-y := vdev/vpic.c vdev/vpic_io.c core/device.c core/timer.c
unit-vpit-y := vdev/vpit.c vdev/vpit_channel.c core/device.c core/timer.c
unit-vpit_channel-y := vdev/vpit_channel.c core/timer.c
unit-vioapic-y := vdev/vioapic.c core/device.c core/timer.c
unit-board_irq-y := arch/x86/board_irq.c $(vlapic-y) $(vdev-irq-y) core/device.c core/timer.c

unit-y += config
unit-config-y := core/config_word.c core/config_cpus.c core/config_options.c core/config_modules.c lib/printf.c lib/str.c
unit-y += device guest_mem timer
unit-device-y := core/device.c
unit-guest_mem-y := core/guest_mem.c
unit-timer-y := core/timer.c
unit-y += sched
unit-sched-y := core/cpu.c core/run_queue.c core/sched.c core/sched_choose.c core/sched_wake.c core/vcpu.c core/timer.c lib/heap.c
unit-y += run_queue heap
unit-run_queue-y := core/run_queue.c lib/heap.c
unit-heap-y := lib/heap.c

decode-files := arch/x86/decode.c arch/x86/decode_modrm.c arch/x86/decode_refine.c arch/x86/decode_table.c
unit-y += decode
unit-decode-y := $(decode-files)
unit-y += console
unit-console-y := core/console.c core/console_input.c core/gdb_console.c core/gdb_packet.c lib/str.c core/console_mux.c core/timer.c lib/printf.c
unit-y += console_order
unit-console_order-y := $(unit-console-y)

unit-y += inject_nmi inject_iret inject_event
unit-inject_nmi-y := $(inject-y)
unit-inject_iret-y := $(inject-y)
unit-inject_event-y := $(inject-y)

emulate-files := $(decode-files) arch/x86/guest_walk.c arch/x86/emulate.c arch/x86/emulate_access.c \
	arch/x86/emulate_alu.c arch/x86/emulate_memory.c arch/x86/emulate_operand.c arch/x86/emulate_string.c
unit-y += emulate_alu emulate emulate_faults emulate_native emulate_string guest_walk insn_cache
unit-emulate_alu-y := arch/x86/emulate_alu.c
unit-emulate-y := $(emulate-files)
unit-emulate_faults-y := $(emulate-files)
unit-emulate_string-y := $(emulate-files)
unit-emulate_native-y := $(emulate-files)
unit-guest_walk-y := arch/x86/guest_walk.c
unit-insn_cache-y := $(decode-files) arch/x86/guest_walk.c arch/x86/insn_cache.c

load-y := tests/unit/load_fixture.c $(filter arch/x86/load% arch/x86/multiboot2_header.c arch/x86/guest_map.c \
	arch/x86/start_state.c,$(arch-x86-y)) core/guest_mem.c lib/printf.c
unit-y += load_bzimage load_elf load_multiboot guest_map
unit-load_bzimage-y := $(load-y)
unit-load_elf-y := $(load-y)
unit-load_multiboot-y := $(load-y)
unit-guest_map-y := arch/x86/guest_map.c arch/x86/start_state.c core/guest_mem.c

unit-y += vlapic
unit-post_protocol-y :=
unit-vlapic-y := $(vlapic-y) core/timer.c
unit-y += vpic
unit-vpic-y := vdev/vpic.c vdev/vpic_io.c core/device.c core/timer.c
unit-y += guest_acpi
unit-guest_acpi-y := arch/x86/guest_acpi.c arch/x86/guest_mptable.c core/guest_mem.c
unit-y += vuart
unit-vuart-y := vdev/vuart.c core/device.c core/timer.c
unit-y += vrtc vpm vreset vfwcfg
unit-vrtc-y := vdev/vrtc.c vdev/vrtc_calendar.c core/device.c core/timer.c
unit-vpm-y := vdev/vpm.c core/device.c core/timer.c
unit-vreset-y := vdev/vreset.c vdev/vpci_none.c vdev/vdebugexit.c core/device.c core/timer.c
unit-vfwcfg-y := vdev/vfwcfg.c lib/str.c core/device.c core/timer.c

unit-y += pmem boot_regions
unit-pmem-y := core/pmem.c
unit-y += report_keep
unit-report_keep-y :=
unit-y += guest_ram
unit-guest_ram-y := core/guest_ram.c core/guest_mem.c
unit-boot_regions-y := core/boot_regions.c

unit-y += acpi multiboot2
unit-acpi-y := $(acpi-y)
unit-multiboot2-y := boot/x86/multiboot2.c core/boot_regions.c lib/str.c
unit-y += inject_save inject_why inject_log
unit-inject_save-y := $(inject-y)
unit-inject_why-y := $(inject-y)
unit-inject_log-y := $(inject-y) tools/replay/replay.c
unit-y += vmx_firmware
unit-vmx_firmware-y :=
unit-y += mitigation_plan pvclock
unit-mitigation_plan-y := arch/x86/mitigation_plan.c
unit-pvclock-y := arch/x86/pvclock.c
# The source under test is included, so that its instructions can be made up.
unit-y += guest_cpuid guest_msr tsc_sync
unit-guest_cpuid-y :=
unit-guest_msr-y :=
unit-tsc_sync-y :=
# The guest's GIC, with the modelled virtual CPU interface.
unit-y += vgic vgic_regs vgic_threads vits vits_msi vits_direct its_command
unit-its_command-y :=
unit-vgic-y := $(vgic-y) tests/model/gic/ich.c core/device.c

# arm64's boot: device tree (with this machine's libfdt) and boot archive.
unit-y += devicetree bundle
unit-devicetree-y := boot/arm64/devicetree.c lib/str.c
unit-devicetree-libs := -lfdt
unit-bundle-y := boot/arm64/bundle.c lib/printf.c
unit-vgic_regs-y := $(unit-vgic-y)

# arm64's guest side, as far as it is pure.
unit-y += arm64_exit arm64_memory vpl011
unit-arm64_memory-y := arch/arm64/stage2.c arch/arm64/guest_load.c arch/arm64/guest_walk.c
unit-arm64_exit-y := arch/arm64/exit_decode.c arch/arm64/mmio_decode.c arch/arm64/guest_id.c
unit-vpl011-y := vdev/vpl011.c core/device.c core/timer.c
unit-y += gdb_packet gdb gdb_console
unit-gdb_console-y := $(unit-console-y)
unit-gdb_packet-y := core/gdb_packet.c lib/str.c
unit-gdb-y := core/gdb_packet.c core/gdb_server.c core/gdb_console.c core/gdb_commands.c core/gdb_query.c core/guest_debug.c \
	core/guest_mem.c core/timer.c lib/printf.c lib/str.c arch/x86/gdb_target_debug.c
unit-vits-y := $(unit-vgic-y)
unit-vits_msi-y := $(unit-vgic-y)
unit-y += guest_dtb
unit-guest_dtb-y := arch/arm64/guest_dtb.c lib/printf.c
unit-guest_dtb-libs := -lfdt
unit-vits_direct-y := $(unit-vgic-y)
unit-vgic_threads-y := $(unit-vgic-y)

shell-files := $(filter-out core/shell_emergency.c,$(wildcard core/shell*.c)) core/inspect.c core/nested.c core/line_edit.c core/trace.c lib/printf.c lib/str.c lib/error.c
unit-y += line_edit shell
unit-line_edit-y := core/line_edit.c lib/printf.c
unit-shell-y := $(shell-files)
unit-y += inject_step
unit-inject_step-y := $(inject-y)

unit-y += inject_plain
unit-inject_plain-y := $(inject-y)
