/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that core needs from an architecture, and nothing else. Inline parts: arch_inline.h, found
 * through the include path of the architecture being built.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch_inline.h"
#include "core/cpu.h"
#include "core/guest_debug.h"
#include "core/vm.h"
#include "lib/addr.h"

struct inject_view;

/* Virtualization hardware: checks features on the boot CPU, prints one line per missing thing. 0 or E_NOTSUP.
 */
MUST_CHECK int arch_virt_init(void);

/*
 * Starts the machine's other CPUs, at most `max` in all (0: no limit), and raises cpu_count. Each makes its
 * virtualization hardware ready and enters sched_loop(). Those that do not answer are reported and left out.
 */
void arch_cpus_start(uint32_t max);

/* Builds a VM: vCPUs, RAM, devices, images loaded. On failure one line was printed and everything is undone.
 */
MUST_CHECK int arch_vm_create(const struct vm_config *config, uint32_t id, struct vm **out);

/* Back to power-on and images loaded again (reset, restart). No vCPU of the VM is loaded anywhere. */
MUST_CHECK int arch_vm_reset(struct vm *vm);

/*
 * The vCPU's registers onto this CPU, where nobody's are. `before`: the VM that ran here last, NULL: unknown,
 * anybody may have. Called by core/sched.c.
 */
void arch_vcpu_load(struct vcpu *vcpu, const struct vm *before);

/* Into memory: nothing of the vCPU is left on this CPU, any other may load or reset it. */
void arch_vcpu_put(struct vcpu *vcpu);

/*
 * Runs the vCPU, which is loaded on this CPU, until cpu->attention, or until it has given the CPU up by
 * vcpu_block(), sched_leave() or vcpu_stop(). Once that is done the vCPU is not touched any more: another CPU
 * may have it.
 */
void arch_vcpu_run(struct vcpu *vcpu);

/*
 * What the hardware has noted about accesses in the entry of the VM's nested map for `at`, and the size of
 * what the entry stands for; without RAM: nothing. Is cleared in one step with reading it: nested_changed()
 * is due then. Notes begin with the VM or, where the hardware has to be told, with the first look, before
 * which all counts as written. False: it notes nothing. Boot CPU.
 */
#define NESTED_TOUCHED UINT32_C(1)
#define NESTED_WRITTEN UINT32_C(2)
MUST_CHECK bool arch_nested_look(struct vm *vm, gpa_t at, uint32_t *marks, uint64_t *size);

/* For nested_changed(): no CPU uses an older translation of the VM on return. False: that cannot be had. */
bool arch_nested_broadcast(struct vm *vm);

/* NMI button of the VM's board: LINT1 of its CPUs, or what the architecture has instead. Any CPU. */
void arch_vm_nmi(struct vm *vm);

/*
 * The next two only where core's event scheduler is linked (core/inject.h; not on arm64, where the interrupt
 * controller does that work). What hardware and interrupt controllers show for a vCPU of this CPU that is
 * outside its guest.
 */
void arch_vcpu_view(struct vcpu *vcpu, struct inject_view *view);

/* Takes back what was scheduled for an entry that did not take place; no effect otherwise. */
void arch_vcpu_unschedule(struct vcpu *vcpu);

/* "RIP 0x...": where the vCPU, loaded on this CPU, is; for records. */
void arch_vcpu_describe(struct vcpu *vcpu, char *text, size_t size);

/*
 * Registers that a debugger shows, in its order (the first ones are gdb's for this architecture); `set` is 0,
 * or E_INVAL for a value or a register that cannot be. The vCPU is held (core/inspect.h); any CPU.
 */
struct arch_reg {
    char name[8];
    uint8_t size;  /* bytes: 1, 2, 4, 8 */
    uint8_t group; /* enum arch_reg_group */
    uint8_t kind;  /* the architecture's own: where it is kept */
    uint8_t index;
};

enum arch_reg_group {
    ARCH_REG_GENERAL, /* what `regs` shows */
    ARCH_REG_SYSTEM,  /* what `sregs` shows beside arch_inspect_line() */
};

extern const struct arch_reg arch_regs[];
extern const uint32_t arch_reg_count;
extern const uint32_t arch_reg_pc, arch_reg_sp, arch_reg_fp, arch_reg_flags; /* numbers in arch_regs */

uint64_t arch_vcpu_reg_get(struct vcpu *vcpu, uint32_t reg);
MUST_CHECK int arch_vcpu_reg_set(struct vcpu *vcpu, uint32_t reg, uint64_t value);

/* Guest-virtual to guest-physical by the held vCPU's page tables, without asking for rights or setting
 * accessed bits. 0 or E_FAULT. */
MUST_CHECK int arch_guest_translate(struct vcpu *vcpu, gva_t at, gpa_t *out);

/* Guest-virtual address of the next instruction of a held vCPU. */
gva_t arch_vcpu_code(struct vcpu *vcpu);

/* The vCPU, loaded on this CPU, ends its VM: what only this CPU still knows about its last exit is kept. */
void arch_vcpu_keep_exit(struct vcpu *vcpu);

/* Views as lines of text, for people. The vCPU is held, or (events and log) the caller's own between two
 * entries. */
enum inspect_view {
    INSPECT_SYSTEM,  /* segments, descriptor tables, what regs do not tell */
    INSPECT_BLOCK,   /* the hardware's control block, field by field */
    INSPECT_WALK,    /* guest page tables for the guest-virtual address `argument`, each level */
    INSPECT_NESTED,  /* nested page tables for the guest-physical address `argument`, each level */
    INSPECT_EVENTS,  /* books of the vCPU's events and what is pending: core/report.h */
    INSPECT_LOG,     /* its injection log, for tools/replay; `size` at least INSPECT_LINE_SIZE */
    INSPECT_LAST,    /* the last records of that log, for people */
    INSPECT_EXIT,    /* its last exit, as the hardware told it */
    INSPECT_REFUSED, /* what in its state hardware refuses to run; no line: nothing known */
};

#define INSPECT_LINE_SIZE 400

/* Where the vCPU was when it last left its guest, and what it waits for: read without holding it. */
void arch_vcpu_where(struct vcpu *vcpu, char *text, size_t size);

/* For the shell's nmi: what has become of NMIs. Read without holding it. */
struct arch_nmi_state {
    uint64_t delivered;
    bool masked; /* a handler has not ended */
};
void arch_vcpu_nmi_state(struct vcpu *vcpu, struct arch_nmi_state *state);

/* First instruction of the NMI handler of a held vCPU, as it would be entered now. E_NOENT: there is none. */
MUST_CHECK int arch_vcpu_nmi_handler(struct vcpu *vcpu, gva_t *at);

/* Where that handler, at its first instruction now, returns to. E_NOENT: that cannot be told. */
MUST_CHECK int arch_vcpu_nmi_return(struct vcpu *vcpu, gva_t *at);

/* Of an exit's raw code (struct vm_exit) what a histogram tells apart, and " name" for that, or "". */
uint32_t arch_exit_reason(uint64_t raw);
void arch_exit_reason_name(uint32_t reason, char *text, size_t size);

/* Each exit goes through trace_exit() (core/trace.h) from now on, or none does. Any CPU; acts at the next
 * exit. */
void arch_trace_exits(bool on);

/* Events from outside: an NMI to one vCPU that is held, or what comes nearest and is called by that name
 * (E_NOTSUP: nothing does), an interrupt message to one (E_RANGE: no such vector), one edge of a line of the
 * board (E_RANGE). Any CPU. */
extern const char arch_vcpu_nmi_name[];
MUST_CHECK int arch_vcpu_nmi(struct vcpu *vcpu);
MUST_CHECK int arch_vcpu_ipi(struct vcpu *vcpu, uint64_t vector);
MUST_CHECK int arch_vm_irq(struct vm *vm, uint64_t line);

/* For tests: a held vCPU gets a state that hardware refuses at its next entry. E_NOTSUP: there is no such
 * thing. */
enum arch_spoil {
    ARCH_SPOIL_CR4,   /* a reserved bit */
    ARCH_SPOIL_PAE,   /* long mode without PAE */
    ARCH_SPOIL_CS,    /* 64-bit and 32-bit code at once */
    ARCH_SPOIL_EVENT, /* an event of no type */
};
MUST_CHECK int arch_vcpu_spoil(struct vcpu *vcpu, enum arch_spoil what);

/* A held vCPU's event state as bytes, and back. How many bytes it is (0: this architecture has none), and 0
 * or why not (lib/error.h) with nothing changed. */
#define ARCH_EVENTS_BYTES 64
size_t arch_vcpu_events_save(struct vcpu *vcpu, uint8_t bytes[ARCH_EVENTS_BYTES]);
MUST_CHECK int arch_vcpu_events_load(struct vcpu *vcpu, const uint8_t *bytes, size_t size);

/* The machine itself, as lines: false at the end. Boot CPU. */
enum host_view {
    HOST_CPUS,   /* processor, features, timers */
    HOST_IRQS,   /* interrupt controllers, NMIs taken */
    HOST_TABLES, /* what firmware's tables said */
};
extern const char arch_host_tables_name[]; /* what firmware calls its tables: "acpi", "dt" */
bool arch_host_line(enum host_view view, uint32_t line, char *text, size_t size);

/* True if every byte is mapped for reading here. */
bool arch_host_readable(hpa_t at, uint64_t size);

/* Line number `line` from 0 of a view, without its end. False: there are no more. */
bool arch_inspect_line(struct vcpu *vcpu, enum inspect_view view, uint64_t argument, uint32_t line,
                       char *text, size_t size);

/* What the control block is called: "vmcb", "vmcs", "ich". */
const char *arch_inspect_block_name(void);

/* All that it may be called on this architecture, for commands; "" for none. */
extern const char arch_inspect_block_names[2][8];

/* The architecture's breakpoint instruction, and how many points of a kind there can be at once (breakpoints
 * for themselves, watchpoints of all kinds together); 0: it cannot. */
extern const uint8_t arch_guest_break[];
extern const uint32_t arch_guest_break_size;
uint32_t arch_guest_debug_most(enum guest_debug_kind kind);

/* Latch has written instructions into guest memory: what caches hold of them goes. */
void arch_guest_code_changed(struct vm *vm, gpa_t at, size_t size);

/* Points or steps of vm->debug have changed: into the held vCPU's registers and controls. */
void arch_guest_debug_apply(struct vcpu *vcpu);

/* Nothing to run: waits for an interrupt unless cpu->attention is already set (checked with interrupts off).
 */
void arch_cpu_idle(struct cpu *cpu);

/*
 * Interrupts another CPU, which leaves its guest or its sleep. kick: cpu->attention has been raised before;
 * poke: only the vCPU's requests are to be looked at.
 */
void arch_cpu_kick(struct cpu *cpu);
void arch_cpu_poke(struct cpu *cpu);

/* Sends it an NMI; false: the architecture has none. */
bool arch_cpu_nmi(struct cpu *cpu);

/* What is written there is in memory itself, not only in caches: it is to outlive a reset. Any context. */
void arch_memory_clean(const void *at, size_t size);

/* Programs this CPU's one-shot host timer, whose handler raises ATTENTION_TIMER. It may go off too early. */
void arch_timer_program(uint64_t deadline_ns);

/* Machine power-off and reset; return only if the firmware offers no way that works. */
void arch_machine_poweroff(void);
void arch_machine_reset(void);

/* A serial port for the shell alone, "com1".."com4". False: there is none, or the console has it. Boot CPU.
 */
MUST_CHECK bool arch_shell_port_open(const char *name);
bool arch_shell_tx(uint8_t byte);
bool arch_shell_rx(uint8_t *byte);

/* A serial port of its own for the GDB server, by its name in gdb=. False: there is none, or the console has
 * it. */
MUST_CHECK bool arch_gdb_port_open(const char *name);
bool arch_gdb_tx(uint8_t byte);
bool arch_gdb_rx(uint8_t *byte);

/* The board's serial port for the console. Byte out may refuse when the hardware FIFO is full. */
bool arch_console_present(void);
bool arch_console_tx(uint8_t byte);
bool arch_console_rx(uint8_t *byte);

/*
 * For panics; no locks, any context. stop_others ends the other CPUs, frame_valid tells whether a frame
 * record (saved frame pointer, return address) at `frame` lies on one of that CPU's stacks.
 */
void arch_panic_stop_others(void);
void arch_emergency_registers(const void *frame); /* what an NMI came upon (NULL: here), with its backtrace */
void arch_panic_putc(uint8_t byte);
bool arch_panic_frame_valid(struct cpu *cpu, uintptr_t frame);
void arch_panic_registers(void); /* this CPU's control registers, by panic_line() */
_Noreturn void arch_panic_halt(void);
