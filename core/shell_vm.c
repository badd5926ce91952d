/* SPDX-License-Identifier: BSD-2-Clause */
/* VMs and vCPUs as wholes: what there is, pausing, ending, starting. */
#include "core/shell_internal.h"

#include "core/time.h"
#include "lib/error.h"

#define RATE_NS (200 * NS_PER_MS) /* exits per second are measured over so long */

static bool user_paused[MAX_VMS]; /* by `pause` */

static const char *state_of(const struct vm *vm)
{
    if (atomic_load(&vm->state) == VM_ENDED)
        return "ended";
    if (user_paused[vm->id])
        return vm_is_held(vm) ? "paused" : "pausing";
    return vm_is_held(vm) ? "held" : "running";
}

enum shell_step shell_vms(struct shell_job *job)
{
    const struct vm *vm;

    if (job->line == vm_count)
        return SHELL_DONE;
    if (job->line == 0)
        shell_print("id name             state    vcpus      mem  since");
    vm = vms[job->line++];
    shell_print("%2u %-16s %-8s %5u %6lu M  %lu s", vm->id, vm->config->name, state_of(vm), vm->vcpu_count,
                vm->config->mem / MIB, (time_now_ns() - vm->restart.start_ns) / NS_PER_SEC);
    return SHELL_MORE;
}

static const char *vcpu_state(const struct vcpu *vcpu)
{
    static const char *const names[] = {
        [VCPU_OFF] = "off",         [VCPU_RUNNABLE] = "runs", [VCPU_BLOCKED] = "blocked",
        [VCPU_STOPPED] = "stopped", [VCPU_HELD] = "held",
    };
    uint32_t state = atomic_load(&vcpu->state);

    return state < ARRAY_COUNT(names) ? names[state] : "?";
}

/* The vCPU of running number `n` over all VMs, or over one. */
static struct vcpu *nth_vcpu(const struct vm *only, uint32_t n)
{
    for (uint32_t i = 0; i < vm_count; i++) {
        if (only != NULL && vms[i] != only)
            continue;
        if (n < vms[i]->vcpu_count)
            return vms[i]->vcpus[n];
        n -= vms[i]->vcpu_count;
    }
    return NULL;
}

/* Counts once, waits, counts again: the sum of all in number[0] would not tell one from another, so the table
 * keeps a count for each of the first vCPUs. */
enum shell_step shell_vcpus(struct shell_job *job)
{
    static uint64_t counts[MAX_VCPUS_PER_VM];
    struct vcpu *vcpu;
    char where[120];
    uint64_t rate;

    if (job->time_ns == 0) {
        for (uint32_t i = 0; i < ARRAY_COUNT(counts) && (vcpu = nth_vcpu(job->vm, i)) != NULL; i++)
            counts[i] = vcpu->exit_count;
        job->time_ns = time_now_ns();
        shell_print("vcpu                 cpu state    exits/s  last seen");
    }
    if (time_now_ns() - job->time_ns < RATE_NS)
        return SHELL_WAIT;
    if (job->line == 0)
        job->number[0] = time_now_ns() - job->time_ns;
    vcpu = nth_vcpu(job->vm, job->line);
    if (vcpu == NULL)
        return SHELL_DONE;
    rate = job->line < ARRAY_COUNT(counts)
               ? (vcpu->exit_count - counts[job->line]) * NS_PER_SEC / job->number[0]
               : 0;
    arch_vcpu_where(vcpu, where, sizeof(where));
    shell_print("%-16s.%-3u %3u %-8s %7lu  %s", vcpu->vm->config->name, vcpu->id, vcpu->cpu, vcpu_state(vcpu),
                rate, where);
    job->line++;
    return SHELL_MORE;
}

enum shell_step shell_pause(struct shell_job *job)
{
    struct vm *vm = job->vm;

    if (job->step == 0) {
        if (user_paused[vm->id]) {
            shell_print("vm %s is paused already", vm->config->name);
            return SHELL_DONE;
        }
        user_paused[vm->id] = true;
        vm_pause(vm);
        job->time_ns = time_now_ns();
        job->step = 1;
    }
    if (!vm_is_held(vm) && time_now_ns() - job->time_ns < 2 * NS_PER_SEC)
        return SHELL_WAIT;
    shell_print("vm %s %s after %lu us", vm->config->name, vm_is_held(vm) ? "paused" : "is still running",
                (time_now_ns() - job->time_ns) / NS_PER_US);
    return SHELL_DONE;
}

static void unpause(struct vm *vm)
{
    if (user_paused[vm->id])
        vm_resume(vm);
    user_paused[vm->id] = false;
}

enum shell_step shell_resume(struct shell_job *job)
{
    if (!user_paused[job->vm->id])
        shell_print("vm %s is not paused", job->vm->config->name);
    unpause(job->vm);
    return SHELL_DONE;
}

enum shell_step shell_reset(struct shell_job *job)
{
    unpause(job->vm);
    if (atomic_load(&job->vm->state) == VM_ENDED)
        shell_print("vm %s has ended: use start", job->vm->config->name);
    else
        vm_end(job->vm, VM_END_RESET, 0, "by the shell");
    return SHELL_DONE;
}

enum shell_step shell_stop(struct shell_job *job)
{
    unpause(job->vm);
    if (atomic_load(&job->vm->state) == VM_ENDED)
        shell_print("vm %s has ended already", job->vm->config->name);
    else
        vm_end(job->vm, VM_END_STOPPED, 0, "by the shell");
    return SHELL_DONE;
}

enum shell_step shell_start(struct shell_job *job)
{
    if (vm_start_again(job->vm) != 0)
        shell_print("vm %s has not ended", job->vm->config->name);
    return SHELL_DONE;
}
