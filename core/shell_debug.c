/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breakpoints, watchpoints and steps by hand. In the hardware only: a guest goes on from them without being
 * patched back and forth.
 */
#include "core/guest_debug.h"
#include "core/log.h"
#include "core/shell_internal.h"
#include "lib/error.h"

/* The vCPU that stopped last; any CPU writes it, the boot CPU takes it. */
static struct vcpu *_Atomic stopped;

static const char *const kind_names[] = {
    [GUEST_DEBUG_SOFT] = "break",  [GUEST_DEBUG_EXEC] = "break",    [GUEST_DEBUG_WRITE] = "watch",
    [GUEST_DEBUG_READ] = "rwatch", [GUEST_DEBUG_ACCESS] = "awatch", [GUEST_DEBUG_STEP] = "step",
};

static void note_stop(struct vm *vm, const struct guest_debug_stop *stop)
{
    if (shell_nmi_stopped(stop)) {
        cpu_kick(cpus[0]);
        return;
    }
    if (vm->debug == NULL || (vm->debug->users & BIT(GUEST_DEBUG_BY_SHELL)) == 0)
        return;
    if (stop->kind != GUEST_DEBUG_STEP)
        log_info("vm %s vcpu %u: %s 0x%lx; held until \"continue %s\"", vm->config->name, stop->vcpu->id,
                 kind_names[stop->kind], stop->at.v, vm->config->name);
    atomic_store_explicit(&stopped, stop->vcpu, memory_order_release);
    cpu_kick(cpus[0]);
}

const struct guest_debug_listener shell_listener = {.stopped = note_stop};

static bool attach(struct shell_job *job)
{
    if (guest_debug_attach(job->vm, GUEST_DEBUG_BY_SHELL) == 0)
        return true;
    shell_print("no memory left");
    return false;
}

static enum shell_step list_points(struct shell_job *job)
{
    const struct guest_debug *debug = job->vm->debug;
    const struct guest_debug_point *point;

    if (debug == NULL || job->line == GUEST_DEBUG_HARD_MAX)
        return SHELL_DONE;
    point = &debug->hard[job->line++];
    if (point->used)
        shell_print("%-6s 0x%016lx%s", kind_names[point->kind], point->at.v,
                    point->user == GUEST_DEBUG_BY_GDB ? " (gdb's)" : "");
    return SHELL_MORE;
}

static enum shell_step set_point(struct shell_job *job, enum guest_debug_kind kind, uint32_t size)
{
    int error;

    if (job->value_count == 0)
        return list_points(job);
    if (!attach(job))
        return SHELL_DONE;
    error = guest_debug_insert(job->vcpu, GUEST_DEBUG_BY_SHELL, kind, gva(shell_value(job, 0, 0)), size);
    if (error == E_NOMEM)
        shell_print("all %u debug registers are in use: unbreak %s", GUEST_DEBUG_HARD_MAX,
                    job->vm->config->name);
    else if (error != 0)
        shell_print("cannot be set: %s",
                    error == E_INVAL ? "1, 2, 4 or 8 bytes, aligned" : error_name(error));
    return SHELL_DONE;
}

enum shell_step shell_break(struct shell_job *job)
{
    return set_point(job, GUEST_DEBUG_EXEC, 1);
}

enum shell_step shell_watch(struct shell_job *job)
{
    return set_point(job, GUEST_DEBUG_WRITE, (uint32_t)min_u64(shell_value(job, 1, sizeof(uint64_t)), 255));
}

enum shell_step shell_unbreak(struct shell_job *job)
{
    guest_debug_detach(job->vm, GUEST_DEBUG_BY_SHELL);
    return SHELL_DONE;
}

enum shell_step shell_continue(struct shell_job *job)
{
    if (job->vm->debug == NULL || atomic_load(&job->vm->debug->held) == 0)
        shell_print("vm %s is not held by a breakpoint or step", job->vm->config->name);
    guest_debug_resume_all(job->vm);
    return SHELL_DONE;
}

/* number[0]: steps still to do. The other vCPUs stay held, before and after. */
enum shell_step shell_stepi(struct shell_job *job)
{
    char where[120];

    if (job->step == 0) {
        if (arch_guest_debug_most(GUEST_DEBUG_STEP) == 0) {
            shell_print("this CPU cannot step a guest");
            return SHELL_DONE;
        }
        if (!attach(job))
            return SHELL_DONE;
        job->number[0] = shell_value(job, 0, 1);
        guest_debug_hold(job->vm);
        shell_let_go();
        job->step = 1;
    } else {
        if (atomic_load_explicit(&stopped, memory_order_acquire) == NULL || !vm_is_held(job->vm))
            return SHELL_WAIT;
        arch_vcpu_where(job->vcpu, where, sizeof(where));
        shell_print("%s", where);
        job->number[0]--;
    }
    if (job->number[0] == 0)
        return SHELL_DONE;
    atomic_store_explicit(&stopped, NULL, memory_order_relaxed);
    guest_debug_resume(job->vcpu, true);
    return SHELL_WAIT;
}
