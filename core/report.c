/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. vCPUs bound to another CPU are only named: their state belongs to that CPU. */
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

/* True if the vCPU's state may be read here. */
static bool is_ours(const struct vcpu *vcpu)
{
    if (vcpu->loaded == this_cpu())
        return true;
    log_record("events vm %s vcpu %u: runs on CPU %u", vcpu->vm->config->name, vcpu->id, vcpu->cpu);
    return false;
}

static void report_lines(struct vcpu *vcpu, const char *what, enum inspect_view view)
{
    char line[INSPECT_LINE_SIZE];

    for (uint32_t i = 0; arch_inspect_line(vcpu, view, 0, i, line, sizeof(line)); i++)
        log_record("%s vm %s vcpu %u%s %s", what, vcpu->vm->config->name, vcpu->id,
                   view == INSPECT_LOG ? ":" : "", line);
}

void report_events(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];
        char where[80];

        if (!is_ours(vcpu))
            continue;
        arch_vcpu_describe(vcpu, where, sizeof(where));
        log_record("events vm %s %s: %s", vm->config->name, where, state_name(atomic_load(&vcpu->state)));
        report_lines(vcpu, "events", INSPECT_EVENTS);
    }
}

void report_injection_log(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = vm->vcpus[i];

        if (is_ours(vcpu))
            report_lines(vcpu, "log", INSPECT_LOG);
    }
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
