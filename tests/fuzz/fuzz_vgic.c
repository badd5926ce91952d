/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual GIC under libFuzzer: the input is a list of accesses to all its frames, lines, SGIs, guests'
 * acknowledges and EOIs through the modelled CPU interface, blocking, CPUs going off. Checked on top of the
 * sanitizers: the books balance, no lock is left held, no INTID is twice in list registers, no maintenance
 * interrupt comes back at once. In half of the inputs hardware delivers LPIs, until it breaks: it must know
 * of each what the guest has said last.
 */
#include "tests/unit/vgic_fixture.h"

#define CPUS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One step of eight bytes. */
struct step {
    uint8_t what;
    uint8_t who;
    uint16_t where;
    uint32_t value;
};

static bool parked[CPUS];
static uint32_t stack[CPUS][8];
static unsigned int depth[CPUS];

/* --- Hardware that delivers LPIs: what it was told ---------------------------------------------------------
 */

static uint8_t routes[LPIS], told[LPIS];
static bool unsettled, broken;

static bool direct_route(struct vgic_vm *vgic, uint32_t index, uint8_t from, uint8_t to)
{
    (void)vgic;
    ASSERT(from != to && (broken || routes[index] == from));
    routes[index] = to;
    return !broken;
}

static bool direct_post(struct vgic_vm *vgic, uint32_t index)
{
    (void)vgic;
    ASSERT(routes[index] != VGIC_NO_VCPU);
    return !broken;
}

static void direct_clear(struct vgic_vm *vgic, uint32_t index)
{
    (void)vgic;
    ASSERT(routes[index] != VGIC_NO_VCPU);
}

static void direct_configure(struct vgic_vm *vgic, uint32_t index, uint8_t priority, bool enabled)
{
    (void)vgic;
    ASSERT(lpis[index].target != VGIC_NO_VCPU);
    unsettled = unsettled || told[index] != (priority | (enabled ? 1 : 0));
    told[index] = (uint8_t)(priority | (enabled ? 1 : 0));
}

static void direct_settle(struct vgic_vm *vgic)
{
    (void)vgic;
    unsettled = false;
}

static bool direct_sleep(struct vgic_vcpu *v)
{
    return !v->parked;
}

static void direct_wake(struct vgic_vcpu *v)
{
    ASSERT(!v->parked);
}

static const struct vgic_direct_ops direct_ops = {.route = direct_route,
                                                  .post = direct_post,
                                                  .clear = direct_clear,
                                                  .configure = direct_configure,
                                                  .settle = direct_settle,
                                                  .sleep = direct_sleep,
                                                  .wake = direct_wake};

static void check_direct(void)
{
    ASSERT(!unsettled);
    for (uint32_t i = 0; i < LPIS; i++) {
        const struct vgic_irq *irq = &lpis[i];
        bool taken;

        ASSERT(irq->direct || broken || fixture_direct == NULL || irq->target == VGIC_NO_VCPU);
        if (!irq->direct)
            continue;
        ASSERT(irq->target == routes[i] && !irq->latch && irq->place == VGIC_IDLE);
        taken = (gic.groups & 2) != 0 && (cpu[irq->target].redist_ctlr & GICR_CTLR_ENABLE_LPIS) != 0;
        ASSERT(told[i] == (irq->priority | (irq->enabled && taken ? 1 : 0)));
    }
}

/* --- The guest ---------------------------------------------------------------------------------------------
 */

static void wake(unsigned int i)
{
    if (parked[i])
        vgic_unblock(&cpu[i]);
    parked[i] = false;
}

static void access_frame(unsigned int i, const struct step *s)
{
    static const uint8_t sizes[] = {1, 2, 4, 4, 4, 4, 8, 8};
    unsigned int size = sizes[s->what >> 4 & 7];
    uint64_t at = (s->what & 0x80) != 0
                      ? gicr(s->where >> 14 & 1, (uint32_t)(s->where & 0x3fff) * 8 & 0x1ffff)
                      : gicd(s->where);
    uint64_t value = (uint64_t)s->value << 32 | s->value;

    wake(i);
    if ((s->who & 0x80) != 0)
        (void)bus_read(&bus, &vcpus[i], at, size);
    else
        bus_write(&bus, &vcpus[i], at, size, value & bytes_mask(size));
}

static void run_command(const uint64_t *words)
{
    uint64_t at = its.cwriter;

    memcpy(&memory[at % (MEMORY_SIZE / 2)], words, ITS_COMMAND_SIZE);
    bus_write(&bus, &vcpus[0], VGIC_ITS_BASE + GITS_CWRITER, 8, at + 32);
    bus_write(&bus, &vcpus[0], VGIC_ITS_BASE + GITS_CWRITER, 8, 0);
}

/* As a driver leaves it, so that inputs need not find the way: device 0's events are LPIs, on all vCPUs. */
static void map_events(void)
{
    const uint64_t device[4] = {ITS_CMD_MAPD, 4, ITS_2_VALID | MEMORY, 0};

    run_command(device);
    for (uint64_t i = 0; i < CPUS; i++) {
        const uint64_t collection[4] = {ITS_CMD_MAPC, 0, ITS_2_VALID | i << 16 | i, 0};

        run_command(collection);
    }
    for (uint64_t i = 0; i < LPIS / 2; i++) {
        const uint64_t event[4] = {ITS_CMD_MAPTI, i | (VGIC_LPI_FIRST + i) << 32, i % CPUS, 0};

        run_command(event);
    }
}

/* A command of the ITS, put where the queue is and run. Some have numbers that exist. */
static void its_command(const struct step *s)
{
    uint32_t small = s->value & 0x1f;
    uint64_t words[4] = {(s->where & 15) | (uint64_t)(s->where >> 4 & 3) << 32,
                         small | (uint64_t)(VGIC_LPI_FIRST + (s->value >> 5 & 0x3f)) << 32,
                         (s->value >> 11 & 3) | (uint64_t)(s->value >> 13 & 3) << 16 |
                             (uint64_t)(s->value >> 15 & 1) << 63,
                         (uint64_t)(s->value >> 16 & 3) << 16};

    run_command(words);
}

static void its_access(const struct step *s)
{
    static const uint32_t registers[] = {GITS_CTLR,   GITS_CBASER, GITS_CWRITER,
                                         GITS_CREADR, GITS_BASER,  GITS_TRANSLATER};
    uint64_t at = VGIC_ITS_BASE + registers[s->where % ARRAY_COUNT(registers)] + (s->where >> 8 & 4);
    unsigned int size = (s->where >> 9 & 1) != 0 ? 4 : 8;

    memory[MEMORY_SIZE / 2 + s->value % LPIS] = (uint8_t)(s->value >> 8);
    if ((s->where & 0x400) != 0)
        (void)bus_read(&bus, &vcpus[0], at, size);
    else
        bus_write(&bus, &vcpus[0], at, size, (uint64_t)s->value << 32 | s->value);
}

static void guest_acknowledges(unsigned int i)
{
    uint32_t intid;
    int best;

    wake(i);
    enter(i);
    ASSERT(!ich_model_maintenance(&ich[i]));
    best = ich_model_best(&ich[i]);
    if (best < 0 || depth[i] == ARRAY_COUNT(stack[0]))
        return;
    intid = ich_model_acknowledge(&ich[i], (ich[i].lr[best] & ICH_LR_GROUP1) != 0);
    ASSERT(intid != ICH_SPURIOUS);
    stack[i][depth[i]++] = intid;
    if (ich_model_maintenance(&ich[i]))
        save(i);
}

static void guest_ends(unsigned int i)
{
    if (depth[i] == 0)
        return;
    wake(i);
    (void)eoi(i, stack[i][--depth[i]]);
}

static void run_step(const struct step *s)
{
    unsigned int i = s->who % CPUS;

    switch (s->what & 15) {
    case 0:
    case 1:
    case 2:
        access_frame(i, s);
        break;
    case 3:
        if ((s->what & 0xc0) == 0)
            its_access(s);
        else if ((s->what & 0x80) != 0)
            its_command(s);
        else
            (void)vits_message(&its, s->where & 3, s->value & 0x1f);
        break;
    case 4:
    case 5:
        vgic_set_line(&gic, s->where % 128, (s->value & 1) != 0);
        break;
    case 6:
        vgic_set_ppi(&cpu[i], 16 + s->where % 16, (s->value & 1) != 0);
        break;
    case 7:
        vgic_sgi(&cpu[i], (uint64_t)s->value << 16 | s->where, (s->what & 16) != 0);
        break;
    case 8:
    case 9:
        guest_acknowledges(i);
        break;
    case 10:
    case 11:
        guest_ends(i);
        break;
    case 12:
        wake(i);
        vgic_deactivate(&cpu[i], s->value);
        break;
    case 13:
        parked[i] = parked[i] || block(i);
        break;
    case 14:
        ich[i].mask = (uint8_t)s->value;
        ich[i].enable[0] = (s->value & 0x100) != 0;
        ich[i].enable[1] = (s->value & 0x200) != 0;
        ich[i].split = (s->value & 0x400) != 0;
        if (ich_model_maintenance(&ich[i]))
            save(i);
        break;
    default:
        save(i);
        broken = broken || s->value == 0xdead;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step step;

    fixture_direct = (size & 4) != 0 ? &direct_ops : NULL;
    memset(routes, VGIC_NO_VCPU, sizeof(routes));
    unsettled = false;
    broken = false;
    start_enabled(CPUS, 1 + (size & 3));
    vgic_map_hw(&cpu[0], TIMER, TIMER);
    for (unsigned int i = 0; i < CPUS; i++) {
        bus_write(&bus, &vcpus[i], gicr(i, GICR_PROPBASER), 8, (MEMORY + MEMORY_SIZE / 2) | 13);
        w32(i, gicr(i, GICR_CTLR), 1);
    }
    memset(&memory[MEMORY_SIZE / 2], 0x81, LPIS);
    bus_write(&bus, &vcpus[0], VGIC_ITS_BASE + GITS_CBASER, 8, GITS_CBASER_VALID | MEMORY);
    w32(0, VGIC_ITS_BASE + GITS_CTLR, 1);
    if ((size & 8) != 0)
        map_events();
    memset(parked, 0, sizeof(parked));
    memset(depth, 0, sizeof(depth));
    for (size_t at = 0; at + sizeof(step) <= size && at < 512 * sizeof(step); at += sizeof(step)) {
        memcpy(&step, data + at, sizeof(step));
        run_step(&step);
        ASSERT(books_balance());
        check_direct();
        ASSERT(its.creadr % 32 == 0 && its.creadr < (field_get(its.cbaser, GITS_CBASER_PAGES) + 1) * 4096);
        for (unsigned int i = 0; i < CPUS; i++)
            ASSERT(cpu[i].lock.next == cpu[i].lock.serving);
    }
    return 0;
}
