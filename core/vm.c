/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of VMs: start, end with one record, restart, the machine's end. A VM's state changes to VM_ENDED
 * once, by whoever ends it first; after its last vCPU has stopped, the boot CPU alone decides what follows.
 */
#include "core/vm.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/guest_debug.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/report_vm.h"
#include "core/sched.h"
#include "core/time.h"
#include "core/trace.h"
#include "lib/error.h"
#include "lib/printf.h"

/*
 * A VM that ends as soon as it runs would have the boot CPU load images for ever, and the console full of its
 * records. The first few times it restarts at once, then after a pause.
 */
#define SHORT_LIFE_NS (1 * NS_PER_SEC)
#define SHORT_LIVES   3
#define RESTART_AFTER (1 * NS_PER_SEC)

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
    [VM_END_STOPPED] = "stopped",
};

static enum on_end policy_of(const struct vm *vm)
{
    enum on_end policy = vm->config->on_end;

    if (vm->end == VM_END_STOPPED)
        return ON_END_STAY;
    if (policy == ON_END_DEFAULT)
        policy = config.on_end;
    return policy == ON_END_DEFAULT ? ON_END_STAY : policy;
}

/* Pairs with the load in vm_housekeeping(): the last one makes the boot CPU look. */
static void one_less(struct vm *vm)
{
    if (atomic_fetch_sub_explicit(&vm->running_count, 1, memory_order_acq_rel) == 1)
        cpu_kick(cpus[0]);
}

void vm_end(struct vm *vm, enum vm_end reason, uint32_t code, const char *detail)
{
    uint32_t expected = VM_RUNNING;
    struct vcpu *vcpu = this_cpu()->current;
    char where[80] = "";
    size_t length;

    if (!atomic_compare_exchange_strong(&vm->state, &expected, VM_ENDED))
        return;
    /* Whoever ends it counts like a vCPU: the VM does not start again while requests to stop are on their
     * way. */
    atomic_fetch_add_explicit(&vm->running_count, 1, memory_order_relaxed);
    vm->end = reason;
    vm->end_code = code;
    vm->end_vcpu = 0;
    if (vcpu != NULL && vcpu->vm == vm) {
        arch_vcpu_describe(vcpu, where, sizeof(where));
        arch_vcpu_keep_exit(vcpu);
        vm->end_vcpu = vcpu->id;
    }
    length = (size_t)fmt_snprintf(vm->end_text, sizeof(vm->end_text), "%s", end_words[reason]);
    if (reason == VM_END_DEBUG_EXIT)
        length +=
            (size_t)fmt_snprintf(vm->end_text + length, sizeof(vm->end_text) - length, " code=%u", code);
    fmt_snprintf(vm->end_text + length, sizeof(vm->end_text) - length, ": %s%s%s", detail,
                 where[0] ? " at " : "", where);
    log_record("vm %s ended: %s", vm->config->name, vm->end_text);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpus[i], VCPU_REQ_STOP);
    one_less(vm);
}

void vm_vcpu_stopped(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    report_vm_vcpu_stopped(vcpu);
    atomic_store_explicit(&vcpu->state, VCPU_STOPPED, memory_order_seq_cst);
    one_less(vm);
}

static void vm_run(struct vm *vm)
{
    atomic_store(&vm->running_count, vm->vcpu_count);
    atomic_store(&vm->state, VM_RUNNING);
    vm->restart.start_ns = time_now_ns();
    sched_enqueue(vm->vcpus[0]);
    /* Whoever held a vCPU in its last life still does. */
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        if (atomic_load(&vm->vcpus[i]->hold_count) != 0)
            vcpu_request(vm->vcpus[i], VCPU_REQ_HOLD);
}

static bool wants_restart(const struct vm *vm)
{
    return vm->end == VM_END_RESET || policy_of(vm) == ON_END_RESTART;
}

static void pause_over(struct timer *timer)
{
    CONTAINER_OF(timer, struct vm, restart.timer)->restart.waiting = false;
    cpu_kick(cpus[0]);
}

static const struct timer_ops pause_ops = {.expire = pause_over};

/* Counts this life, and makes the VM wait before the next if it has come to that. */
static void begin_pause(struct vm *vm)
{
    struct vm_restart *restart = &vm->restart;
    uint64_t now = time_now_ns();

    restart->short_count = now - restart->start_ns < SHORT_LIFE_NS ? restart->short_count + 1 : 0;
    if (restart->short_count <= SHORT_LIVES)
        return;
    if (restart->timer.ops == NULL)
        timer_init(&restart->timer, &pause_ops);
    log_info("vm %s ended %u times in short order: restarts after a pause", vm->config->name,
             restart->short_count);
    restart->waiting = true;
    timer_arm(&restart->timer, now + RESTART_AFTER);
}

/* True if the VM runs again. */
static bool vm_restart(struct vm *vm)
{
    if (arch_vm_reset(vm) != 0)
        return false;
    guest_debug_vm_reset(vm);
    log_info("vm %s restarts, %lu KiB free", vm->config->name, pmem_free_pages() * PAGE_SIZE / KIB);
    vm->settled = false;
    vm_run(vm);
    return true;
}

/* A VM whose vCPUs have stopped: its report, then what its policy says. True: it runs or will run again, or
 * there is more to do. */
static bool settle(struct vm *vm)
{
    if (!vm->settled) {
        if (!report_vm_ended(vm))
            return true;
        vm->settled = true;
        if (!wants_restart(vm))
            return false;
        vm->restart.due = true;
        begin_pause(vm);
    }
    if (!vm->restart.due || vm->restart.waiting)
        return vm->restart.due;
    vm->restart.due = false;
    return vm_restart(vm);
}

int vm_start_again(struct vm *vm)
{
    if (atomic_load(&vm->state) != VM_ENDED || !vm->settled)
        return E_BUSY;
    vm->restart.due = true;
    vm->restart.waiting = false;
    return 0;
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
    /* The last bytes may wait in a guest's UART for room in the console. The record is the last word of all.
     */
    console_flush();
    console_poll();
    console_flush();
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
        if (settle(vm))
            all_ended = false;
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
        if (trace_ring_on)
            arch_trace_exits(true); /* its vCPUs too */
        vm_run(vm);
    }
}
