/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that does what operators suffer from. Its words say what:
 *
 *   spin     turns in a loop with interrupts off, three calls deep, until somebody writes 1 to the address
 *            that it has printed; counts NMIs
 *   deaf     the same, but its NMI handler never returns
 *   meter N  turns in a loop with interrupts off until its TSC is at N million, then prints how often
 *   fpu N    restores its floating-point registers until its TSC is at N million, then prints how often
 *   exits N  executes CPUID until then, the same
 *   flood N [SEED]
 *            prints N numbered lines as fast as the line takes them, each with a running checksum, then the
 *            last of these, then halts
 */
#include <stdbool.h>

#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/print.h"
#include "guests/lib/trap.h"
#include "lib/string.h"

#define NMI 2

static volatile uint64_t let_go;
static volatile uint64_t turns;
static volatile uint64_t nmi_count;
static bool deaf;

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector != NMI)
        trap_unexpected(frame);
    nmi_count++;
    while (deaf && let_go == 0)
        turns++;
}

/* Frames that a debugger can follow, whatever the optimizer likes. */
#define FRAMED __attribute__((noinline, optimize("O0")))

static FRAMED void innermost(void)
{
    while (let_go == 0)
        turns++;
}

static FRAMED void middle(void)
{
    innermost();
}

static FRAMED int spin(void)
{
    __asm__ volatile("cli");
    print("spin: ready, let go at 0x%lx, NMIs counted at 0x%lx, handler 0x%lx, turns at 0x%lx\n",
          (uintptr_t)&let_go, (uintptr_t)&nmi_count,
          (uintptr_t)idt[NMI].offset_high << 32 | (uintptr_t)idt[NMI].offset_mid << 16 | idt[NMI].offset_low,
          (uintptr_t)&turns);
    middle();
    print("spin: let go after %lu NMIs\n", nmi_count);
    return 0;
}

static uint32_t to_number(const char *text)
{
    uint32_t value = 0;

    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint32_t)(*text++ - '0');
    return value;
}

/* The lines' text and the sum are what the test computes too. */
static _Noreturn void flood(uint32_t lines, uint32_t sum)
{
    for (uint32_t i = 0; i < lines; i++) {
        sum = sum * 31 + i;
        print("flood %05u %08x\n", i, sum);
    }
    print("flood: done %08x\n", sum);
    for (;;)
        __asm__ volatile("cli; hlt");
}

enum work { METER, FPU, EXITS, WORKS };

static const char *const works[WORKS] = {[METER] = "meter", [FPU] = "fpu", [EXITS] = "exits"};

/* The same thing again and again until the TSC is there. */
static int do_work(enum work work, uint32_t millions)
{
    static const _Alignas(16) uint8_t registers[512]; /* FXRSTOR's: all zero are a valid state */
    uint64_t end = millions * UINT64_C(1000000);

    if (work == METER)
        __asm__ volatile("cli");
    while (rdtsc() < end) {
        if (work == FPU)
            __asm__ volatile("fxrstor %0" : : "m"(registers));
        else if (work == EXITS)
            (void)cpuid(0, 0);
        turns++;
    }
    print("%s: %lu turns\n", works[work], turns);
    return 0;
}

int guest_main(int word_count, char **words)
{
    trap_init();
    if (word_count > 2 && strcmp(words[1], "flood") == 0)
        flood(to_number(words[2]), word_count > 3 ? to_number(words[3]) : 0);
    for (unsigned int work = 0; work < WORKS && word_count > 2; work++)
        if (strcmp(words[1], works[work]) == 0)
            return do_work((enum work)work, to_number(words[2]));
    deaf = word_count > 1 && strcmp(words[1], "deaf") == 0;
    return spin();
}
