/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nmi: one NMI to a vCPU, and what it does with it. Two breakpoints show it exactly: at the first instruction
 * of its handler, and where the handler returns to. Where they cannot be had (somebody debugs the VM, no
 * handler to be found) the books tell when it was delivered, and the vCPU is shown a little later. Each wait
 * has an end: then the reasons are shown that the event scheduler knows.
 */
#include "core/guest_debug.h"
#include "core/shell_internal.h"

#include "core/time.h"

#define PATIENCE_NS (1 * NS_PER_SEC)

enum nmi_step {
    BEFORE,
    DELIVERY, /* runs, until it is delivered */
    HANDLER,  /* held again: shown */
    RETURN,   /* runs, until NMIs are not blocked any more */
    AFTER,
    REASONS, /* held: why it is not delivered */
};

/* job->number */
enum {
    DELIVERED, /* NMIs before this one */
    POSTED_NS,
    SINCE_NS, /* what is waited for since */
    TOOK_NS,
    PROBED, /* with breakpoints */
};

/* The VM that is being shown, NULL: none. The boot CPU's; the CPU that hits a point reads it. */
static struct vm *_Atomic probed;
static struct vcpu *_Atomic hit;
static _Atomic uint64_t hit_ns;

bool shell_nmi_stopped(const struct guest_debug_stop *stop)
{
    if (atomic_load(&probed) != stop->vcpu->vm)
        return false;
    atomic_store(&hit_ns, time_now_ns());
    atomic_store(&hit, stop->vcpu);
    return true;
}

void shell_nmi_abort(void)
{
    struct vm *vm = atomic_exchange(&probed, NULL);

    if (vm != NULL)
        shell_print("breakpoints of nmi stay: unbreak %s", vm->config->name);
}

/* The VM is held. */
static void end_probe(struct shell_job *job)
{
    if (job->number[PROBED] == 0)
        return;
    atomic_store(&probed, NULL);
    job->number[PROBED] = 0;
    guest_debug_detach(job->vm, GUEST_DEBUG_BY_SHELL);
}

/* The only breakpoint from here on; the VM is held. */
static bool probe_at(struct shell_job *job, gva_t at)
{
    guest_debug_clear(job->vm, GUEST_DEBUG_BY_SHELL);
    atomic_store(&hit, NULL);
    return guest_debug_insert(job->vcpu, GUEST_DEBUG_BY_SHELL, GUEST_DEBUG_EXEC, at, 1) == 0;
}

static void begin_probe(struct shell_job *job)
{
    gva_t at;

    if (job->vm->debug != NULL || arch_vcpu_nmi_handler(job->vcpu, &at) != 0 ||
        guest_debug_attach(job->vm, GUEST_DEBUG_BY_SHELL) != 0)
        return;
    job->number[PROBED] = 1;
    atomic_store(&probed, job->vm);
    if (!probe_at(job, at))
        end_probe(job);
}

/* Our vCPU has come to the breakpoint. Another one of its VM goes on. */
static bool is_hit(struct shell_job *job)
{
    struct vcpu *who = atomic_load(&hit);

    if (who == NULL || !vm_is_held(job->vm))
        return false;
    if (who == job->vcpu)
        return true;
    atomic_store(&hit, NULL);
    guest_debug_resume_all(job->vm);
    return false;
}

static void show(struct shell_job *job, const char *when)
{
    char where[120];
    struct arch_nmi_state state;
    struct vcpu *vcpu = job->vcpu;

    arch_vcpu_where(vcpu, where, sizeof(where));
    arch_vcpu_nmi_state(vcpu, &state);
    shell_print("%-10s %s, sp 0x%lx, %ss %s", when, where, arch_vcpu_reg_get(vcpu, arch_reg_sp),
                arch_vcpu_nmi_name, state.masked ? "blocked" : "open");
    shell_general_regs(job);
}

static enum shell_step post(struct shell_job *job)
{
    struct arch_nmi_state state;

    show(job, "before:");
    arch_vcpu_nmi_state(job->vcpu, &state);
    job->number[DELIVERED] = state.delivered;
    begin_probe(job);
    if (arch_vcpu_nmi(job->vcpu) != 0) {
        end_probe(job);
        shell_print("this architecture's CPUs have no NMI");
        return SHELL_DONE;
    }
    job->number[POSTED_NS] = job->number[SINCE_NS] = time_now_ns();
    shell_let_go();
    job->step = DELIVERY;
    return SHELL_WAIT;
}

static bool is_late(const struct shell_job *job)
{
    return time_now_ns() - job->number[SINCE_NS] >= PATIENCE_NS;
}

static enum shell_step await_delivery(struct shell_job *job)
{
    struct arch_nmi_state state;
    bool arrived;

    arch_vcpu_nmi_state(job->vcpu, &state);
    arrived = job->number[PROBED] != 0 ? is_hit(job) : state.delivered != job->number[DELIVERED];
    if (!arrived && !is_late(job))
        return SHELL_WAIT;
    job->step = arrived ? HANDLER : REASONS;
    job->number[TOOK_NS] =
        (arrived && job->number[PROBED] != 0 ? hit_ns : time_now_ns()) - job->number[POSTED_NS];
    shell_hold();
    return SHELL_MORE;
}

static enum shell_step show_delivered(struct shell_job *job)
{
    gva_t at;

    if (job->number[PROBED] != 0)
        shell_print("entered:   after %lu us", job->number[TOOK_NS] / NS_PER_US);
    else
        shell_print("delivered: within %lu us, seen a little later", job->number[TOOK_NS] / NS_PER_US);
    show(job, "handler:");
    if (job->number[PROBED] != 0 && (arch_vcpu_nmi_return(job->vcpu, &at) != 0 || !probe_at(job, at)))
        end_probe(job);
    if (job->number[PROBED] != 0)
        guest_debug_resume_all(job->vm);
    shell_let_go();
    job->number[SINCE_NS] = time_now_ns();
    job->step = RETURN;
    return SHELL_WAIT;
}

static enum shell_step await_return(struct shell_job *job)
{
    struct arch_nmi_state state;

    arch_vcpu_nmi_state(job->vcpu, &state);
    if (!(job->number[PROBED] != 0 ? is_hit(job) : !state.masked) && !is_late(job))
        return SHELL_WAIT;
    job->step = AFTER;
    shell_hold();
    return SHELL_MORE;
}

static enum shell_step show_after(struct shell_job *job)
{
    struct arch_nmi_state state;

    arch_vcpu_nmi_state(job->vcpu, &state);
    show(job, state.masked ? "still in:" : "after:");
    if (state.masked)
        shell_print("the handler has not ended for %lu ms", PATIENCE_NS / NS_PER_MS);
    end_probe(job);
    return SHELL_DONE;
}

static enum shell_step show_reasons(struct shell_job *job)
{
    char text[INSPECT_LINE_SIZE];

    struct arch_nmi_state state;

    /* Some only know when it has come off its CPU. */
    arch_vcpu_nmi_state(job->vcpu, &state);
    if (state.delivered != job->number[DELIVERED]) {
        shell_print("delivered: within %lu us, and its handler was not seen",
                    job->number[TOOK_NS] / NS_PER_US);
        job->step = AFTER;
        return SHELL_MORE;
    }
    if (job->line == 0) {
        shell_print("not delivered for %lu ms:", job->number[TOOK_NS] / NS_PER_MS);
        end_probe(job);
    }
    if (!arch_inspect_line(job->vcpu, INSPECT_EVENTS, 0, job->line++, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("  %s", text);
    return SHELL_MORE;
}

enum shell_step shell_nmi(struct shell_job *job)
{
    switch ((enum nmi_step)job->step) {
    case BEFORE:
        return post(job);
    case DELIVERY:
        return await_delivery(job);
    case HANDLER:
        return show_delivered(job);
    case RETURN:
        return await_return(job);
    case AFTER:
        return show_after(job);
    case REASONS:
        return show_reasons(job);
    }
    return SHELL_DONE;
}
