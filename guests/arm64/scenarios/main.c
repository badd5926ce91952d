/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the scenarios named on the command line ("scenarios=all", "smp", "its", or a name) and prints
 * their traces when each is over: a console in between would disturb it. With "device=msi-test" events of the
 * ITS come from Latch's device of that name instead of the INT command.
 */
#include <stdarg.h>
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "guests/arm64/lib/its.h"
#include "guests/arm64/scenarios/scenario.h"
#include "lib/printf.h"
#include "lib/string.h"

#define TEXT_SIZE    4096
#define LITTLE_TICKS 20000 /* of the 62.5 MHz counter: far longer than any delivery takes */
#define LONG_TICKS   62500000
#define WORD         "scenarios="
#define MSI_TEST     UINT64_C(0x0b000000)

static const struct scenario *const groups[] = {scenarios_basic, scenarios_active, scenarios_lines,
                                                scenarios_smp, scenarios_its};
static const struct scenario *volatile current;
static char text[TEXT_SIZE];
static size_t text_length;
static volatile unsigned int depth;
static volatile unsigned int counts[GIC_SPURIOUS + 1 + ITS_LPIS];
static volatile uint32_t generation, other_generation, other_steps, go_step;
static bool have_other;

static void append(int length)
{
    text_length += (size_t)length;
    if (text_length >= sizeof(text))
        text_length = sizeof(text) - 1;
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

/* LPIs stand behind the others. */
static uint32_t count_index(uint32_t intid)
{
    return intid < ITS_LPI ? intid : intid - ITS_LPI + GIC_SPURIOUS + 1;
}

unsigned int count_of(uint32_t intid)
{
    return counts[count_index(intid)];
}

static const char *name_of(uint32_t intid, char name[16])
{
    if (intid < 16)
        fmt_snprintf(name, 16, "sgi%u", intid);
    else if (intid < 32)
        fmt_snprintf(name, 16, "ppi%u", intid - 16);
    else if (intid < ITS_LPI)
        fmt_snprintf(name, 16, "spi%u", intid - 32);
    else
        fmt_snprintf(name, 16, "lpi%u", intid - ITS_LPI);
    return name;
}

static void handle(uint32_t intid)
{
    const struct scenario *scenario = current;
    unsigned int count = ++counts[count_index(intid)];
    bool traced = cpu_index() == 0;
    char name[16];

    if (traced) {
        trace("%s at priority 0x%02x", name_of(intid, name), (unsigned int)READ_SYSREG(icc_rpr_el1) & 0xff);
        depth++;
    }
    if (scenario != NULL && scenario->on_irq != NULL)
        scenario->on_irq(intid, count);
    if (traced) {
        depth--;
        trace("/%s", name_of(intid, name));
    }
}

void trap_irq(struct trap_frame *frame)
{
    uint32_t intid = (uint32_t)READ_SYSREG(icc_iar1_el1) & 0xffffff;

    (void)frame;
    barrier();
    if (intid >= 1020 && intid <= GIC_SPURIOUS) {
        if (cpu_index() == 0)
            trace("spurious");
        return;
    }
    handle(intid);
    irq_close();
    WRITE_SYSREG(icc_eoir1_el1, intid);
}

void trap_sync(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

static void pass_time(uint64_t ticks)
{
    uint64_t start = counter_read();

    while (counter_read() - start < ticks)
        relax();
}

void open_a_little(void)
{
    irq_open();
    pass_time(LITTLE_TICKS);
    irq_close();
}

bool wait_for(uint32_t intid, unsigned int count)
{
    uint64_t start = counter_read();

    irq_open();
    while (count_of(intid) < count && counter_read() - start < LONG_TICKS)
        relax();
    irq_close();
    if (count_of(intid) >= count)
        return true;
    trace("TIMEOUT: INTID %u came %u times instead of %u", intid, count_of(intid), count);
    return false;
}

void prepare(uint32_t first, uint32_t count, uint8_t priority, uint8_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        gic_set_priority(first + i, (uint8_t)(priority + i * step));
        gic_enable(first + i, true);
    }
}

void send_self(uint32_t sgi)
{
    gic_send(sgi, (uint16_t)(1u << cpu_index()));
}

static bool wait_until(volatile uint32_t *counter, uint32_t value)
{
    uint64_t start = counter_read();

    while (*counter != value) {
        if (counter_read() - start > LONG_TICKS)
            return false;
        relax();
    }
    barrier();
    return true;
}

void other_cpu_done(void)
{
    barrier();
    other_steps++;
}

void other_cpu_wait(uint32_t n)
{
    if (!wait_until(&other_steps, n))
        trace("TIMEOUT: the other CPU did %u steps of %u", other_steps, n);
}

void other_cpu_go(uint32_t step)
{
    barrier();
    go_step = step;
}

void wait_go(uint32_t step)
{
    while (go_step < step)
        relax();
}

/* The second CPU: one turn for each scenario. */
void smp_main(void)
{
    uint32_t seen = 0;

    gic_cpu_init();
    if (its_present())
        its_cpu_init();
    for (;;) {
        while (generation == seen)
            relax();
        seen = generation;
        barrier();
        gic_cpu_init();
        if (current->on_other_cpu != NULL)
            current->on_other_cpu();
        irq_close();
        barrier();
        other_generation = seen;
    }
}

static void run_one(const struct scenario *scenario)
{
    text_length = 0;
    depth = 0;
    other_steps = 0;
    go_step = 0;
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        counts[i] = 0;
    WRITE_SYSREG(cntv_ctl_el0, 0);
    gic_init();
    gic_cpu_init();
    WRITE_SYSREG(icc_ctlr_el1, scenario->split_end ? 2 : 0);
    current = scenario;
    barrier();
    if (have_other)
        generation++;
    scenario->run();
    if (have_other && !wait_until(&other_generation, generation))
        trace("TIMEOUT: the other CPU is not back");
    print("[%s]\n", scenario->name);
    for (size_t i = 0; i < text_length;) {
        size_t end = i;

        while (text[end] != '\n')
            end++;
        text[end] = '\0';
        print("%s\n", text + i);
        i = end + 1;
    }
}

static bool is_chosen(const struct scenario *scenario, const char *choice)
{
    bool is_its = strncmp(scenario->name, "its-", 4) == 0;
    bool is_smp = strncmp(scenario->name, "smp-", 4) == 0;

    if (strcmp(choice, "all") == 0)
        return !is_smp && !is_its;
    if (strcmp(choice, "smp") == 0)
        return is_smp;
    if (strcmp(choice, "its") == 0)
        return is_its;
    return strcmp(choice, scenario->name) == 0;
}

/* The value of scenarios=, "all" without one. */
static void find_choice(const char *words, char *choice, size_t size)
{
    size_t length = 0;

    for (; *words != '\0'; words++)
        if (strncmp(words, WORD, sizeof(WORD) - 1) == 0) {
            words += sizeof(WORD) - 1;
            while (words[length] != '\0' && words[length] != ' ' && length < size - 1) {
                choice[length] = words[length];
                length++;
            }
            choice[length] = '\0';
            return;
        }
    memcpy(choice, "all", 4);
}

static bool has_word(const char *words, const char *word)
{
    for (; *words != '\0'; words++)
        if (strncmp(words, word, strlen(word)) == 0)
            return true;
    return false;
}

void guest_main(const char *words)
{
    char choice[32];

    find_choice(words, choice, sizeof(choice));
    if (strncmp(choice, "its", 3) == 0) {
        if (!its_present()) {
            print("no ITS\nSCENARIOS-END\n");
            return;
        }
        its_init();
        its_cpu_init();
        if (has_word(words, "device=msi-test"))
            its_use_device(MSI_TEST);
    }
    have_other = strcmp(choice, "all") != 0 && smp_start(1);
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
        for (const struct scenario *s = groups[g]; s->name != NULL; s++)
            if (is_chosen(s, choice))
                run_one(s);
    print("SCENARIOS-END\n");
}
