/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports: the last panic's, one about a VM as it is now, and panics on purpose. */
#include "core/shell_internal.h"

#include "core/config.h"
#include "core/console_internal.h"
#include "core/panic.h"
#include "core/report_keep.h"
#include "core/report_panic.h"
#include "core/report_vm.h"
#include "core/shell_emergency.h"
#include "lib/assert.h"
#include "lib/string.h"

/* number[0]: where the next line begins. */
static enum shell_step show_kept(struct shell_job *job)
{
    uint32_t at = (uint32_t)job->number[0];
    char text[SHELL_LINE];

    if (job->line++ == 0 && report_keep_length() == 0)
        shell_print("no report of a panic");
    if (!report_keep_read(&at, text, sizeof(text)))
        return SHELL_DONE;
    job->number[0] = at;
    shell_print("%s", text);
    return SHELL_MORE;
}

enum shell_step shell_report(struct shell_job *job)
{
    static struct report_vm report; /* one command runs at a time */
    char text[REPORT_LINE_SIZE];

    if (job->vm == NULL)
        return show_kept(job);
    if (job->line++ == 0)
        report_vm_begin(&report, job->vcpu);
    if (!report_vm_line(&report, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("%s", text);
    return SHELL_MORE;
}

enum shell_step shell_report_clear(struct shell_job *job)
{
    (void)job;
    report_keep_clear();
    return SHELL_DONE;
}

/* This CPU gets an NMI that nobody asked for. Returns if the architecture has none. */
static void panic_by_nmi(struct cpu *cpu)
{
    config.host_nmi = HOST_NMI_PANIC;
    if (!arch_cpu_nmi(cpu)) {
        shell_print("this architecture has no NMI");
        return;
    }
    while (!panic_active())
        arch_cpu_relax();
    for (;;)
        arch_cpu_relax(); /* until it stops this one */
}

enum shell_step shell_panic(struct shell_job *job)
{
    switch (job->choice) {
    case 1:
        console_flush();
        shell_emergency_provoke();
        return SHELL_DONE;
    case 2:
        report_panic_breaks = true;
        break;
    case 3:
        panic_by_nmi(this_cpu());
        return SHELL_DONE;
    case 4:
        if (cpu_count == 1) {
            shell_print("it takes a second CPU");
            return SHELL_DONE;
        }
        console_lock();
        panic_by_nmi(cpus[1]);
        console_unlock();
        return SHELL_DONE;
    default:
        break;
    }
    panic("asked for at the shell");
}

enum shell_step shell_spoil(struct shell_job *job)
{
    static const char words[][6] = {"cr4", "pae", "cs", "event"}; /* enum arch_spoil */

    for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcmp(job->text, words[i]) != 0)
            continue;
        if (arch_vcpu_spoil(job->vcpu, (enum arch_spoil)i) != 0)
            shell_print("this architecture refuses no state");
        return SHELL_DONE;
    }
    return SHELL_USAGE;
}
