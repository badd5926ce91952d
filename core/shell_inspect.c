/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers, stacks, page tables and control blocks of a held vCPU. */
#include "core/shell_internal.h"

#include "lib/error.h"
#include "lib/printf.h"
#include "lib/string.h"

#define STACK_DEPTH 32
#define STACK_MOST  256

/* job->line is the next one's number. */
static enum shell_step group(struct shell_job *job, enum arch_reg_group which)
{
    char text[160];

    if (!inspect_regs_line(job->vcpu, which, &job->line, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("%s", text);
    return SHELL_MORE;
}

void shell_general_regs(struct shell_job *job)
{
    uint32_t line = job->line;

    job->line = 0;
    while (group(job, ARCH_REG_GENERAL) == SHELL_MORE)
        continue;
    job->line = line;
}

enum shell_step shell_regs(struct shell_job *job)
{
    char where[120];

    if (job->line == 0) {
        arch_vcpu_where(job->vcpu, where, sizeof(where));
        shell_print("vm %s vcpu %u: %s", job->vm->config->name, job->vcpu->id, where);
    }
    return group(job, ARCH_REG_GENERAL);
}

static enum shell_step show_view(struct shell_job *job, enum inspect_view which, uint64_t argument)
{
    char text[INSPECT_LINE_SIZE];

    if (!arch_inspect_line(job->vcpu, which, argument, job->line++, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("%s", text);
    return SHELL_MORE;
}

enum shell_step shell_sregs(struct shell_job *job)
{
    if (job->step == 0) {
        if (group(job, ARCH_REG_SYSTEM) == SHELL_MORE)
            return SHELL_MORE;
        job->step = 1;
        job->line = 0;
    }
    return show_view(job, INSPECT_SYSTEM, 0);
}

enum shell_step shell_set(struct shell_job *job)
{
    int reg = inspect_reg_find(job->text, strlen(job->text));

    if (reg < 0)
        return SHELL_USAGE;
    if (arch_vcpu_reg_set(job->vcpu, (uint32_t)reg, shell_value(job, 0, 0)) != 0)
        shell_print("%s cannot take that value", arch_regs[reg].name);
    return SHELL_DONE;
}

enum shell_step shell_block(struct shell_job *job)
{
    if (strcmp(job->command->name, arch_inspect_block_name()) == 0)
        return show_view(job, INSPECT_BLOCK, 0);
    shell_print("this CPU has no such thing: try %s", arch_inspect_block_name());
    return SHELL_DONE;
}

/* The guest's tables, then the nested ones for where they lead. */
enum shell_step shell_walk(struct shell_job *job)
{
    uint64_t at = shell_value(job, 0, 0);
    gpa_t where = gpa(at);

    if (job->step == 0 && job->space == SHELL_GVA) {
        if (show_view(job, INSPECT_WALK, at) == SHELL_MORE)
            return SHELL_MORE;
        job->line = 0;
    }
    job->step = 1;
    if (job->space == SHELL_GVA && arch_guest_translate(job->vcpu, gva(at), &where) != 0)
        return SHELL_DONE;
    return show_view(job, INSPECT_NESTED, where.v);
}

enum shell_step shell_stack(struct shell_job *job)
{
    char text[80];

    if (job->stack.count >= min_u64(shell_value(job, 0, STACK_DEPTH), STACK_MOST) ||
        !inspect_stack_line(job->vcpu, &job->stack, text, sizeof(text)))
        return SHELL_DONE;
    shell_print("%s", text);
    return SHELL_MORE;
}
