/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the scenarios named on the command line, in that order ("all", "smp", "quad": those for one CPU, for
 * two, for four; "-NAME": not this one; "list": only names), and prints their traces. The trace is kept in
 * memory until the scenario is over: a console in between would disturb it.
 */
#include <stdarg.h>

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/irqchip.h"
#include "guests/lib/pages.h"
#include "guests/lib/print.h"
#include "guests/lib/segments.h"
#include "guests/scenarios/quad.h"
#include "guests/scenarios/scenario.h"
#include "lib/printf.h"
#include "lib/string.h"

#define FLAG_TF      BIT(8)
#define FLAG_IF      BIT(9)
#define FLAG_ALWAYS  BIT(1)
#define WAIT_TICKS   UINT64_C(20000000000) /* bounds a hang */
#define LITTLE_TICKS 20000
#define TRACE_SIZE   8192

struct place {
    uint64_t address;
    const char *name;
};

extern uint64_t mode_saved_rsp;
extern const char mode_return[];
extern const char place_table[], place_table_end[];
extern const char trap_stubs[];
void mode_enter(uint64_t cs, uint64_t ss, uint64_t entry, uint64_t rflags);

static const struct scenario *const groups[] = {scenarios_nmi,   scenarios_iret, scenarios_irq,
                                                scenarios_debug, scenarios_smp,  scenarios_quad};
static const char *const group_words[] = {"all", "all", "all", "all", "smp", "quad"};
static const struct scenario *current;
static char text[TRACE_SIZE];
static size_t text_length;
static unsigned int depth;
static volatile unsigned int counts[256];

static void append(int length)
{
    text_length = min_u64(text_length + (size_t)length, sizeof(text) - 1);
}

void trace(const char *format, ...)
{
    va_list args;

    append(fmt_snprintf(text + text_length, sizeof(text) - text_length, "%*s", (int)(2 + 2 * depth), ""));
    va_start(args, format);
    append(fmt_vsnprintf(text + text_length, sizeof(text) - text_length, format, args));
    va_end(args);
    append(fmt_snprintf(text + text_length, sizeof(text) - text_length, "\n"));
}

void trace_restart(void)
{
    depth = 0;
}

unsigned int trace_count(unsigned int vector)
{
    return counts[vector];
}

static const char *vector_name(unsigned int vector)
{
    static const char *const names[] = {"de", "db", "nmi", "bp", "of", "br", "ud", "nm", "df", "9",
                                        "ts", "np", "ss",  "gp", "pf", "15", "mf", "ac", "mc", "xm"};

    if (vector < ARRAY_COUNT(names))
        return names[vector];
    return vector == VECTOR_LOW    ? "irq40"
           : vector == VECTOR_HIGH ? "irq60"
           : vector == VECTOR_END  ? "end"
                                   : "?";
}

/* The named place at an address, a handler's first instruction, or "-": somewhere in compiled code. */
static const char *place_of(const struct trap_frame *frame, char *buffer, size_t size)
{
    uint64_t rip = frame->rip + (frame->cs == SEL_CODE16 ? CODE16_BASE : 0);
    const struct place *best = NULL;

    if (rip == (uintptr_t)trap_iretq)
        return "@iretq";
    if (rip >= (uintptr_t)trap_stubs && rip < (uintptr_t)trap_stubs + 256 * 16 && rip % 16 == 0) {
        fmt_snprintf(buffer, size, "@entry-%s",
                     vector_name((unsigned int)(rip - (uintptr_t)trap_stubs) / 16));
        return buffer;
    }
    for (const struct place *p = (const void *)place_table;
         p < (const struct place *)(const void *)place_table_end; p++)
        if (p->address <= rip && (best == NULL || p->address > best->address))
            best = p;
    if (best == NULL || rip - best->address > 64)
        return "-";
    fmt_snprintf(buffer, size, "%s%s", rip == best->address ? "@" : "in:", best->name);
    return buffer;
}

static void trace_enter(const struct trap_frame *frame)
{
    unsigned int vector = (unsigned int)frame->vector;
    char place[48];

    counts[vector]++;
    trace("%s %s%s%s%s%s%s", vector_name(vector), place_of(frame, place, sizeof(place)),
          (frame->rflags & FLAG_IF) != 0 ? " if" : "", (frame->rflags & FLAG_TF) != 0 ? " tf" : "",
          (frame->cs & 3) != 0 ? " user" : "",
          frame->cs == SEL_CODE16                                   ? " 16"
          : frame->cs == SEL_CODE32 || frame->cs == SEL_USER_CODE32 ? " 32"
                                                                    : "",
          (read_rflags() & FLAG_TF) != 0 ? " TF-LEAKED" : "");
    depth++;
}

static void trace_leave(unsigned int vector)
{
    depth--;
    trace("/%s", vector_name(vector));
}

void trap_handle(struct trap_frame *frame)
{
    unsigned int vector = (unsigned int)frame->vector;

    if (vector == VECTOR_END) {
        *frame = (struct trap_frame){
            .rip = (uintptr_t)mode_return,
            .cs = SEL_CODE64,
            .rflags = FLAG_ALWAYS,
            .rsp = mode_saved_rsp,
            .ss = SEL_DATA,
        };
        return;
    }
    if (current == NULL || (current->on_trap == NULL && vector != 2 && vector < 32))
        trap_unexpected(frame);
    if (current->on_trap == quad_trap) { /* on several CPUs at once: its own affair */
        current->on_trap(frame, 0);
        return;
    }
    if (!current->quiet)
        trace_enter(frame);
    else
        counts[vector]++;
    if (current->on_trap != NULL)
        current->on_trap(frame, counts[vector]);
    if (vector >= 32)
        apic_eoi();
    if (!current->quiet)
        trace_leave(vector);
}

void wait_a_little(void)
{
    for (uint64_t start = rdtsc(); rdtsc() - start < LITTLE_TICKS;)
        cpu_pause();
}

bool wait_for(unsigned int vector, unsigned int count)
{
    uint64_t start = rdtsc();

    while (counts[vector] < count) {
        if (rdtsc() - start > WAIT_TICKS) {
            trace("TIMEOUT waiting for %s", vector_name(vector));
            return false;
        }
        cpu_pause();
    }
    return true;
}

/* The PC wires the 8254 to input 2 (interrupt source override); a plainer one may use input 0. */
void pit_nmi_start(uint16_t count)
{
    ioapic_route(0, 0);
    ioapic_write(IOAPIC_REG_ENTRY, APIC_ICR_NMI);
    ioapic_route(2, 0);
    ioapic_write(IOAPIC_REG_ENTRY + 4, APIC_ICR_NMI);
    pit_start(count);
}

void pit_nmi_stop(void)
{
    ioapic_mask(0);
    ioapic_mask(2);
}

void run_mode(uint64_t cs, uint64_t ss, uint64_t entry, uint64_t rflags)
{
    trap_reset_gate(VECTOR_END, 0, GATE_INTERRUPT_USER);
    mode_enter(cs, ss, entry, rflags | FLAG_ALWAYS);
}

static void run(const struct scenario *scenario)
{
    text_length = 0;
    text[0] = '\0';
    depth = 0;
    for (unsigned int i = 0; i < 256; i++)
        counts[i] = 0;
    current = scenario;
    apic_enable();
    scenario->run();
    /* Without virtual NMIs it takes this for an NMI that waits behind a handler to come: late, but in the
     * trace. */
    irq_enable();
    cpu_pause();
    irq_disable();
    trap_init();
    print("[%s]\n", scenario->name);
    for (char *line = text, *end = text; *line != '\0'; line = end) {
        while (*end != '\n' && *end != '\0')
            end++;
        if (*end == '\n')
            *end++ = '\0';
        print("%s\n", line);
    }
    if (depth != 0)
        print("  DEPTH %u at the end\n", depth);
    current = NULL;
}

/* Left out of its group by a word "-NAME": what a machine does so wrongly that the guest does not survive it.
 */
static bool left_out(const char *name, int word_count, char **words)
{
    for (int i = 1; i < word_count; i++)
        if (words[i][0] == '-' && strcmp(words[i] + 1, name) == 0)
            return true;
    return false;
}

/* The scenarios that one word names; false: there are none. */
static bool run_wanted(const char *wanted, int word_count, char **words)
{
    bool found = false;

    for (unsigned int g = 0; g < ARRAY_COUNT(groups); g++) {
        for (const struct scenario *s = groups[g]; s->name != NULL; s++) {
            if (strcmp(wanted, "list") == 0)
                print("%s\n", s->name);
            else if (strcmp(wanted, s->name) == 0)
                run(s);
            else if (strcmp(wanted, group_words[g]) != 0)
                continue;
            else if (!left_out(s->name, word_count, words))
                run(s);
            found = true;
        }
    }
    return found;
}

int guest_main(int word_count, char **words)
{
    bool found = word_count < 2 && run_wanted("all", word_count, words);

    for (int i = 1; i < word_count; i++) {
        if (words[i][0] == '-')
            continue;
        found = run_wanted(words[i], word_count, words);
        if (!found)
            print("no scenario \"%s\": try list\n", words[i]);
    }
    print("SCENARIOS-END\n");
    return found ? 0 : 1;
}
