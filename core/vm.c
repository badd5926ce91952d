/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of VMs: start, end with one record, restart, the machine's end. A VM's state changes to VM_ENDED
 * once, by whoever ends it first; after its last vCPU has stopped, the boot CPU alone decides what follows.
 */
#include "core/vm.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/log.h"
#include "core/sched.h"
#include "lib/printf.h"

struct vm *vms[MAX_VMS];
uint32_t vm_count;

static bool machine_ended; /* boot CPU only */

static const char *const end_words[] = {
    [VM_END_POWEROFF] = "poweroff",
    [VM_END_RESET] = "reset",
    [VM_END_DEBUG_EXIT] = "debug-exit",
    [VM_END_TRIPLE_FAULT] = "triple-fault",
    [VM_END_UNHANDLED_EXIT] = "unhandled-exit",
    [VM_END_CONFIG] = "config",
};

static enum on_end policy_of(const struct vm *vm)
{
    enum on_end policy = vm->config->on_end;

    if (policy == ON_END_DEFAULT)
        policy = config.on_end;
    return policy == ON_END_DEFAULT ? ON_END_STAY : policy;
}

void vm_end(struct vm *vm, enum vm_end reason, uint32_t code, const char *detail)
{
    uint32_t expected = VM_RUNNING;
    char where[80] = "";

    if (!atomic_compare_exchange_strong(&vm->state, &expected, VM_ENDED))
        return;
    vm->end = reason;
    vm->end_code = code;
    if (this_cpu()->current != NULL && this_cpu()->current->vm == vm)
        arch_vcpu_describe(this_cpu()->current, where, sizeof(where));
    if (reason == VM_END_DEBUG_EXIT)
        log_record("vm %s ended: debug-exit code=%u: %s%s%s", vm->config->name, code, detail,
                   where[0] ? " at " : "", where);
    else
        log_record("vm %s ended: %s: %s%s%s", vm->config->name, end_words[reason], detail,
                   where[0] ? " at " : "", where);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_STOP);
    cpu_kick(cpus[0]);
}

void vm_vcpu_stopped(struct vcpu *vcpu)
{
    atomic_store_explicit(&vcpu->state, VCPU_STOPPED, memory_order_seq_cst);
    /* Pairs with the load in vm_housekeeping(): the last one makes the boot CPU look. */
    if (atomic_fetch_sub_explicit(&vcpu->vm->running_count, 1, memory_order_acq_rel) == 1)
        cpu_kick(cpus[0]);
}

static void vm_run(struct vm *vm)
{
    uint32_t running = 0;

    atomic_store(&vm->state, VM_RUNNING);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        running += 1;
    atomic_store(&vm->running_count, running);
    sched_enqueue(vm->vcpus[0]);
}

/* True if the VM runs again. */
static bool vm_restart(struct vm *vm)
{
    bool again = vm->end == VM_END_RESET
                     ? policy_of(vm) != ON_END_STAY || vm->config->on_end == ON_END_DEFAULT
                     : policy_of(vm) == ON_END_RESTART;

    if (!again || arch_vm_reset(vm) != 0)
        return false;
    log_info("vm %s restarts", vm->config->name);
    vm_run(vm);
    return true;
}

static void machine_end(void)
{
    const char *how = "poweroff";
    char text[40];

    for (uint32_t i = 0; i < config.vm_count; i++)
        if (!config.vms[i].valid)
            how = "failed";
    for (uint32_t i = 0; i < vm_count; i++) {
        if (vms[i]->end == VM_END_DEBUG_EXIT) {
            fmt_snprintf(text, sizeof(text), "debug-exit code=%u", vms[i]->end_code);
            how = text;
            break;
        }
        if (vms[i]->end != VM_END_POWEROFF && vms[i]->end != VM_END_RESET)
            how = "failed";
    }
    log_record("all VMs ended: %s", how);
    console_flush();
    arch_machine_poweroff();
    log_warn("this machine offers no power-off that works: turn it off by hand");
}

void vm_housekeeping(void)
{
    bool all_ended = true;
    bool poweroff = vm_count == 0 ? config.on_end == ON_END_POWEROFF : true;

    if (LIKELY(machine_ended))
        return;
    for (uint32_t i = 0; i < vm_count; i++) {
        struct vm *vm = vms[i];

        if (atomic_load(&vm->state) != VM_ENDED) {
            all_ended = false;
            continue;
        }
        if (atomic_load_explicit(&vm->running_count, memory_order_acquire) != 0) {
            all_ended = false;
            continue;
        }
        if (!vm->settled) {
            vm->settled = true;
            if (vm_restart(vm)) {
                vm->settled = false;
                all_ended = false;
            }
        }
        if (policy_of(vm) != ON_END_POWEROFF)
            poweroff = false;
    }
    if (all_ended && poweroff) {
        machine_ended = true;
        machine_end();
    }
}

void vm_start_all(void)
{
    for (uint32_t i = 0; i < config.vm_count && vm_count < MAX_VMS; i++) {
        struct vm_config *vm_config = &config.vms[i];
        struct vm *vm;

        if (!vm_config->valid)
            continue;
        if (arch_vm_create(vm_config, vm_count, &vm) != 0) {
            vm_config->valid = false;
            log_record("vm %s ended: config: not started", vm_config->name);
            continue;
        }
        vms[vm_count++] = vm;
        vm_run(vm);
    }
}
