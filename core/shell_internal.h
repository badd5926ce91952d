/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the shell's files share: the table of commands, the arguments of the one that runs, its output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"
#include "core/inspect.h"
#include "core/line_edit.h"
#include "core/vm.h"

#define SHELL_WORDS 8
#define SHELL_LINE  480 /* longest line printed */

enum shell_step {
    SHELL_DONE,
    SHELL_MORE,  /* printed a line or so; call again */
    SHELL_WAIT,  /* for something to happen: call again at the next poll */
    SHELL_USAGE, /* done: the arguments were wrong after all */
};

#define SHELL_HOLD      0x01 /* holds the vCPU of its first argument while it runs */
#define SHELL_HOLD_VM   0x02 /* ... or all vCPUs of that VM */
#define SHELL_EMERGENCY 0x04 /* takes no lock and waits for nobody: there in the emergency shell too */

struct shell_job;

/*
 * One command. `arguments` says what may follow, a letter each, everything behind '?' may be missing:
 *   v VM    c VM or VM.VCPU    h as c, or "host"    e number    a address    w one of `usage`    s any word
 */
struct shell_command {
    const char *name; /* one word or two */
    char arguments[7];
    uint8_t flags;
    const char *usage; /* arguments for people; of w the words themselves: "on|off" */
    const char *help;  /* what it does; examples behind the first line, if any */
    enum shell_step (*run)(struct shell_job *job);
};

extern const struct shell_command shell_commands[];
extern const uint32_t shell_command_count;

enum shell_space {
    SHELL_GVA,
    SHELL_GPA,
    SHELL_HPA,
};

/* The command that runs. `line`, `number` and `time` are its own, 0 when it begins. */
struct shell_job {
    const struct shell_command *command;
    struct vm *vm;
    struct vcpu *vcpu; /* with c and h; the first one if none was named */
    bool vcpu_named;   /* .N was given */
    bool is_host;
    enum shell_space space; /* of the address */
    uint32_t choice;        /* of w: which word */
    uint32_t count;         /* words behind the name */
    const char *words[SHELL_WORDS];
    uint32_t value_count;
    const char *values[SHELL_WORDS]; /* texts of e and a, checked, to be taken by shell_value() */
    const char *text;                /* of s */
    uint32_t step;
    uint32_t line;
    uint64_t number[6];
    struct inspect_stack stack;
    uint64_t time_ns;
    char buffer[LINE_SIZE];
};

/* --- shell_parse.c ----------------------------------------------------------------------------------------
 */

/* Fills `job` from a line, NULL or the complaint: a line without its end. An empty line gives no command. */
const char *shell_parse(struct shell_job *job, const char *line, char *complaint, size_t size);

/*
 * Number of an expression: decimal, 0x..., 0b..., register ($rip or rip; the vCPU is held), symbol of Latch,
 * joined by + and -. With `vcpu` NULL registers count as 0, for checking only. False: malformed.
 */
bool shell_evaluate(const char *text, struct vcpu *vcpu, uint64_t *value);

/* Number `index` of the command's values; `otherwise` if it was not given. */
uint64_t shell_value(const struct shell_job *job, uint32_t index, uint64_t otherwise);

/* The words that could stand at the end of `line` (a terminated piece of a line): number `index`, or NULL.
 * `typed` says how many characters of it are there already. */
const char *shell_complete(const char *line, uint32_t index, uint32_t *typed);

/* The command of that name, its first words if it has two; NULL: none. */
const struct shell_command *shell_find(const char *first, const char *second);

/* --- shell.c ----------------------------------------------------------------------------------------------
 */

/* A line, end added. There is room for one whenever a command is called. */
void shell_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For a command with SHELL_HOLD that lets its vCPU run in between: both may be called at any time; after
 * shell_hold() the command is called again when the vCPU is held. */
void shell_hold(void);
void shell_let_go(void);
void shell_set_direct(bool on);      /* the emergency shell's output: to the wire, at once */
void shell_set_page(uint32_t lines); /* 0: no paging */
struct vm *shell_vm(const char *name, size_t length);
void shell_general_regs(struct shell_job *job); /* shell_inspect.c: all of them, of the held vCPU */

/* shell_nmi.c. A stop at one of nmi's own breakpoints: noted, true. Any CPU. */
bool shell_nmi_stopped(const struct guest_debug_stop *stop);
/* Ctrl-C: it is not gone on with. */
void shell_nmi_abort(void);

/* The commands, by file. */
#define SHELL_RUN(name) enum shell_step shell_##name(struct shell_job *job)
SHELL_RUN(help);
SHELL_RUN(page);
SHELL_RUN(mux);
SHELL_RUN(exit);
SHELL_RUN(vms);
SHELL_RUN(vcpus);
SHELL_RUN(pause);
SHELL_RUN(resume);
SHELL_RUN(reset);
SHELL_RUN(stop);
SHELL_RUN(start);
SHELL_RUN(regs);
SHELL_RUN(sregs);
SHELL_RUN(stack);
SHELL_RUN(set);
SHELL_RUN(walk);
SHELL_RUN(block);
SHELL_RUN(examine);
SHELL_RUN(write);
SHELL_RUN(events);
SHELL_RUN(events_save);
SHELL_RUN(events_load);
SHELL_RUN(log);
SHELL_RUN(touched);
SHELL_RUN(break);
SHELL_RUN(watch);
SHELL_RUN(unbreak);
SHELL_RUN(continue);
SHELL_RUN(stepi);
SHELL_RUN(nmi);
SHELL_RUN(irq);
SHELL_RUN(ipi);
SHELL_RUN(exits);
SHELL_RUN(trace);
SHELL_RUN(cpu);
SHELL_RUN(mem);
SHELL_RUN(irqs);
SHELL_RUN(tables);
SHELL_RUN(loglevel);
SHELL_RUN(symbol);
SHELL_RUN(version);
SHELL_RUN(reboot);
SHELL_RUN(poweroff);
SHELL_RUN(panic);
SHELL_RUN(report);
SHELL_RUN(report_clear);
SHELL_RUN(spoil);
#undef SHELL_RUN
