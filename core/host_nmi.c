/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters are atomic: written by NMI handlers of any CPU. An NMI is edge-triggered and carries no data,
 * so a count is all there is to pass on: nothing is lost between handler and loop, however many come.
 */
#include "core/host_nmi.h"

#include <stdatomic.h>

#include "core/arch.h"
#include "core/config.h"
#include "core/log.h"
#include "core/shell_emergency.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/string.h"

static _Atomic uint64_t arrived;
static _Atomic uint64_t forwarded;
static _Atomic uint64_t to_do; /* arrived and not yet acted on */

void host_nmi_arrived(struct cpu *cpu, const void *frame)
{
    atomic_fetch_add_explicit(&arrived, 1, memory_order_relaxed);
    if (shell_emergency_nmi(frame) || config.host_nmi == HOST_NMI_IGNORE)
        return;
    if (config.host_nmi == HOST_NMI_SHELL) {
        shell_emergency_enter(frame);
        return;
    }
    if (config.host_nmi == HOST_NMI_PANIC)
        panic("NMI on CPU %u (hostnmi=panic)", cpu->id);
    atomic_fetch_add_explicit(&to_do, 1, memory_order_relaxed);
    /* Pairs with the clearing in sched_loop(): the count is there when attention is seen. */
    cpu_note(cpu, ATTENTION_ALL);
}

static struct vm *target(void)
{
    for (uint32_t i = 0; i < vm_count; i++)
        if (strcmp(vms[i]->config->name, config.host_nmi_vm) == 0)
            return vms[i];
    return NULL;
}

static void forward(uint64_t count)
{
    struct vm *vm = target();

    if (vm == NULL || atomic_load(&vm->state) != VM_RUNNING) {
        log_warn("host NMI: vm %s does not run: dropped", config.host_nmi_vm);
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        arch_vm_nmi(vm);
    atomic_fetch_add_explicit(&forwarded, count, memory_order_relaxed);
}

void host_nmi_act(void)
{
    uint64_t count;

    if (LIKELY(atomic_load_explicit(&to_do, memory_order_relaxed) == 0))
        return;
    count = atomic_exchange_explicit(&to_do, 0, memory_order_acq_rel);
    if (count == 0)
        return;
    forward(count);
}

uint64_t host_nmi_count(void)
{
    return atomic_load_explicit(&arrived, memory_order_relaxed);
}

uint64_t host_nmi_forwarded(void)
{
    return atomic_load_explicit(&forwarded, memory_order_relaxed);
}
