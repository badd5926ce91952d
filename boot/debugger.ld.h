/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the linker scripts: which objects are the debugger (shell, gdb stub, traces, dumps, views into guests
 * and their event state). They get output sections of their own, so that `make size` can hold the hypervisor
 * proper and the debugger against a limit each. By file name; a new debugger file keeps to these.
 */
#pragma once

/* A linker pattern is no C expression. */
/* clang-format off */
#define DEBUGGER(sections)                                                                                   \
    *core/shell*.o(sections) *core/gdb*.o(sections) *core/guest_debug*.o(sections) *core/trace*.o(sections)  \
    *core/inspect*.o(sections) *core/line_edit*.o(sections) *core/report*.o(sections)                        \
    *core/inject_log_dump.o(sections) *core/inject_why.o(sections) *core/inject_save*.o(sections)            \
    *core/vcpu_events.o(sections) *core/nmi_storm.o(sections)              \
    *_inspect.o(sections) *_debug.o(sections) *vmx/vmx_error.o(sections)
