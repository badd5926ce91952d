/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands, and help out of it. Sorted as help shows it. */
#include "core/config.h"
#include "core/console.h"
#include "core/shell_internal.h"
#include "lib/string.h"

#define BLOCK_HELP "what the virtualization hardware holds for it, field by field"
#define PAGE_LEAST 5
#define PAGE_MOST  1000

const struct shell_command shell_commands[] = {
    {"help", "?ss", 0, "[COMMAND]", "commands, or one of them with examples\nhelp x", shell_help},
    {"vms", "", SHELL_EMERGENCY, "", "all VMs: state, size, which has the terminal", shell_vms},
    {"vcpus", "?v", SHELL_EMERGENCY, "[VM]",
     "vCPUs: state, where, exits per second, why blocked\nvcpus linux", shell_vcpus},
    {"pause", "v", 0, "VM", "puts all its vCPUs off their CPUs", shell_pause},
    {"resume", "v", 0, "VM", "takes pause back", shell_resume},
    {"reset", "v", 0, "VM", "as its reset button: it starts again", shell_reset},
    {"stop", "v", 0, "VM", "ends it, whatever on-end= says; see start", shell_stop},
    {"start", "v", 0, "VM", "starts an ended VM from its images", shell_start},
    {"regs", "c", SHELL_HOLD, "VM[.VCPU]", "general registers\nregs linux.1", shell_regs},
    {"sregs", "c", SHELL_HOLD, "VM[.VCPU]", "system registers, segments, tables", shell_sregs},
    {"set", "cse", SHELL_HOLD, "VM[.VCPU] REG VALUE", "writes a register\nset linux.0 rip $rip+2", shell_set},
    {"stack", "c?e", SHELL_HOLD, "VM[.VCPU] [DEPTH]",
     "calls by frame pointers, through the guest's page tables (code built without them shows nonsense)\n"
     "stack linux.0 20",
     shell_stack},
    {"x", "ha?e", SHELL_HOLD | SHELL_EMERGENCY, "VM[.VCPU]|host [gva:|gpa:]ADDRESS [BYTES]",
     "memory: guest-virtual unless gpa:; host: Latch's own\nx linux $rsp 64\nx linux gpa:0x1000\nx host "
     "core_main",
     shell_examine},
    {"write", "hae?e", SHELL_HOLD, "VM[.VCPU]|host [gva:|gpa:]ADDRESS VALUE [1|2|4|8]",
     "writes memory, 8 bytes unless said\nwrite linux gpa:0x1000 0x55aa 2", shell_write},
    {"walk", "ca", SHELL_HOLD, "VM[.VCPU] [gva:|gpa:]ADDRESS",
     "page tables level by level: the guest's, then the nested ones\nwalk linux $rip\nwalk linux "
     "gpa:0xfee00000",
     shell_walk},
    {arch_inspect_block_names[0], "c", SHELL_HOLD, "VM[.VCPU]", BLOCK_HELP, shell_block},
    {arch_inspect_block_names[1], "c", SHELL_HOLD, "VM[.VCPU]", BLOCK_HELP, shell_block},
    {"touched", "v", 0, "VM", "memory accessed or written since the last such look", shell_touched},
    {"events", "c", SHELL_HOLD_VM | SHELL_EMERGENCY, "VM[.VCPU]",
     "why is it not delivered: books, and for each pending event its blocker and age", shell_events},
    {"events save", "c", SHELL_HOLD, "VM[.VCPU]", "event state as hexadecimal", shell_events_save},
    {"events load", "cs", SHELL_HOLD, "VM[.VCPU] HEX", "puts it back\nevents load linux.0 4c45...",
     shell_events_load},
    {"break", "c?a", SHELL_HOLD_VM, "VM[.VCPU] [ADDRESS]",
     "hardware breakpoint: its vCPUs stop there and the VM is held; no address: lists\nbreak linux "
     "0xffffffff81363fa0",
     shell_break},
    {"watch", "c?ae", SHELL_HOLD_VM, "VM[.VCPU] [ADDRESS [1|2|4|8]]",
     "the same where it writes there\nwatch linux $rsp 8", shell_watch},
    {"unbreak", "v", SHELL_HOLD_VM, "VM", "removes what break, watch and step have set, and lets it run",
     shell_unbreak},
    {"continue", "v", 0, "VM", "goes on from a breakpoint, watchpoint or step", shell_continue},
    {"step", "c?e", SHELL_HOLD_VM, "VM[.VCPU] [COUNT]",
     "single instructions; the VM is held after them. Interrupts wait meanwhile\nstep linux.0 10",
     shell_stepi},
    {"nmi", "c", SHELL_HOLD_VM, "VM[.VCPU]",
     "injects an NMI, on arm64 an SError: the vCPU before, where its handler begins, after it\nnmi linux.0",
     shell_nmi},
    {"irq", "ve", 0, "VM LINE", "one edge of an interrupt line of its board\nirq linux 4", shell_irq},
    {"ipi", "ce", 0, "VM[.VCPU] VECTOR", "an interrupt message to one vCPU\nipi linux.1 0xfb", shell_ipi},
    {"log", "c", SHELL_HOLD_VM, "VM[.VCPU]", "injection log; save it and give it to build/tools/replay",
     shell_log},
    {"log level", "w", 0, "error|warn|info", "which of Latch's own lines are printed", shell_loglevel},
    {"exits", "?w", SHELL_EMERGENCY, "[on|off]",
     "exits of each vCPU by reason, with cycles of handling them; counts while on", shell_exits},
    {"trace", "w", 0, "on|off|dump",
     "ring of exits, injections and switches per CPU; a log with the dump is for tools/trace-to-json",
     shell_trace},
    {"mux", "w", 0, "plain|color|off", "other VMs' lines: with a tag, in colour, or kept until one switches",
     shell_mux},
    {"page", "e", 0, "LINES", "stops output after so many lines; 0: never", shell_page},
    {"cpu", "", SHELL_EMERGENCY, "", "physical CPUs and what they do", shell_cpu},
    {"mem", "", 0, "", "memory: free, VMs' pieces", shell_mem},
    {"irqs", "", SHELL_EMERGENCY, "", "host interrupts and NMIs", shell_irqs},
    {arch_host_tables_name, "", SHELL_EMERGENCY, "", "what the firmware's tables said", shell_tables},
    {"sym", "e", SHELL_EMERGENCY, "ADDRESS|NAME", "symbol of Latch\nsym core_main+4", shell_symbol},
    {"version", "", SHELL_EMERGENCY, "", "version and build", shell_version},
    {"exit", "", 0, "", "back to the VM (as Ctrl-D)", shell_exit},
    {"reboot", "", 0, "", "resets the machine, at once", shell_reboot},
    {"poweroff", "", 0, "", "turns the machine off, at once", shell_poweroff},
    {"report", "?c", SHELL_HOLD_VM, "[VM[.VCPU]]",
     "the last panic's report, or one about a VM as it is\nreport linux", shell_report},
    {"report clear", "", 0, "", "forgets the last panic's report", shell_report_clear},
    {"spoil", "cs", SHELL_HOLD, "VM[.VCPU] cr4|pae|cs|event",
     "test: a state that hardware refuses to enter ends its VM\nspoil linux cr4", shell_spoil},
    {"panic", "w", 0, "really|stuck|nested|nmi|locked",
     "tests of a panic's report, and of the emergency shell", shell_panic},
};

const uint32_t shell_command_count = ARRAY_COUNT(shell_commands);

/* Line `line` of a text, its length; NULL behind the last. */
static const char *line_of(const char *text, uint32_t line, int *length)
{
    for (; line != 0; line--) {
        while (*text != '\n' && *text != '\0')
            text++;
        if (*text == '\0')
            return NULL;
        text++;
    }
    *length = 0;
    while (text[*length] != '\n' && text[*length] != '\0')
        (*length)++;
    return text;
}

static enum shell_step help_one(const struct shell_command *command)
{
    const char *text;
    int length;

    shell_print("%s %s", command->name, command->usage);
    for (uint32_t i = 0; (text = line_of(command->help, i, &length)) != NULL; i++)
        shell_print(i == 0 ? "  %.*s" : "  example: %.*s", length, text);
    return SHELL_DONE;
}

enum shell_step shell_help(struct shell_job *job)
{
    const struct shell_command *command;
    const char *text;
    int length;

    if (job->count != 0) {
        command = shell_find(job->words[0], job->count > 1 ? job->words[1] : NULL);
        if (command != NULL)
            return help_one(command);
        shell_print("no command \"%s\"", job->words[0]);
        return SHELL_DONE;
    }
    if (job->line == shell_command_count) {
        shell_print("numbers: 10 0x1f 0b1 $register symbol, joined by + and -; Tab completes, Ctrl-C stops");
        return SHELL_DONE;
    }
    command = &shell_commands[job->line++];
    text = line_of(command->help, 0, &length);
    if (command->name[0] != '\0') /* the architecture has one name less */
        shell_print("%-13s %.*s", command->name, length, text);
    return SHELL_MORE;
}

enum shell_step shell_page(struct shell_job *job)
{
    uint64_t lines = shell_value(job, 0, 0);

    if (lines != 0 && lines < PAGE_LEAST)
        lines = PAGE_LEAST;
    shell_set_page((uint32_t)min_u64(lines, PAGE_MOST));
    return SHELL_DONE;
}

enum shell_step shell_mux(struct shell_job *job)
{
    static const enum console_mode modes[] = {CONSOLE_PLAIN, CONSOLE_COLOR, CONSOLE_KEEP};

    console_set_mode(modes[job->choice]);
    return SHELL_DONE;
}

enum shell_step shell_loglevel(struct shell_job *job)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO};

    config.log_level = levels[job->choice];
    return SHELL_DONE;
}

enum shell_step shell_exit(struct shell_job *job)
{
    (void)job;
    console_leave_shell();
    return SHELL_DONE;
}
