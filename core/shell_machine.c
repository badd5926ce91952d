/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine under the VMs: CPUs, memory, interrupts, firmware's tables, its end. */
#include "core/config.h"
#include "core/console.h"
#include "core/host_nmi.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/shell_internal.h"
#include "core/time.h"
#include "core/version.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/symbols.h"

static enum shell_step host(struct shell_job *job, enum host_view view)
{
    char text[200];

    if (!arch_host_line(view, job->line++, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("%s", text);
    return SHELL_MORE;
}

/* What each CPU has loaded: read without stopping it. */
enum shell_step shell_cpu(struct shell_job *job)
{
    const struct cpu *cpu;
    const struct vcpu *vcpu;

    if (job->step == cpu_count)
        return host(job, HOST_CPUS);
    cpu = cpus[job->step++];
    vcpu = cpu->current;
    if (vcpu == NULL)
        shell_print("cpu %u (hardware %u): no vCPU loaded", cpu->id, cpu->hardware_id);
    else
        shell_print("cpu %u (hardware %u): vm %s vcpu %u%s", cpu->id, cpu->hardware_id,
                    vcpu->vm->config->name, vcpu->id, atomic_load(&vcpu->in_guest) ? ", in the guest" : "");
    return SHELL_MORE;
}

enum shell_step shell_mem(struct shell_job *job)
{
    const struct vm *vm;

    if (job->step == 0) {
        shell_print("free: %lu KiB", pmem_free_pages() * PAGE_SIZE / KIB);
        job->step = 1;
    }
    if (job->step > vm_count)
        return SHELL_DONE;
    vm = vms[job->step - 1];
    if (job->line < vm->mem.slot_count) {
        const struct guest_slot *slot = &vm->mem.slots[job->line++];

        shell_print("vm %s: gpa 0x%09lx .. 0x%09lx at hpa 0x%09lx", vm->config->name, slot->start.v,
                    slot->start.v + slot->size - 1, slot->host.v);
        return SHELL_MORE;
    }
    job->line = 0;
    job->step++;
    return SHELL_MORE;
}

enum shell_step shell_irqs(struct shell_job *job)
{
    if (job->line == 0)
        shell_print("host NMIs: %lu taken, %lu forwarded", host_nmi_count(), host_nmi_forwarded());
    return host(job, HOST_IRQS);
}

enum shell_step shell_tables(struct shell_job *job)
{
    return host(job, HOST_TABLES);
}

enum shell_step shell_symbol(struct shell_job *job)
{
    uint64_t at = shell_value(job, 0, 0);
    uintptr_t offset = 0;
    const char *name = symbol_lookup(at, &offset);

    if (name == NULL)
        shell_print("0x%lx: no function of Latch's", at);
    else
        shell_print("0x%lx: %s+0x%lx", at, name, offset);
    return SHELL_DONE;
}

enum shell_step shell_version(struct shell_job *job)
{
    char id[2 * sizeof(build_id) + 1];

    (void)job;
    for (size_t i = 0; i < sizeof(build_id); i++)
        fmt_snprintf(id + 2 * i, 3, "%02x", build_id[i]);
    shell_print("Latch %s, build %s, up %lu s", LATCH_VERSION, id, time_now_ns() / NS_PER_SEC);
    return SHELL_DONE;
}

enum shell_step shell_reboot(struct shell_job *job)
{
    (void)job;
    console_flush();
    arch_machine_reset();
    shell_print("this machine has no reset that works");
    return SHELL_DONE;
}

/* The records are those of any other end, for scripts. */
enum shell_step shell_poweroff(struct shell_job *job)
{
    (void)job;
    for (uint32_t i = 0; i < vm_count; i++)
        vm_end(vms[i], VM_END_STOPPED, 0, "by the shell");
    log_record("all VMs ended: poweroff");
    console_flush();
    arch_machine_poweroff();
    shell_print("this machine has no power-off that works");
    return SHELL_DONE;
}
