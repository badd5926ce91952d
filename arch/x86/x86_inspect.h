/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of x86's arch_inspect_line(): a vCPU's events and its injection log, a line at a time. The vCPU is
 * held, or the caller's own between two entries.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;

bool x86_events_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size);
bool x86_log_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size);
bool x86_last_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size);

/* What the manuals' checks at an entry find in the guest's state; the vCPU may also be loaded on this CPU. */
bool x86_refused_line(struct vcpu *vcpu, uint32_t line, char *text, size_t size);
