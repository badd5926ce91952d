/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nmi: one NMI to a vCPU, and what it does with it. The vCPU is looked at before; then it runs until the
 * books say that the NMI was delivered, and again until its handler has ended. Each wait has an end: then the
 * reasons are shown that the event scheduler knows.
 */
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

/* number: [0] delivered before, [1] posted at (ns), [2] what is waited for since, [3] lines of reasons shown
 */

static void show(const struct shell_job *job, const char *when)
{
    char where[120];
    struct arch_nmi_state state;
    struct vcpu *vcpu = job->vcpu;

    arch_vcpu_where(vcpu, where, sizeof(where));
    arch_vcpu_nmi_state(vcpu, &state);
    shell_print("%-10s %s, sp 0x%lx, NMIs %s", when, where, arch_vcpu_reg_get(vcpu, arch_reg_sp),
                state.masked ? "blocked" : "open");
}

static enum shell_step post(struct shell_job *job)
{
    struct arch_nmi_state state;

    show(job, "before:");
    arch_vcpu_nmi_state(job->vcpu, &state);
    job->number[0] = state.delivered;
    job->number[1] = job->number[2] = time_now_ns();
    if (arch_vcpu_nmi(job->vcpu) != 0) {
        shell_print("this architecture's CPUs have no NMI");
        return SHELL_DONE;
    }
    shell_let_go();
    job->step = DELIVERY;
    return SHELL_WAIT;
}

static enum shell_step await_delivery(struct shell_job *job)
{
    struct arch_nmi_state state;

    arch_vcpu_nmi_state(job->vcpu, &state);
    if (state.delivered == job->number[0] && time_now_ns() - job->number[2] < PATIENCE_NS)
        return SHELL_WAIT;
    job->step = state.delivered == job->number[0] ? REASONS : HANDLER;
    job->number[3] = time_now_ns() - job->number[1];
    shell_hold();
    return SHELL_MORE;
}

static enum shell_step show_delivered(struct shell_job *job)
{
    shell_print("delivered: within %lu us", job->number[3] / NS_PER_US);
    show(job, "handler:");
    shell_let_go();
    job->number[2] = time_now_ns();
    job->step = RETURN;
    return SHELL_WAIT;
}

static enum shell_step await_return(struct shell_job *job)
{
    struct arch_nmi_state state;

    arch_vcpu_nmi_state(job->vcpu, &state);
    if (state.masked && time_now_ns() - job->number[2] < PATIENCE_NS)
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
    return SHELL_DONE;
}

static enum shell_step show_reasons(struct shell_job *job)
{
    char text[INSPECT_LINE_SIZE];

    if (job->line == 0)
        shell_print("not delivered for %lu ms:", job->number[3] / NS_PER_MS);
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
