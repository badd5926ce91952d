/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs under load. By the word on the command line:
 *   flow     CPU 0 sends LPIs to CPU 1, which runs all the time; a line for each ROUNDS that have come
 *   mesh     all CPUs send LPIs to each other and wait for each, asleep or not; every one must come
 *   hostile  random ITS commands, registers and tables, for as long as it takes; the machine must stand it
 */
#include <stddef.h>

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/gic.h"
#include "guests/arm64/lib/guest.h"
#include "guests/arm64/lib/its.h"
#include "lib/string.h"

#define ROUNDS  1000
#define MESSAGE 8 /* SGI: an LPI has come */
#define CPUS    SMP_MAX

/* LPI number `sender * CPUS + receiver`. */
static volatile unsigned int came[CPUS * CPUS];
static volatile unsigned int sent[CPUS * CPUS];
static volatile unsigned int strangers;
static volatile unsigned int ready, finished;
static unsigned int cpu_count = 1;
static volatile bool meshed, hostile;

static void add(volatile unsigned int *to, unsigned int value)
{
    __atomic_fetch_add(to, value, __ATOMIC_SEQ_CST);
}

void trap_irq(struct trap_frame *frame)
{
    uint32_t intid = (uint32_t)READ_SYSREG(icc_iar1_el1) & 0xffffff;

    (void)frame;
    if (intid == GIC_SPURIOUS)
        return;
    if (intid >= ITS_LPI && intid < ITS_LPI + CPUS * CPUS) {
        uint32_t pair = intid - ITS_LPI;

        if (!hostile && pair % CPUS != cpu_index())
            strangers++;
        came[pair]++;
        barrier();
        if (meshed)
            gic_send(MESSAGE, (uint16_t)(1u << pair / CPUS));
    }
    WRITE_SYSREG(icc_eoir1_el1, intid);
}

void trap_sync(struct trap_frame *frame)
{
    trap_unexpected(frame);
}

/* --- All with all ------------------------------------------------------------------------------------------
 */

static uint32_t random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Sleeps, or not; interrupts are closed between the look and WFI. */
static void await(uint32_t pair, bool asleep)
{
    while (came[pair] != sent[pair]) {
        if (!asleep) {
            relax();
            continue;
        }
        irq_close();
        if (came[pair] != sent[pair])
            wait_for_interrupt();
        irq_open();
    }
}

static void mesh(void)
{
    uint32_t self = cpu_index();
    uint32_t state = 12345 + self;

    for (unsigned int i = 0; i < ROUNDS / 4; i++) {
        uint32_t number = random(&state);
        uint32_t pair = self * CPUS + number / 16 % cpu_count;

        sent[pair]++;
        its_int(pair);
        await(pair, number % 4 != 0);
    }
    add(&finished, 1);
    gic_send(MESSAGE, 1);
}

static void mesh_main(void)
{
    unsigned int total = 0;

    irq_open();
    mesh();
    while (finished != cpu_count) {
        irq_close();
        if (finished != cpu_count)
            wait_for_interrupt();
        irq_open();
    }
    for (unsigned int i = 0; i < CPUS * CPUS; i++)
        total += came[i] == sent[i] ? came[i] : 1000000;
    print("mesh: %u CPUs, %u of %u came, %u astray\n", cpu_count, total, cpu_count * (ROUNDS / 4), strangers);
}

/* --- One to one --------------------------------------------------------------------------------------------
 */

static void flow_main(void)
{
    for (;;) {
        for (unsigned int i = 0; i < ROUNDS; i++) {
            sent[1]++;
            its_int(1);
            await(1, false);
        }
        print("flow: %u sent, %u came, %u astray\n", sent[1], came[1], strangers);
    }
}

/* --- Nonsense ----------------------------------------------------------------------------------------------
 */

#define STORMS 400

static uint64_t random64(uint32_t *state)
{
    uint64_t high = random(state);

    return high << 32 | random(state);
}

/* Plausible fields half of the time, so that commands get somewhere. */
static void nonsense(uint32_t *state)
{
    static const uint8_t commands[] = {0x01, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
                                       0x0e, 0x0f, 0x21, 0x22, 0x25, 0x29, 0x2a, 0x2b, 0x2d, 0xff};
    uint64_t words[4];

    for (unsigned int i = 0; i < 4; i++)
        words[i] = random64(state);
    words[0] = (words[0] & ~UINT64_C(0xff)) | commands[words[0] % sizeof(commands)];
    if (random(state) % 4 != 0) {
        words[0] = (words[0] & 0xff) | (uint64_t)(random(state) % 8) << 32;
        words[1] = random(state) % 64 | (uint64_t)(ITS_LPI + random(state) % 300) << 32;
        words[2] = random(state) % 4 | (uint64_t)(random(state) % 3) << 16 |
                   (random(state) % 4 != 0 ? UINT64_C(1) << 63 : 0);
    }
    its_raw(words);
}

static void hostile_main(void)
{
    uint32_t state = 4711;

    irq_open();
    for (unsigned int i = 0; i < STORMS; i++) {
        for (unsigned int k = 0; k < 64; k++)
            nonsense(&state);
        its_configure(ITS_LPI + random(&state) % ITS_LPIS, (uint8_t)random(&state),
                      (random(&state) & 1) != 0);
        its_poke(random(&state), random64(&state));
        gic_group_enable(random(&state) % 4 != 0);
    }
    print("hostile: %u storms\n", STORMS);
}

/* --- Beginning ---------------------------------------------------------------------------------------------
 */

void smp_main(void)
{
    gic_cpu_init();
    gic_enable(MESSAGE, true);
    its_cpu_init();
    add(&ready, 1);
    irq_open();
    while (!meshed)
        relax();
    mesh();
    for (;;)
        wait_for_interrupt();
}

static void map_all(void)
{
    its_collections(cpu_count);
    for (uint32_t pair = 0; pair < CPUS * CPUS; pair++) {
        if (pair % CPUS >= cpu_count || pair / CPUS >= cpu_count)
            continue;
        its_configure(ITS_LPI + pair, 0x80, true);
        its_mapti(pair, ITS_LPI + pair, pair % CPUS);
    }
}

void guest_main(const char *words)
{
    if (!its_present()) {
        print("no ITS\n");
        return;
    }
    gic_init();
    gic_cpu_init();
    gic_enable(MESSAGE, true);
    its_init();
    its_cpu_init();
    hostile = strcmp(words, "hostile") == 0;
    while (cpu_count < CPUS && smp_start(cpu_count))
        cpu_count++;
    while (ready != cpu_count - 1)
        relax();
    map_all();
    if (hostile) {
        hostile_main();
    } else if (strcmp(words, "flow") == 0) {
        flow_main();
    } else {
        barrier();
        meshed = true;
        mesh_main();
    }
    print("LPIS-END\n");
}
