/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secondary CPUs. The boot CPU does everything for them beforehand (area, guard pages, descriptor tables),
 * starts one, and waits until it has arrived before the next: the slot in ap_start.S is for one. A CPU that
 * does not come is put back into its wait-for-start-up state, so that it cannot come later.
 */
#include "arch/x86/host_smp.h"

#include "arch/x86/cpu.h"
#include "arch/x86/ext_state.h"
#include "arch/x86/host_apic.h"
#include "arch/x86/host_map.h"
#include "arch/x86/host_platform.h"
#include "arch/x86/insn.h"
#include "arch/x86/mitigations.h"
#include "arch/x86/tsc.h"
#include "arch/x86/tsc_sync.h"
#include "arch/x86/vcpu_ops.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/sched.h"
#include "lib/error.h"
#include "lib/string.h"

#define TRAMPOLINE_LIMIT UINT64_C(0xa0000) /* video memory begins here */

/* Intel SDM volume 3, "MP Initialization": INIT, 10 ms, start-up, and once more if it did not come. */
#define INIT_WAIT_NS    (10 * NS_PER_MS)
#define STARTUP_WAIT_NS (20 * NS_PER_MS)
#define ARRIVE_WAIT_NS  (500 * NS_PER_MS)

/* Values of x86_cpu.online. */
#define ARRIVED         1
#define ARRIVED_USELESS 2 /* it cannot run guests, and has halted */

extern const uint8_t ap_trampoline[];
extern const uint8_t ap_trampoline_end[];
extern _Atomic(struct x86_cpu *) ap_slot;
extern uint64_t ap_root;

static hpa_t trampoline; /* 0: no page was free */

static bool page_is_free(const struct boot_info *info, uint64_t page)
{
    for (uint32_t i = 0; i < info->module_count; i++) {
        uint64_t start = info->modules[i].start.v;

        if (start < page + PAGE_SIZE && start + info->modules[i].size > page)
            return false;
    }
    return true;
}

void host_smp_prepare(const struct boot_info *info)
{
    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->regions[i];
        uint64_t end = min_u64(region->start.v + region->size, TRAMPOLINE_LIMIT);

        if (region->kind != BOOT_REGION_RAM)
            continue;
        for (uint64_t page = region->start.v; page + PAGE_SIZE <= end; page += PAGE_SIZE)
            if (page != 0 && page_is_free(info, page))
                trampoline = hpa(page); /* the highest: firmware likes the low ones */
    }
}

/* Waits until the CPU has arrived; false: it has not. */
static bool arrived(const struct x86_cpu *cpu, uint64_t ns)
{
    uint64_t since = time_now_ns();

    while (atomic_load_explicit(&cpu->online, memory_order_acquire) == 0) {
        if (time_now_ns() - since > ns)
            return false;
        arch_cpu_relax();
    }
    return true;
}

static bool start(struct x86_cpu *cpu)
{
    uint32_t id = cpu->base.hardware_id;
    uint8_t page = (uint8_t)(trampoline.v / PAGE_SIZE);

    atomic_store_explicit(&ap_slot, cpu, memory_order_release);
    host_apic_send_init(id);
    (void)arrived(cpu, INIT_WAIT_NS);
    host_apic_send_startup(id, page);
    if (arrived(cpu, STARTUP_WAIT_NS))
        return true;
    host_apic_send_startup(id, page);
    if (arrived(cpu, ARRIVE_WAIT_NS))
        return true;
    host_apic_send_init(id);
    atomic_store_explicit(&ap_slot, NULL, memory_order_release);
    return false;
}

/* The new CPU's area; its memory is not given back if the CPU does not come, the guard pages are gone from
 * the map. */
static struct x86_cpu *area_make(uint32_t apic_id)
{
    uint64_t pages = align_up(sizeof(struct x86_cpu_area), PAGE_SIZE) / PAGE_SIZE;
    struct x86_cpu *cpu;
    hpa_t at;

    if (pmem_alloc(pages, PAGE_SIZE, &at) != 0)
        return NULL;
    cpu = &((struct x86_cpu_area *)hpa_to_ptr(at))->cpu;
    cpu_area_init(cpu, cpu_count, apic_id);
    return cpu_area_guard(cpu) == 0 ? cpu : NULL;
}

/* 0, or what is in the way, in words. */
static const char *start_one(uint32_t apic_id)
{
    struct x86_cpu *cpu;
    int64_t ahead;
    int error;

    if (!host_apic_is_x2apic() && apic_id > XAPIC_LAST_ID)
        return "its APIC ID needs x2APIC mode";
    cpu = area_make(apic_id);
    if (cpu == NULL)
        return "no memory for its stacks";
    if (!start(cpu)) {
        cpus[cpu_count] = NULL;
        return "it does not answer";
    }
    if (atomic_load_explicit(&cpu->online, memory_order_acquire) == ARRIVED_USELESS) {
        cpus[cpu_count] = NULL;
        return "virtualization could not be enabled on it";
    }
    error = tsc_sync_lead(&ahead);
    if (error == E_TIMEOUT) {
        host_apic_send_init(apic_id);
        cpus[cpu_count] = NULL;
        return "it has stopped answering";
    }
    if (ahead != 0)
        log_warn("CPU %u: its TSC was %ld ticks ahead of the boot CPU's%s", cpu_count, ahead,
                 error == 0 ? ": set in step" : " and cannot be set in step");
    cpu_count++;
    return NULL;
}

void arch_cpus_start(uint32_t max)
{
    uint32_t enabled_count = 0;
    uint32_t limit = max == 0 || max > MAX_CPUS ? MAX_CPUS : max;

    if (trampoline.v != 0)
        memcpy(hpa_to_ptr(trampoline), ap_trampoline,
               (uintptr_t)ap_trampoline_end - (uintptr_t)ap_trampoline);
    ap_root = host_map_root();
    for (uint32_t i = 0; i < host_acpi.cpu_count; i++) {
        const struct acpi_cpu *entry = &host_acpi.cpus[i];
        const char *problem = NULL;

        enabled_count += entry->enabled;
        if (!entry->enabled || entry->apic_id == this_cpu()->hardware_id || cpu_count == limit)
            continue;
        problem = trampoline.v == 0 ? "no free page below 1 MiB to start it in" : start_one(entry->apic_id);
        if (problem != NULL)
            log_warn("CPU with APIC ID %u is left out: %s", entry->apic_id, problem);
    }
    if (host_acpi.cpus_cut != 0)
        log_warn("%u CPUs beyond the first %u of the MADT are left out", host_acpi.cpus_cut, ACPI_MAX_CPUS);
    log_info("self-check: %u of %u CPUs run", cpu_count, enabled_count == 0 ? 1 : enabled_count);
}

void host_ap_main(struct x86_cpu *cpu)
{
    cpu_load(cpu);
    host_apic_enable(host_platform_nmi_pins(cpu->base.hardware_id));
    host_apic_timer_setup(tsc_apic_timer_hz());
    mitigations_cpu_enable();
    ext_state_cpu_enable();
    if (x86_ops->cpu_enable() != 0) {
        atomic_store_explicit(&cpu->online, ARRIVED_USELESS, memory_order_release);
        arch_panic_halt();
    }
    atomic_store_explicit(&cpu->online, ARRIVED, memory_order_release);
    tsc_sync_follow();
    sched_loop(&cpu->base);
}
