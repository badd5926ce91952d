/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. The guest may point the structures anywhere; a place without RAM is its own loss. */
#include "arch/x86/pvclock.h"

#include "arch/x86/tsc.h"
#include "arch/x86/x86_vm.h"
#include "core/guest_mem.h"
#include "core/time.h"

#define SYSTEM_TIME_ENABLE BIT(0)
#define FLAG_TSC_STABLE    1

struct pvclock_vcpu_time {
    uint32_t version; /* odd while it is being written */
    uint32_t reserved_0x04;
    uint64_t tsc_timestamp;
    uint64_t system_time; /* ns at tsc_timestamp */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t reserved_0x1e[2];
};

struct pvclock_wall_clock {
    uint32_t version;
    uint32_t sec; /* date when system_time was 0 */
    uint32_t nsec;
};

_Static_assert(sizeof(struct pvclock_vcpu_time) == 32, "layout of the per-vCPU clock");
_Static_assert(sizeof(struct pvclock_wall_clock) == 12, "layout of the wall clock");

void pvclock_scale(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    uint64_t ns = NS_PER_SEC;
    int8_t s = 0;

    /* The quotient below is to lie in [1/2, 1). */
    while (ns >= hz) {
        hz *= 2;
        s++;
    }
    while (ns * 2 < hz) {
        ns *= 2;
        s--;
    }
    *mul = (uint32_t)((ns << 32) / hz);
    *shift = s;
}

static void write_time(struct x86_vcpu *vcpu)
{
    struct pvclock_vcpu_time time = {
        .version = 2,
        /* All vCPUs count from the VM's power-on; one that moved its TSC carries the difference here. */
        .tsc_timestamp = vcpu->tsc_offset - x86_vm_of(vcpu->core.vm)->tsc_offset,
        .flags = FLAG_TSC_STABLE,
    };

    pvclock_scale(tsc_khz() * 1000, &time.tsc_to_system_mul, &time.tsc_shift);
    (void)!guest_write(vcpu->core.vm, gpa(vcpu->msrs.kvm_system_time & ~SYSTEM_TIME_ENABLE), &time,
                       sizeof(time));
}

static void write_wall(struct x86_vcpu *vcpu, gpa_t at)
{
    uint64_t start_ns = x86_vm_of(vcpu->core.vm)->start_ns;
    const struct pvclock_wall_clock wall = {
        .version = 2,
        .sec = (uint32_t)(board_boot_utc() + start_ns / NS_PER_SEC),
        .nsec = (uint32_t)(start_ns % NS_PER_SEC),
    };

    (void)!guest_write(vcpu->core.vm, at, &wall, sizeof(wall));
}

void pvclock_msr_write(struct x86_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    if (msr == MSR_KVM_WALL_CLOCK_NEW) {
        vcpu->msrs.kvm_wall_clock = value;
        write_wall(vcpu, gpa(value));
        return;
    }
    vcpu->msrs.kvm_system_time = value;
    pvclock_tsc_moved(vcpu);
}

uint64_t pvclock_msr_read(const struct x86_vcpu *vcpu, uint32_t msr)
{
    return msr == MSR_KVM_WALL_CLOCK_NEW ? vcpu->msrs.kvm_wall_clock : vcpu->msrs.kvm_system_time;
}

void pvclock_tsc_moved(struct x86_vcpu *vcpu)
{
    if ((vcpu->msrs.kvm_system_time & SYSTEM_TIME_ENABLE) != 0)
        write_time(vcpu);
}
