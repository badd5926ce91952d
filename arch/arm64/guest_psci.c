/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/guest_psci.h"

#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/esr.h"
#include "arch/arm64/psci.h"
#include "lib/bits.h"

#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)
#define SMCCC_64            BIT(30) /* arguments have 64 bits */

/* PSCI function numbers without SMCCC_64 */
#define FN_CPU_SUSPEND       UINT32_C(0x84000001)
#define FN_CPU_OFF           UINT32_C(0x84000002)
#define FN_CPU_ON            UINT32_C(0x84000003)
#define FN_AFFINITY_INFO     UINT32_C(0x84000004)
#define FN_MIGRATE_INFO_TYPE UINT32_C(0x84000006)
#define FN_SYSTEM_OFF        UINT32_C(0x84000008)
#define FN_SYSTEM_RESET      UINT32_C(0x84000009)
#define FN_FEATURES          UINT32_C(0x8400000a)
#define FN_SYSTEM_RESET2     UINT32_C(0x84000012)

#define PSCI_1_1             UINT64_C(0x10001)
#define PSCI_ON_PENDING      (-5)
#define PSCI_INVALID_ADDRESS (-9)
#define PSCI_TOS_NOT_PRESENT 2 /* nothing that would have to be migrated */
#define AFFINITY_ON          0
#define AFFINITY_OFF         1
#define AFFINITY_ON_PENDING  2
#define RESET2_ARCH_WARM     0

static struct arm64_vcpu *find_vcpu(struct vm *vm, uint64_t mpidr)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        if (vgic_mpidr(i) == mpidr)
            return arm64_vcpu_of(vm->vcpus[i]);
    return NULL;
}

static int64_t cpu_on(struct arm64_vcpu *vcpu, const uint64_t *arg)
{
    struct arm64_vcpu *target = find_vcpu(vcpu->core.vm, arg[1]);
    uint32_t off = ARM64_OFF;
    uint32_t probe;

    if (target == NULL)
        return PSCI_INVALID_PARAMETER;
    if (guest_read(vcpu->core.vm, gpa(arg[2]), &probe, sizeof(probe)) != 0)
        return PSCI_INVALID_ADDRESS;
    if (!atomic_compare_exchange_strong_explicit(&target->power, &off, ARM64_STARTING, memory_order_acquire,
                                                 memory_order_relaxed))
        return off == ARM64_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
    target->power_entry = arg[2];
    target->power_context = arg[3];
    /* Publishes the two: the owner reads them after taking the request. */
    vcpu_request(&target->core, VCPU_REQ_INIT);
    return PSCI_SUCCESS;
}

/* Affinity levels above 0 do not exist: each vCPU is switched for itself. */
static int64_t affinity_info(struct arm64_vcpu *vcpu, const uint64_t *arg)
{
    static const int8_t answers[] = {
        [ARM64_OFF] = AFFINITY_OFF, [ARM64_STARTING] = AFFINITY_ON_PENDING, [ARM64_ON] = AFFINITY_ON};
    struct arm64_vcpu *target = find_vcpu(vcpu->core.vm, arg[1]);

    if (target == NULL || arg[2] != 0)
        return PSCI_INVALID_PARAMETER;
    return answers[atomic_load_explicit(&target->power, memory_order_acquire)];
}

static int64_t features(uint64_t function)
{
    switch ((uint32_t)function) {
    case FN_CPU_SUSPEND:
    case FN_CPU_SUSPEND | SMCCC_64:
    case FN_CPU_ON:
    case FN_CPU_ON | SMCCC_64:
    case FN_AFFINITY_INFO:
    case FN_AFFINITY_INFO | SMCCC_64:
    case FN_SYSTEM_RESET2:
    case FN_SYSTEM_RESET2 | SMCCC_64:
    case GUEST_PSCI_VERSION:
    case FN_CPU_OFF:
    case FN_MIGRATE_INFO_TYPE:
    case FN_SYSTEM_OFF:
    case FN_SYSTEM_RESET:
    case FN_FEATURES:
    case SMCCC_VERSION:
        return PSCI_SUCCESS;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

static int64_t system_reset2(struct arm64_vcpu *vcpu, const uint64_t *arg)
{
    if ((uint32_t)arg[1] != RESET2_ARCH_WARM)
        return PSCI_INVALID_PARAMETER;
    vm_end(vcpu->core.vm, VM_END_RESET, 0, "PSCI SYSTEM_RESET2");
    return PSCI_SUCCESS;
}

static int64_t psci_call(struct arm64_vcpu *vcpu, uint32_t function, const uint64_t *arg)
{
    switch (function) {
    case FN_CPU_SUSPEND:
    case FN_CPU_SUSPEND | SMCCC_64:
        /* Also a power-down request: it ends as one that was woken before it took effect. */
        vcpu->waiting |= ARM64_WAIT_EVENT;
        return PSCI_SUCCESS;
    case FN_CPU_OFF:
        vcpu->waiting |= ARM64_WAIT_START;
        return PSCI_SUCCESS;
    case FN_CPU_ON:
    case FN_CPU_ON | SMCCC_64:
        return cpu_on(vcpu, arg);
    case FN_AFFINITY_INFO:
    case FN_AFFINITY_INFO | SMCCC_64:
        return affinity_info(vcpu, arg);
    case FN_MIGRATE_INFO_TYPE:
        return PSCI_TOS_NOT_PRESENT;
    case FN_SYSTEM_OFF:
        vm_end(vcpu->core.vm, VM_END_POWEROFF, 0, "PSCI SYSTEM_OFF");
        return PSCI_SUCCESS;
    case FN_SYSTEM_RESET:
        vm_end(vcpu->core.vm, VM_END_RESET, 0, "PSCI SYSTEM_RESET");
        return PSCI_SUCCESS;
    case FN_SYSTEM_RESET2:
    case FN_SYSTEM_RESET2 | SMCCC_64:
        return system_reset2(vcpu, arg);
    case FN_FEATURES:
        return features(arg[1]);
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

static int64_t call(struct arm64_vcpu *vcpu, uint32_t function, uint64_t raw)
{
    const uint64_t *x = vcpu->sw.regs.x;
    uint64_t arg[4] = {x[0], x[1], x[2], x[3]};

    if ((raw & ESR_IMM16) != 0)
        return PSCI_NOT_SUPPORTED;
    if ((function & SMCCC_64) == 0)
        for (uint32_t i = 1; i < ARRAY_COUNT(arg); i++)
            arg[i] = (uint32_t)arg[i];
    switch (function) {
    case SMCCC_ARCH_FEATURES:
        return (uint32_t)arg[1] == SMCCC_VERSION || (uint32_t)arg[1] == SMCCC_ARCH_FEATURES
                   ? PSCI_SUCCESS
                   : PSCI_NOT_SUPPORTED;
    default:
        return psci_call(vcpu, function, arg);
    }
}

void guest_psci_call(struct arm64_vcpu *vcpu, const struct vm_exit *exit)
{
    /* SMC traps before it is executed, HVC after. */
    if (exit->length != 0)
        arm64_skip(vcpu, exit->length);
    if (!guest_psci_at_once(vcpu, exit->raw))
        vcpu->sw.regs.x[0] = (uint64_t)call(vcpu, (uint32_t)vcpu->sw.regs.x[0], exit->raw);
}
