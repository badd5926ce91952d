/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/x86/mitigations.h"

#include <stdbool.h>

#include "arch/x86/cpu_features.h"
#include "arch/x86/insn.h"
#include "arch/x86/msr.h"
#include "core/config.h"
#include "core/log.h"

static bool use_ibpb; /* set once at boot */

void mitigations_init(void)
{
    use_ibpb = config.mitigations && cpu_features.has_ibpb;
    log_info("mitigations: %s; IBPB between VMs: %s", config.mitigations ? "on" : "off",
             use_ibpb                ? "yes"
             : cpu_features.has_ibpb ? "off by option"
                                     : "not offered by this CPU");
}

void mitigations_vcpu_switch(const struct vm *from, const struct vm *to)
{
    if (use_ibpb && from != to)
        insn_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}
