/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of guests: why they wait, their log, and making some. */
#include "core/shell_internal.h"

#include "core/time.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define NMI_PATIENCE_NS (1 * NS_PER_SEC)

/* All vCPUs of the VM, or the one named; job->step is the vCPU. */
static enum shell_step view_all(struct shell_job *job, enum inspect_view which, const char *what)
{
    struct vcpu *vcpu = job->vcpu_named ? job->vcpu : job->vm->vcpus[job->step];
    char text[INSPECT_LINE_SIZE];

    if (arch_inspect_line(vcpu, which, 0, job->line, text, sizeof(text))) {
        shell_print("%s vm %s vcpu %u%s %s", what, job->vm->config->name, vcpu->id,
                    which == INSPECT_LOG ? ":" : "", text);
        job->line++;
        job->number[0]++;
        return SHELL_MORE;
    }
    job->line = 0;
    job->step++;
    return job->vcpu_named || job->step == job->vm->vcpu_count ? SHELL_DONE : SHELL_MORE;
}

enum shell_step shell_events(struct shell_job *job)
{
    return view_all(job, INSPECT_EVENTS, "events");
}

enum shell_step shell_log(struct shell_job *job)
{
    enum shell_step step = view_all(job, INSPECT_LOG, "log");

    if (step == SHELL_DONE)
        shell_print("%s", job->number[0] == 0
                              ? "nothing injected, or by the interrupt controller: no log"
                              : "to replay: save these lines to FILE, build/tools/replay FILE");
    return step;
}

enum shell_step shell_events_save(struct shell_job *job)
{
    uint8_t bytes[ARCH_EVENTS_BYTES];
    char text[2 * ARCH_EVENTS_BYTES + 1];
    size_t size = arch_vcpu_events_save(job->vcpu, bytes);

    for (size_t i = 0; i < size; i++)
        fmt_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    if (size == 0)
        shell_print("this architecture keeps its events in the interrupt controller");
    else
        shell_print("%s", text);
    return SHELL_DONE;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum shell_step shell_events_load(struct shell_job *job)
{
    uint8_t bytes[ARCH_EVENTS_BYTES];
    size_t size = strlen(job->text) / 2;
    int error;

    if (strlen(job->text) != 2 * size || size > sizeof(bytes))
        return SHELL_USAGE;
    for (size_t i = 0; i < size; i++) {
        int high = digit(job->text[2 * i]);
        int low = digit(job->text[2 * i + 1]);

        if (high < 0 || low < 0)
            return SHELL_USAGE;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    error = arch_vcpu_events_load(job->vcpu, bytes, size);
    shell_print("%s", error == 0 ? "loaded" : error_name(error));
    return SHELL_DONE;
}

enum shell_step shell_irq(struct shell_job *job)
{
    if (arch_vm_irq(job->vm, shell_value(job, 0, 0)) != 0)
        shell_print("the board has no such line");
    return SHELL_DONE;
}

enum shell_step shell_ipi(struct shell_job *job)
{
    if (arch_vcpu_ipi(job->vcpu, shell_value(job, 0, 0)) != 0)
        shell_print("no interrupt has that number, or the vCPU takes none");
    return SHELL_DONE;
}
