/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the events of a VM are doing, in words: for a person at the console, and for tests. Each vCPU's
 * owner prints what belongs to it, between two guest entries; so the lines come a little later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct vcpu;

/* Per vCPU: state, books, and for each pending event what holds it back and for how long ("why not
 * delivered?"). */
void report_events(struct vm *vm);

/* The injection logs of all vCPUs in the form that tools/replay reads. */
void report_injection_log(struct vm *vm);

/* VCPU_REQ_TELL: the owner prints what was asked for. */
void report_answer(struct vcpu *vcpu);

/* The console's keys behind its escape character: e events, l injection log, n NMI to the VM. False: no such
 * key. */
bool report_key(struct vm *vm, uint8_t key);
