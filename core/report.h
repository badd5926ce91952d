/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the events of a VM are doing, in words: for a person at the console, and for tests. Called from the
 * boot CPU's loop, between two guest entries.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Per vCPU: state, books, and for each pending event what holds it back and for how long ("why not
 * delivered?"). */
void report_events(struct vm *vm);

/* The injection logs of all vCPUs in the form that tools/replay reads. */
void report_injection_log(struct vm *vm);

/* The console's keys behind its escape character: e events, l injection log, n NMI to the VM. False: no such
 * key. */
bool report_key(struct vm *vm, uint8_t key);
