/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. A handler finishes the instruction, raises the architecture's exception, or ends the VM.
 */
#include "arch/arm64/guest_exit.h"

#include "arch/arm64/arm64_debug.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/guest_inject.h"
#include "arch/arm64/guest_mmio.h"
#include "arch/arm64/guest_psci.h"
#include "arch/arm64/guest_sysreg.h"
#include "arch/arm64/host_irq.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/vm.h"
#include "lib/printf.h"

static void handle_nothing(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
}

static void handle_host_event(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    (void)vcpu;
    (void)exit;
    host_irq_take(this_arm64_cpu());
}

static void handle_halt(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    arm64_skip(vcpu, exit->length);
    vcpu->waiting |= ARM64_WAIT_EVENT;
}

static void handle_hypercall(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    guest_psci_call(vcpu, exit);
}

/* WFE is trapped while others wait for this CPU: their turn. */
static void handle_pause(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    arm64_skip(vcpu, exit->length);
    sched_yield();
}

static void handle_undefined(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    (void)exit;
    guest_inject_undefined(vcpu);
}

/* The machine's memory, not the guest's doing; but it is the guest that asked for these bytes. */
static void handle_memory_error(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    log_warn("vm %s vcpu %u: the host's memory answers with an error, syndrome 0x%lx",
             vcpu->core.vm->config->name, vcpu->core.id, exit->raw);
    guest_inject_external_abort(vcpu, exit->raw, SYSREG_READ(far_el2));
}

static void handle_unknown(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    char detail[80];

    fmt_snprintf(detail, sizeof(detail), "unknown exit, syndrome 0x%lx", exit->raw);
    vm_end(vcpu->core.vm, VM_END_UNHANDLED_EXIT, 0, detail);
}

typedef void (*exit_handler)(struct arm64_vcpu *vcpu, const struct vm_exit *exit);

static const exit_handler handlers[VM_EXIT_KINDS] = {
    [VM_EXIT_NONE] = handle_nothing,
    [VM_EXIT_HOST_EVENT] = handle_host_event,
    [VM_EXIT_WINDOW] = handle_unknown,
    [VM_EXIT_HALT] = handle_halt,
    [VM_EXIT_PIO] = handle_unknown,
    [VM_EXIT_MMIO] = guest_mmio_handle,
    [VM_EXIT_HYPERCALL] = handle_hypercall,
    [VM_EXIT_CPUID] = handle_unknown,
    [VM_EXIT_SYSREG_READ] = guest_sysreg_read,
    [VM_EXIT_SYSREG_WRITE] = guest_sysreg_write,
    [VM_EXIT_CONTROL_REG] = handle_unknown,
    [VM_EXIT_DEBUG_REG] = handle_unknown,
    [VM_EXIT_DEBUG] = arm64_debug_exit,
    [VM_EXIT_XSETBV] = handle_unknown,
    [VM_EXIT_INVALID_OPCODE] = handle_unknown,
    [VM_EXIT_UNDEFINED] = handle_undefined,
    [VM_EXIT_COUNTER_READ] = handle_unknown,
    [VM_EXIT_CACHE] = handle_unknown,
    [VM_EXIT_PAUSE] = handle_pause,
    [VM_EXIT_SHUTDOWN] = handle_unknown,
    [VM_EXIT_BAD_STATE] = handle_unknown,
    [VM_EXIT_MEMORY_ERROR] = handle_memory_error,
    [VM_EXIT_UNKNOWN] = handle_unknown,
};

void guest_exit_handle(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    handlers[exit->kind](vcpu, exit);
}
