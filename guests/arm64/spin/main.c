/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that does what operators suffer from. Its words say what:
 *
 *   spin     turns in a loop with interrupts off, three calls deep, until somebody writes 1 to the address
 *            that it has printed; the MMU is on, RAM by pages of 2 MiB at the same addresses; interrupts 3
 *            and 40 are enabled in the GIC
 *   flood N [SEED]
 *            prints N numbered lines as fast as the line takes them, each with a running checksum, then the
 *            last of these, then waits
 */
#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "lib/string.h"

#define GIB         UINT64_C(0x40000000)
#define BLOCK       UINT64_C(0x200000)
#define ENTRIES     512
#define VALID       UINT64_C(1)
#define TABLE       UINT64_C(3)
#define ATTR_NORMAL (UINT64_C(1) << 2) /* index into MAIR */
#define SHARED      (UINT64_C(3) << 8)
#define ACCESSED    (UINT64_C(1) << 10)
#define MAIR        UINT64_C(0xff00) /* 0: device, 1: normal memory */
#define TCR_39_BITS (25 | UINT64_C(1) << 23 | UINT64_C(2) << 32)
#define SCTLR_M     UINT64_C(1)
#define SGI         3
#define LINES_WORD  6 /* length of "flood " */

static uint64_t root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t ram[ENTRIES] __attribute__((aligned(4096)));
static volatile uint64_t let_go;
static volatile uint64_t turns;
static volatile uint64_t irq_count;
static volatile uint64_t serror_count;

void trap_irq(struct trap_frame *frame)
{
    (void)frame;
    irq_count++;
}

void trap_sync(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

void trap_serror(struct trap_frame *frame)
{
    (void)frame;
    serror_count++;
}

void smp_main(void)
{
    for (;;)
        wait_for_interrupt();
}

/* Devices in the first GiB, RAM in the second. */
static void map(void)
{
    root[0] = VALID | ACCESSED;
    root[1] = (uint64_t)(uintptr_t)ram | TABLE;
    for (uint64_t i = 0; i < ENTRIES; i++)
        ram[i] = (GIB + i * BLOCK) | VALID | ATTR_NORMAL | SHARED | ACCESSED;
    barrier();
    WRITE_SYSREG(mair_el1, MAIR);
    WRITE_SYSREG(tcr_el1, TCR_39_BITS);
    WRITE_SYSREG(ttbr0_el1, (uintptr_t)root);
    __asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
    WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) | SCTLR_M);
}

/* Frames that a debugger can follow. */
#define FRAMED __attribute__((noinline, optimize("O0", "no-omit-frame-pointer")))

static FRAMED void innermost(void)
{
    while (let_go == 0)
        turns++;
}

static FRAMED void middle(void)
{
    innermost();
}

static FRAMED void spin(void)
{
    map();
    irq_close();
    __asm__ volatile("msr daifclr, #4\n\tisb" ::: "memory"); /* SErrors only */
    gic_init();
    gic_cpu_init();
    gic_enable(SGI, true);
    gic_set_edge(GIC_SPI, true);
    gic_enable(GIC_SPI, true);
    print("spin: ready, let go at 0x%lx, turns at 0x%lx, loop 0x%lx\n", (uintptr_t)&let_go, (uintptr_t)&turns,
          (uintptr_t)innermost);
    middle();
    print("spin: let go after %lu SErrors\n", serror_count);
}

/* Behind the digits it goes on. */
static uint32_t take_number(const char **text)
{
    uint32_t value = 0;

    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (uint32_t)(**text - '0');
    if (**text == ' ')
        (*text)++;
    return value;
}

/* The lines' text and the sum are what the test computes too. */
static _Noreturn void flood(const char *words)
{
    uint32_t lines = take_number(&words);
    uint32_t sum = take_number(&words);

    for (uint32_t i = 0; i < lines; i++) {
        sum = sum * 31 + i;
        print("flood %05u %08x\n", i, sum);
    }
    print("flood: done %08x\n", sum);
    for (;;)
        wait_for_interrupt();
}

void guest_main(const char *words)
{
    if (strncmp(words, "flood ", LINES_WORD) == 0)
        flood(words + LINES_WORD);
    spin();
}
