/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which speculation barriers a CPU needs, by what it says of itself. A pure function, so that its table of
 * cases is tested on the host; docs/mitigations.md explains each rule.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu_features.h"
#include "arch/x86/mitigation_flags.h"

/* Words of CPUID; 0 where a leaf does not exist. */
struct speculation_facts {
    enum cpu_vendor vendor;
    bool emulated; /* the hypervisor leaf says that an emulator runs us, which does not speculate */
    uint32_t leaf7_ebx;
    uint32_t leaf7_edx;
    uint32_t ext8_ebx;          /* 8000_0008 */
    uint32_t ext21_eax;         /* 8000_0021 */
    uint32_t ext21_ecx;         /* 8000_0021 */
    uint64_t arch_capabilities; /* the MSR, 0 where there is none */
};

enum mitigation {
    MITIGATION_PREDICTOR, /* indirect branch predictor barrier between VMs */
    MITIGATION_BRANCHES,  /* guests' branch targets are not used by Latch */
    MITIGATION_RETURNS,   /* guests' return addresses are not used by Latch */
    MITIGATION_BUFFERS,   /* what Latch left in CPU buffers is gone when a guest runs */
    MITIGATION_CACHE,     /* level 1 data cache flushed between VMs */
    MITIGATION_COUNT,
};

enum mitigation_state {
    MITIGATION_NOT_OFFERED, /* needed perhaps, but this CPU has no means */
    MITIGATION_NOT_NEEDED,
    MITIGATION_HARDWARE, /* another mitigation or the CPU itself covers it */
    MITIGATION_OFF,      /* would be active, but for mitigations=off */
    MITIGATION_ACTIVE,
};

struct mitigation_plan {
    enum mitigation_state state[MITIGATION_COUNT];
    bool auto_ibrs;       /* set EFER.AIBRSE on each CPU */
    bool ibrs;            /* set SPEC_CTRL.IBRS on each CPU, for ever */
    uint32_t entry_flags; /* MITIGATE_* */
};

void mitigation_plan_make(struct mitigation_plan *plan, const struct speculation_facts *facts, bool wanted);
