/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: one fake CPU, set by the test that needs it. */
#pragma once

struct cpu;

extern struct cpu *fake_this_cpu;

static inline struct cpu *arch_this_cpu(void)
{
    return fake_this_cpu;
}

static inline void arch_cpu_relax(void)
{
}
