/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMC Calling Convention: x0 to x3 in, x0 out; x0 to x17 are the callee's.
 */
#include "arch/arm64/psci.h"

static enum psci_method method;

void psci_init(enum psci_method how)
{
    method = how;
}

bool psci_is_present(void)
{
    return method != PSCI_NONE;
}

const char *psci_method_name(void)
{
    static const char *const names[] = {"none", "smc", "hvc"};

    return names[method];
}

static int64_t call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    switch (method) {
    case PSCI_SMC:
        __asm__ volatile("smc #0"
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                         :
                         : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                           "x16", "x17", "memory");
        break;
    case PSCI_HVC:
        __asm__ volatile("hvc #0"
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                         :
                         : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                           "x16", "x17", "memory");
        break;
    case PSCI_NONE:
    default:
        return PSCI_NOT_SUPPORTED;
    }
    return (int64_t)x0;
}

uint32_t psci_version(void)
{
    int32_t version = (int32_t)call(PSCI_VERSION, 0, 0, 0);

    return version < 0 ? 0 : (uint32_t)version;
}

int32_t psci_cpu_on(uint64_t mpidr, hpa_t entry, uint64_t context)
{
    return (int32_t)call(PSCI_CPU_ON, mpidr, entry.v, context);
}

void psci_system_off(void)
{
    (void)call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void)
{
    (void)call(PSCI_SYSTEM_RESET, 0, 0, 0);
}
