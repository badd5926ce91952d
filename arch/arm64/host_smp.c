/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secondary CPUs, started by PSCI one after the other: the boot CPU prepares the area, the firmware starts
 * the CPU at host_secondary_entry with the area's address, and the boot CPU waits until it has arrived. The
 * area of one that does not come is given to nobody else, so that it may still come.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/guest_cpu.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/host_timer.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/psci.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/sched.h"
#include "core/time.h"
#include "lib/error.h"

#define ARRIVE_WAIT_NS (2 * NS_PER_SEC)

/* What `online` becomes, once: whoever writes it first decides. */
enum arrival {
    ARRIVAL_NONE,
    ARRIVAL_OK,
    ARRIVAL_NO_GIC, /* parked for good */
    ARRIVAL_LATE,   /* the boot CPU waits no longer, its number may be another's: parked if it comes */
};

extern const uint8_t host_secondary_entry[];

_Noreturn void host_secondary_main(struct arm64_cpu *cpu);

static struct arm64_cpu *area_make(uint64_t mpidr)
{
    uint64_t pages = align_up(sizeof(struct arm64_cpu_area), PAGE_SIZE) / PAGE_SIZE;
    struct arm64_cpu *cpu;
    hpa_t at;

    if (pmem_alloc(pages, CPU_AREA_ALIGN, &at) != 0)
        return NULL;
    cpu = &((struct arm64_cpu_area *)hpa_to_ptr(at))->cpu;
    cpu_area_init(cpu, cpu_count, mpidr);
    return cpu_area_guard(cpu) == 0 ? cpu : NULL;
}

/* Settles how the CPU arrived, unless that is settled; returns what it is. */
static uint32_t settle(struct arm64_cpu *cpu, enum arrival how)
{
    uint32_t arrival = ARRIVAL_NONE;

    if (atomic_compare_exchange_strong_explicit(&cpu->online, &arrival, how, memory_order_acq_rel,
                                                memory_order_acquire))
        return how;
    return arrival;
}

static uint32_t wait_arrival(struct arm64_cpu *cpu)
{
    uint64_t since = time_now_ns();

    while (atomic_load_explicit(&cpu->online, memory_order_acquire) == ARRIVAL_NONE &&
           time_now_ns() - since < ARRIVE_WAIT_NS)
        arch_cpu_relax();
    return settle(cpu, ARRIVAL_LATE);
}

static const char *psci_error(int32_t error)
{
    switch (error) {
    case PSCI_ALREADY_ON:
        return "the firmware says that it runs already";
    case PSCI_INVALID_PARAMETER:
        return "the firmware does not know it";
    case PSCI_DENIED:
        return "the firmware refuses";
    default:
        return "the firmware cannot start it";
    }
}

/* NULL, or what is in the way, in words. */
static const char *start_one(uint64_t mpidr)
{
    struct arm64_cpu *cpu = area_make(mpidr);
    const char *problem = NULL;
    int32_t error;

    if (cpu == NULL) {
        cpus[cpu_count] = NULL;
        return "no memory for its stacks";
    }
    insn_dsb_sy(); /* its area is seen before it runs */
    error = psci_cpu_on(mpidr, ptr_to_hpa(host_secondary_entry), (uintptr_t)cpu);
    if (error != PSCI_SUCCESS) {
        problem = psci_error(error);
    } else {
        switch (wait_arrival(cpu)) {
        case ARRIVAL_OK:
            cpu_count++;
            return NULL;
        case ARRIVAL_NO_GIC:
            problem = "its part of the GIC does not work";
            break;
        default:
            problem = "it does not answer";
            break;
        }
    }
    cpus[cpu_count] = NULL;
    return problem;
}

void arch_cpus_start(uint32_t max)
{
    const struct devicetree *tree = &host_devices;
    uint32_t limit = max == 0 || max > MAX_CPUS ? MAX_CPUS : max;

    for (uint32_t i = 0; i < tree->cpu_count && cpu_count < limit; i++) {
        const char *problem;

        if (tree->cpus[i] == boot_cpu_area.cpu.mpidr)
            continue;
        problem =
            tree->cpu_psci[i] && psci_is_present() ? start_one(tree->cpus[i]) : "PSCI does not start it";
        if (problem != NULL)
            log_warn("CPU with affinity %lx is left out: %s", tree->cpus[i], problem);
    }
    log_info("self-check: %u of %u CPUs run", cpu_count, tree->cpu_count == 0 ? 1 : tree->cpu_count);
}

/* Not to be seen again. */
_Noreturn static __attribute__((noinline)) void park(void)
{
    insn_mask_all();
    for (;;)
        insn_wfi();
}

void host_secondary_main(struct arm64_cpu *cpu)
{
    cpu_load(cpu);
    insn_serror_unmask();
    host_timer_cpu_init();
    if (gicv3_cpu_init(cpu) != 0) {
        (void)settle(cpu, ARRIVAL_NO_GIC);
        park();
    }
    gicv3_private_enable(host_devices.hyp_timer_intid);
    guest_cpu_init(cpu);
    if (settle(cpu, ARRIVAL_OK) != ARRIVAL_OK)
        park();
    sched_loop(&cpu->base);
}
