/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the scheduler and the world switch: requests, interrupts, waiting. Blocking follows the VMCR rule:
 * the virtual interface is read on the way into WFI, and whether the vCPU may be woken is decided from that.
 */
#include "arch/arm64/guest_run.h"

#include "arch/arm64/arm64_debug.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/exit_decode.h"
#include "arch/arm64/gic/ich.h"
#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_exit.h"
#include "arch/arm64/guest_inject.h"
#include "arch/arm64/guest_mmio.h"
#include "arch/arm64/guest_psci.h"
#include "arch/arm64/guest_timer.h"
#include "arch/arm64/host_irq.h"
#include "arch/arm64/sysregs.h"
#include "core/arch.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/trace.h"
#include "lib/assert.h"
#include "lib/printf.h"

void guest_power_on(struct arm64_vcpu *vcpu, uint64_t entry, uint64_t context)
{
    guest_context_reset(vcpu);
    guest_timer_reset(vcpu);
    vgic_vcpu_on(&vcpu->gic);
    vcpu->sw.regs.pc = entry;
    vcpu->sw.regs.x[0] = context;
    vcpu->waiting = 0;
    atomic_store_explicit(&vcpu->power, ARM64_ON, memory_order_release);
}

void guest_power_off(struct arm64_vcpu *vcpu)
{
    uint32_t on = ARM64_ON;

    vgic_vcpu_off(&vcpu->gic);
    vcpu->waiting = ARM64_WAIT_START;
    (void)atomic_compare_exchange_strong(&vcpu->power, &on, ARM64_OFF);
}

/* CPU_ON. Its request came after entry and context had been written. */
static void take_start(struct arm64_vcpu *vcpu)
{
    if (atomic_load_explicit(&vcpu->power, memory_order_acquire) != ARM64_STARTING)
        return;
    guest_put(vcpu);
    guest_power_on(vcpu, vcpu->power_entry, vcpu->power_context);
    guest_load(vcpu);
}

/* False: the vCPU has left this CPU. */
static bool take_requests(struct arm64_vcpu *vcpu)
{
    /* Pairs with the fetch_or in vcpu_request(). VCPU_REQ_EVENT has done its work: the vGIC knows. */
    uint32_t requests = atomic_exchange_explicit(&vcpu->core.requests, 0, memory_order_seq_cst);

    if ((requests & VCPU_REQ_STOP) != 0) {
        vcpu_stop(&vcpu->core);
        return false;
    }
    if ((requests & VCPU_REQ_HOLD) != 0 && vcpu->core.hold_count != 0) {
        atomic_fetch_or_explicit(&vcpu->core.requests, requests & ~(uint32_t)VCPU_REQ_HOLD,
                                 memory_order_seq_cst);
        vcpu_enter_hold(&vcpu->core);
        return false;
    }
    if ((requests & VCPU_REQ_INIT) != 0)
        take_start(vcpu);
    return true;
}

/* WFI: true if nothing is there that could wake the guest; then only what can wakes it. */
static bool may_block(struct arm64_vcpu *vcpu)
{
    struct vgic_cpuif now;

    gic_fold(vcpu);
    gic_read_cpuif(&now);
    if (!guest_serror_pending() && vgic_block(&vcpu->gic, &now))
        return true;
    vgic_unblock(&vcpu->gic);
    return false;
}

/* False: the vCPU has given the CPU up and is not to be touched any more. */
static bool wait_for_event(struct arm64_vcpu *vcpu)
{
    if (vcpu->gic.parked)
        vgic_unblock(&vcpu->gic);
    if (!may_block(vcpu)) {
        vcpu->waiting &= ~ARM64_WAIT_EVENT;
        return true;
    }
    return !vcpu_block(&vcpu->core, VCPU_BLOCKED);
}

/* CPU_OFF, or never started. Power first: a CPU_ON that comes from here on finds it off, or wakes it. */
static bool wait_for_start(struct arm64_vcpu *vcpu)
{
    gic_fold(vcpu);
    guest_power_off(vcpu);
    return !vcpu_block(&vcpu->core, VCPU_OFF);
}

/* All that stands between an exit and the next entry. False: the turn is over. */
static bool prepare(struct arm64_vcpu *vcpu)
{
    for (;;) {
        if (UNLIKELY(atomic_load_explicit(&vcpu->core.requests, memory_order_relaxed) != 0)) {
            if (!take_requests(vcpu))
                return false;
            continue;
        }
        if (UNLIKELY(atomic_load_explicit(&this_cpu()->attention, memory_order_relaxed) != 0)) {
            if (!sched_attend(this_cpu()))
                return false;
            continue;
        }
        if (LIKELY(vcpu->waiting == 0))
            break;
        if (!((vcpu->waiting & ARM64_WAIT_START) != 0 ? wait_for_start(vcpu) : wait_for_event(vcpu)))
            return false;
    }
    ASSERT(vgic_vpe_may_enter(&vcpu->v4.vpe, this_cpu()->id));
    gic_enter(vcpu);
    if (arm64_debug_is_on(vcpu))
        arm64_debug_enter(vcpu);
    return true;
}

/*
 * The last look, after in_guest has been published: whoever posts something from here on sees it and pokes
 * this CPU, whose interrupt then ends the guest.
 */
static inline bool may_enter(struct arm64_vcpu *vcpu)
{
    atomic_store_explicit(&vcpu->core.in_guest, true, memory_order_seq_cst);
    if (LIKELY((atomic_load_explicit(&vcpu->core.requests, memory_order_seq_cst) |
                atomic_load_explicit(&this_cpu()->attention, memory_order_relaxed) |
                (uint32_t)vgic_is_dirty(&vcpu->gic)) == 0))
        return true;
    atomic_store_explicit(&vcpu->core.in_guest, false, memory_order_relaxed);
    return false;
}

static __attribute__((noinline)) bool prepare_slowly(struct arm64_vcpu *vcpu)
{
    do {
        if (!prepare(vcpu))
            return false;
    } while (!may_enter(vcpu));
    return true;
}

/* Most exits leave nothing to do: then the last look is the only one. */
static inline bool prepare_entry(struct arm64_vcpu *vcpu)
{
    if (LIKELY(vcpu->waiting == 0) && LIKELY(may_enter(vcpu)))
        return true;
    return prepare_slowly(vcpu);
}

/* An SError that the machine raised while the guest ran, whoever caused it: the guest is told. */
static void take_serror(struct arm64_vcpu *vcpu)
{
    log_warn("vm %s vcpu %u: SError from the machine, syndrome 0x%lx", vcpu->core.vm->config->name,
             vcpu->core.id, SYSREG_READ(esr_el2));
    guest_inject_serror(vcpu);
}

static __attribute__((noinline)) void take_decoded(struct arm64_vcpu *vcpu, uint64_t esr)
{
    struct vm_exit exit;

    exit_decode(esr, SYSREG_READ(far_el2), SYSREG_READ(hpfar_el2), &exit);
    guest_exit_handle(vcpu, &exit);
}

/* The plain cases of the most frequent kinds take no table. */
static inline void take_sync(struct arm64_vcpu *vcpu)
{
    uint64_t esr = SYSREG_READ(esr_el2);

    if (exit_is_hvc(esr)
            ? guest_psci_at_once(vcpu, esr)
            : exit_is_access(esr) &&
                  guest_mmio_at_once(vcpu, esr, exit_address(SYSREG_READ(far_el2), SYSREG_READ(hpfar_el2)).v))
        return;
    take_decoded(vcpu, esr);
}

static inline void take_asynchronous(struct arm64_vcpu *vcpu, uint64_t vector)
{
    if (vector == GUEST_VECTOR_SERROR)
        take_serror(vcpu);
    else
        host_irq_take(this_arm64_cpu());
}

/* The same with its record. What is not synchronous has no syndrome of its own. */
static __attribute__((noinline, cold)) void take_traced(struct arm64_vcpu *vcpu, uint64_t vector)
{
    struct vm_exit exit = {.kind = VM_EXIT_HOST_EVENT};
    uint64_t pc = vcpu->sw.regs.pc;
    uint64_t start_ns = time_now_ns();
    uint64_t start = SYSREG_READ(cntpct_el0);

    if (vector == GUEST_VECTOR_SYNC) {
        exit_decode(SYSREG_READ(esr_el2), SYSREG_READ(far_el2), SYSREG_READ(hpfar_el2), &exit);
        guest_exit_handle(vcpu, &exit);
    } else {
        take_asynchronous(vcpu, vector);
    }
    trace_exit(&vcpu->core, &exit, pc, start_ns, SYSREG_READ(cntpct_el0) - start);
}

void arch_trace_exits(bool on)
{
    for (uint32_t i = 0; i < vm_count; i++)
        for (uint32_t n = 0; n < vms[i]->vcpu_count; n++)
            atomic_store_explicit(&arm64_vcpu_of(vms[i]->vcpus[n])->sw.traced[0], on, memory_order_relaxed);
}

struct arm64_switch *guest_turn(struct arm64_switch *sw, uint64_t vector, uint64_t is_traced)
{
    struct arm64_vcpu *vcpu = CONTAINER_OF(sw, struct arm64_vcpu, sw);

    atomic_store_explicit(&vcpu->core.in_guest, false, memory_order_relaxed);
    vcpu->core.exit_count++;
    if (LIKELY((vector | is_traced) == GUEST_VECTOR_SYNC))
        take_sync(vcpu);
    else if (is_traced != 0)
        take_traced(vcpu, vector);
    else
        take_asynchronous(vcpu, vector);
    return prepare_entry(vcpu) ? sw : NULL;
}

void arch_vcpu_load(struct vcpu *core, const struct vm *before)
{
    (void)before;
    guest_load(arm64_vcpu_of(core));
}

void arch_vcpu_put(struct vcpu *core)
{
    guest_put(arm64_vcpu_of(core));
}

void arch_vcpu_run(struct vcpu *core)
{
    struct arm64_vcpu *vcpu = arm64_vcpu_of(core);

    /* Spinning with WFE is worth an exit only if somebody else could run meanwhile. */
    guest_trap_wfe(vcpu, this_cpu()->sliced);
    if (prepare_entry(vcpu))
        guest_run(&vcpu->sw);
}

void arch_vcpu_describe(struct vcpu *core, char *text, size_t size)
{
    fmt_snprintf(text, size, "vcpu %u PC 0x%lx", core->id, arm64_vcpu_of(core)->sw.regs.pc);
}
