/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. A vCPU's state belongs to the CPU that runs it: its owner is asked, and tells. */
#include "core/report.h"

#include "core/arch.h"
#include "core/log.h"
#include "core/vm.h"

static const char *state_name(uint32_t state)
{
    switch ((enum vcpu_state)state) {
    case VCPU_OFF:
        return "off";
    case VCPU_RUNNABLE:
        return "runnable";
    case VCPU_BLOCKED:
        return "blocked";
    case VCPU_STOPPED:
        return "stopped";
    case VCPU_HELD:
        return "held";
    }
    return "?";
}

#define WANTED_EVENTS BIT(0)
#define WANTED_LOG    BIT(1)
#define WANTED_STATE  FIELD(15, 8) /* what it was in when it was asked */

static void tell(struct vcpu *vcpu, const char *what, enum inspect_view view)
{
    char line[INSPECT_LINE_SIZE];

    for (uint32_t i = 0; arch_inspect_line(vcpu, view, 0, i, line, sizeof(line)); i++)
        log_record("%s vm %s vcpu %u%s %s", what, vcpu->vm->config->name, vcpu->id,
                   view == INSPECT_LOG ? ":" : "", line);
}

void report_answer(struct vcpu *vcpu)
{
    uint32_t wanted = atomic_exchange_explicit(&vcpu->report_wanted, 0, memory_order_relaxed);
    char where[80];

    if ((wanted & WANTED_EVENTS) != 0) {
        arch_vcpu_describe(vcpu, where, sizeof(where));
        log_record("events vm %s %s: %s", vcpu->vm->config->name, where,
                   state_name((uint32_t)field_get(wanted, WANTED_STATE)));
        tell(vcpu, "events", INSPECT_EVENTS);
    }
    if ((wanted & WANTED_LOG) != 0)
        tell(vcpu, "log", INSPECT_LOG);
}

static void ask(struct vm *vm, uint32_t wanted)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        uint32_t state = atomic_load(&vcpu->state);

        atomic_fetch_or_explicit(&vcpu->report_wanted, wanted | (uint32_t)field_make(state, WANTED_STATE),
                                 memory_order_relaxed);
        if (state == VCPU_STOPPED || state == VCPU_HELD)
            report_answer(vcpu); /* nobody else does, and all of it is in memory */
        else
            vcpu_request(vcpu, VCPU_REQ_TELL);
    }
}

void report_events(struct vm *vm)
{
    ask(vm, WANTED_EVENTS);
}

void report_injection_log(struct vm *vm)
{
    ask(vm, WANTED_LOG);
}

bool report_key(struct vm *vm, uint8_t key)
{
    switch (key) {
    case 'e':
        report_events(vm);
        return true;
    case 'l':
        report_injection_log(vm);
        return true;
    case 'n':
        log_record("NMI to vm %s", vm->config->name);
        arch_vm_nmi(vm);
        return true;
    default:
        return false;
    }
}
