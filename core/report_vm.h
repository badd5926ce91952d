/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report about one VM, complete in itself: build, why it ended, registers, code, calls, what its last exit
 * and its trace say, events. A line at a time, out of the shell's views; guest memory is read by bounded
 * copies through the guest's own page tables. All its vCPUs are held (core/inspect.h) or stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inspect.h"
#include "core/vm.h"

struct report_vm {
    struct vm *vm; /* NULL: none */
    struct vcpu *vcpu;
    uint32_t section;
    uint32_t line; /* of the section */
    uint32_t next; /* register number */
    struct inspect_stack stack;
};

#define REPORT_LINE_SIZE INSPECT_LINE_SIZE

/* About `vcpu` above all, the others in a line each. */
void report_vm_begin(struct report_vm *report, struct vcpu *vcpu);

/* The next line; false: that was all. */
bool report_vm_line(struct report_vm *report, char *text, size_t size);

/* A vCPU of an ended VM has left its CPU for good; that CPU. */
void report_vm_vcpu_stopped(const struct vcpu *vcpu);

/*
 * After the end of a VM whose vCPUs have all stopped: writes its report to the console as that has room, and
 * does not wait. False: call again. At once true where there is nothing to explain: the guest or the operator
 * wanted the end, or it is one of many in short order. Boot CPU.
 */
MUST_CHECK bool report_vm_ended(struct vm *vm);
