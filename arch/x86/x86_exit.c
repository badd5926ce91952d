/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Latch does about an exit, once for all vendors. A handler either finishes the instruction (x86_skip),
 * raises the architecture's fault, or ends the VM with one record; anything it does not know ends the VM.
 */
#include "arch/x86/control_regs.h"
#include "arch/x86/exit.h"
#include "arch/x86/guest_emulate.h"
#include "arch/x86/guest_msr.h"
#include "arch/x86/insn.h"
#include "arch/x86/vcpu_ops.h"
#include "arch/x86/x86_debug.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/vm.h"
#include "lib/printf.h"

#define POLLS_PER_WINDOW  16 /* port accesses of a guest with interrupts off, see handle_pio() */
#define HYPERCALL_VERSION 0
#define HYPERCALL_UNKNOWN UINT64_C(0xfffffffffffffc18) /* -1000, as other hypervisors answer */
#define LATCH_ABI_VERSION 1

void x86_end_instruction_slowly(struct x86_vcpu *vcpu)
{
    struct inject_event trap = inject_event_exception(X86_DB);

    inject_skipped(&vcpu->core.inject);
    /* The guest steps itself: the trap that its CPU would take here ("Single Stepping"). */
    if ((vcpu->sw.regs.rflags & RFLAGS_TF) != 0) {
        trap.payload = INJECT_DR6_BS;
        inject_raise(&vcpu->core.inject, &trap);
    }
}

void x86_skip_slowly(struct x86_vcpu *vcpu)
{
    vcpu->sw.regs.rflags &= ~RFLAGS_RF;
    x86_end_instruction(vcpu);
}

void x86_raise(struct x86_vcpu *vcpu, uint8_t vector)
{
    struct inject_event event = inject_event_exception(vector);

    inject_raise(&vcpu->core.inject, &event);
}

void x86_raise_error(struct x86_vcpu *vcpu, uint8_t vector, uint32_t error)
{
    struct inject_event event = inject_event_exception_error(vector, error);

    inject_raise(&vcpu->core.inject, &event);
}

void x86_raise_page_fault(struct x86_vcpu *vcpu, uint32_t error, uint64_t address)
{
    struct inject_event event = inject_event_exception_error(X86_PF, error);

    /* At once: nothing of the guest runs before the handler, and a payload of 0 says that there is none. */
    x86_ops->set(vcpu, X86_STATE_CR2, address);
    event.payload = address;
    inject_raise(&vcpu->core.inject, &event);
}

void x86_take_host_interrupts(void)
{
    insn_sti_nop_cli();
}

static __attribute__((noinline)) void end_unhandled(struct x86_vcpu *vcpu, const struct vm_exit *exit,
                                                    const char *what)
{
    char detail[100];

    fmt_snprintf(detail, sizeof(detail), "%s, exit 0x%lx", what, exit->raw);
    vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, detail);
}

static inline void finish_cpuid(struct x86_vcpu *vcpu, const struct vm_exit *exit,
                                const struct cpuid_regs *regs)
{
    x86_put_cpuid(vcpu->sw.regs.gpr, regs);
    x86_skip(vcpu, exit->length);
}

static __attribute__((noinline)) void handle_cpuid_slowly(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    const uint64_t *gpr = vcpu->sw.regs.gpr;
    struct cpuid_regs regs = guest_cpuid_read(&vcpu->cpuid, (uint32_t)gpr[X86_RAX], (uint32_t)gpr[X86_RCX]);

    finish_cpuid(vcpu, exit, &regs);
}

static void handle_cpuid(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    const struct cpuid_regs *regs = guest_cpuid_plain(&vcpu->cpuid, (uint32_t)vcpu->sw.regs.gpr[X86_RAX]);

    if (UNLIKELY(regs == NULL))
        handle_cpuid_slowly(vcpu, exit);
    else
        finish_cpuid(vcpu, exit, regs);
}

static void handle_halt(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    x86_skip(vcpu, exit->length);
    vcpu->waiting |= X86_WAIT_EVENT;
}

static void handle_pio(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    struct vm *vm = vcpu->core.vm;
    struct bus *bus = &vm->buses[BUS_PIO];
    uint64_t *rax = &vcpu->sw.regs.gpr[X86_RAX];
    uint64_t value;

    if (UNLIKELY(exit->u.pio.is_string)) {
        x86_emulate_current(vcpu, exit);
        return;
    }
    spin_lock(&vm->dev_lock);
    if (exit->u.pio.is_write) {
        bus_write(bus, &vcpu->core, exit->u.pio.port, exit->u.pio.size, *rax);
    } else {
        value = bus_read(bus, &vcpu->core, exit->u.pio.port, exit->u.pio.size);
        if (LIKELY(exit->u.pio.size == sizeof(uint8_t)))
            *rax = (*rax & ~bytes_mask(sizeof(uint8_t))) | (uint8_t)value;
        else
            x86_reg_write(rax, exit->u.pio.size, value);
    }
    spin_unlock(&vm->dev_lock);
    x86_skip(vcpu, exit->length);
    /*
     * A guest that polls a device with interrupts off: one emulator does not end it for a host interrupt, so
     * timers and console, which it may be waiting for, would never run. Now and then is enough.
     */
    if (UNLIKELY(vcpu->core.exit_count % POLLS_PER_WINDOW == 0 && (vcpu->sw.regs.rflags & RFLAGS_IF) == 0))
        x86_take_host_interrupts();
}

/* What is no plain access by an instruction. */
static __attribute__((noinline)) void handle_odd_mmio(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    if (exit->u.mmio.during_walk)
        end_unhandled(vcpu, exit, "page tables outside memory");
    else if (exit->u.mmio.during_delivery)
        end_unhandled(vcpu, exit, "event delivered through what is no memory");
    else
        x86_raise(vcpu, X86_UD); /* a fetch: nothing there reads as ones, and FF FF is no instruction */
}

static void handle_mmio(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    if (UNLIKELY(exit->u.mmio.during_walk || exit->u.mmio.during_delivery || exit->u.mmio.is_fetch))
        handle_odd_mmio(vcpu, exit);
    else
        x86_emulate_access(vcpu, exit);
}

static void do_hypercall(struct x86_vcpu *vcpu, unsigned int length)
{
    uint64_t *rax = &vcpu->sw.regs.gpr[X86_RAX];

    *rax = *rax == HYPERCALL_VERSION ? LATCH_ABI_VERSION : HYPERCALL_UNKNOWN;
    x86_skip(vcpu, length);
}

static void handle_hypercall(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    do_hypercall(vcpu, exit->length);
}

/* VMCALL on AMD and VMMCALL on Intel raise #UD; Latch takes both everywhere. */
static void handle_invalid_opcode(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    struct insn insn;

    if (x86_decode_current(vcpu, exit, &insn) && (insn.op == INSN_VMCALL || insn.op == INSN_VMMCALL))
        do_hypercall(vcpu, insn.length);
    else
        x86_raise(vcpu, X86_UD);
}

static void handle_sysreg_read(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    uint64_t *gpr = vcpu->sw.regs.gpr;
    uint64_t value = 0;

    if (guest_msr_read(vcpu, exit->u.sysreg.number, &value) != 0) {
        x86_raise_error(vcpu, X86_GP, 0);
        return;
    }
    gpr[X86_RAX] = (uint32_t)value;
    gpr[X86_RDX] = value >> 32;
    x86_skip(vcpu, exit->length);
}

static void handle_sysreg_write(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    const uint64_t *gpr = vcpu->sw.regs.gpr;
    uint64_t value = (gpr[X86_RDX] << 32) | (uint32_t)gpr[X86_RAX];

    if (guest_msr_write(vcpu, exit->u.sysreg.number, value) != 0)
        x86_raise_error(vcpu, X86_GP, 0);
    else
        x86_skip(vcpu, exit->length);
}

static void handle_xsetbv(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    const uint64_t *gpr = vcpu->sw.regs.gpr;
    uint64_t value = (gpr[X86_RDX] << 32) | (uint32_t)gpr[X86_RAX];

    if (x86_ops->get_cpl(vcpu) != 0 || control_set_xcr(vcpu, (uint32_t)gpr[X86_RCX], value) != 0)
        x86_raise_error(vcpu, X86_GP, 0);
    else
        x86_skip(vcpu, exit->length);
}

static void handle_cache(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    x86_skip(vcpu, exit->length);
}

static void handle_nothing(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
}

static void handle_host_event(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
    x86_take_host_interrupts();
    /* What it mostly was; anything else that has been raised is the entry's to find. */
    if (x86_attention() == ATTENTION_TIMER)
        (void)sched_attend(this_cpu());
}

static void handle_undefined(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)exit;
    x86_raise(vcpu, X86_UD);
}

static void handle_counter_read(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)exit;
    x86_raise_error(vcpu, X86_GP, 0);
}

/* Spinning: somebody else's turn. */
static void handle_pause(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
    sched_yield();
}

static void handle_shutdown(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    (void)exit;
    vm_end(vcpu->core.vm, VM_END_TRIPLE_FAULT, 0, "shutdown");
}

static void handle_bad_state(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    char what[80];
    size_t length = (size_t)fmt_snprintf(what, sizeof(what), "the CPU refused the guest's state: ");

    /* The first reason; all of them are in the report. */
    if (!arch_inspect_line(&vcpu->core, INSPECT_REFUSED, 0, 0, what + length, sizeof(what) - length))
        what[length - 2] = '\0';
    end_unhandled(vcpu, exit, what);
}

static void handle_unknown(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    end_unhandled(vcpu, exit, "unknown exit");
}

static const x86_exit_handler handlers[VM_EXIT_KINDS] = {
    [VM_EXIT_NONE] = handle_nothing,
    [VM_EXIT_HOST_EVENT] = handle_host_event,
    [VM_EXIT_WINDOW] = handle_nothing,
    [VM_EXIT_HALT] = handle_halt,
    [VM_EXIT_PIO] = handle_pio,
    [VM_EXIT_MMIO] = handle_mmio,
    [VM_EXIT_HYPERCALL] = handle_hypercall,
    [VM_EXIT_CPUID] = handle_cpuid,
    [VM_EXIT_SYSREG_READ] = handle_sysreg_read,
    [VM_EXIT_SYSREG_WRITE] = handle_sysreg_write,
    [VM_EXIT_CONTROL_REG] = control_handle_exit,
    [VM_EXIT_DEBUG_REG] = x86_debug_reg_exit,
    [VM_EXIT_DEBUG] = handle_unknown,
    [VM_EXIT_XSETBV] = handle_xsetbv,
    [VM_EXIT_INVALID_OPCODE] = handle_invalid_opcode,
    [VM_EXIT_UNDEFINED] = handle_undefined,
    [VM_EXIT_COUNTER_READ] = handle_counter_read,
    [VM_EXIT_CACHE] = handle_cache,
    [VM_EXIT_PAUSE] = handle_pause,
    [VM_EXIT_SHUTDOWN] = handle_shutdown,
    [VM_EXIT_BAD_STATE] = handle_bad_state,
    [VM_EXIT_UNKNOWN] = handle_unknown,
};

/* Every exit's handler while traces are on: around the real one. */
static __attribute__((cold)) void handle_traced(struct x86_vcpu *vcpu, struct vm_exit *exit)
{
    const struct vm_exit before = *exit;
    uint64_t pc = vcpu->sw.regs.rip;
    uint64_t start_ns = time_now_ns();
    uint64_t start = insn_rdtsc();

    handlers[exit->kind](vcpu, exit);
    trace_exit(&vcpu->core, &before, pc, start_ns, insn_rdtsc() - start);
}

static const x86_exit_handler traced[VM_EXIT_KINDS] = {[0 ... VM_EXIT_KINDS - 1] = handle_traced};
const x86_exit_handler *_Atomic x86_exit_handlers = handlers;
_Atomic bool x86_exits_traced;

void arch_trace_exits(bool on)
{
    atomic_store_explicit(&x86_exits_traced, on, memory_order_relaxed);
    atomic_store_explicit(&x86_exit_handlers, on ? traced : handlers, memory_order_relaxed);
}
