# SPDX-License-Identifier: BSD-2-Clause
core-y := core/cpu.c core/main.c core/host_nmi.c core/nmi_storm.c core/report.c core/nested.c core/run_queue.c core/vcpu.c core/vm.c
core-y += core/sched.c core/sched_choose.c core/sched_wake.c

core-y += core/config_word.c core/config_cpus.c core/config_options.c core/config_modules.c
core-y += core/device.c core/guest_mem.c core/guest_ram.c core/timer.c
core-y += core/console.c core/console_input.c core/console_mux.c

inject-y := core/inject.c core/inject_accept.c core/inject_plain.c core/inject_schedule.c core/inject_delivery.c core/inject_exit.c \
	core/inject_raise.c core/inject_log.c core/inject_log_dump.c core/inject_save.c core/inject_save_bytes.c \
	core/inject_why.c
# The event scheduler: architectures whose interrupt controller does that work leave it out.
events-y := $(inject-y) core/vcpu_events.c
core-y += core/pmem.c core/log.c core/panic.c core/boot_regions.c

hot-y += core/device.c core/run_queue.c core/timer.c core/vcpu.c
hot-y += core/sched.c core/sched_choose.c core/sched_wake.c
hot-y += core/inject_accept.c core/inject_schedule.c core/inject_delivery.c core/inject_exit.c
hot-y += core/device.c core/run_queue.c core/sched.c core/timer.c core/vcpu.c
hot-y += core/inject_plain.c core/inject_log.c

# The debugger: looking into guests, shell, traces.
core-y += core/inspect.c core/line_edit.c core/trace.c
core-y += core/shell_emergency.c core/shell.c core/shell_parse.c core/shell_commands.c core/shell_vm.c core/shell_inspect.c
core-y += core/shell_memory.c core/shell_touched.c core/shell_events.c core/shell_machine.c core/shell_nmi.c core/shell_trace.c
core-y += core/report_vm.c core/report_panic.c core/report_keep.c core/report_log.c core/shell_report.c
# Debugging guests.

core-y += $(if $(filter 1,$(DEBUG)),core/lock_check.c)
core-y += core/guest_debug.c core/shell_debug.c core/gdb_packet.c core/gdb_server.c core/gdb_console.c core/gdb_commands.c core/gdb_query.c
