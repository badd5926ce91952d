/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's interrupts as lines, for records and the shell. The vCPU is held, or the caller's own between two
 * entries. False: there are no more lines.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"

/* Books, then each pending or active interrupt with what holds it back. */
bool arm64_events_line(const struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size);

/* The same interrupts with their state in the virtual GIC. */
bool arm64_irqs_line(const struct arm64_vcpu *vcpu, uint32_t line, char *text, size_t size);
