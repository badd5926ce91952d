/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM with a virtual GIC for unit tests: two vCPUs by default, each with the modelled virtual CPU interface
 * of tests/model/gic, 64 SPIs, accesses through the bus. Included once by the test's .c file.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vits.h"
#include "arch/arm64/gic/vits_regs.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "tests/model/gic/ich.h"

#define VCPUS_MAX 20
#define SPIS      64
#define TIMER     27u
#define LPIS      32

struct cpu *fake_this_cpu;

static struct vgic_vm gic;
static struct vgic_vcpu cpu[VCPUS_MAX];
static struct vgic_irq spis[VGIC_MAX_SPIS];
static struct vgic_irq lpis[LPIS];
static struct vits_event events[LPIS];
static struct vits its;
static struct vcpu vcpus[VCPUS_MAX];
static struct ich_model ich[VCPUS_MAX];
static struct bus bus;
static unsigned int kicks[VCPUS_MAX];
static unsigned int hw_ended[VCPUS_MAX];

void panic(const char *format, ...)
{
    (void)fprintf(stderr, "%s\n", format);
    abort();
}

static inline struct vgic_lrs take_lrs(unsigned int i)
{
    struct vgic_lrs lrs = {.hcr = (uint64_t)ich[i].eoi_count << 27};

    memcpy(lrs.lr, ich[i].lr, sizeof(ich[i].lr));
    ich[i].eoi_count = 0;
    memset(ich[i].lr, 0, sizeof(ich[i].lr));
    return lrs;
}

static void save(unsigned int i)
{
    struct vgic_lrs lrs = take_lrs(i);

    vgic_fold(&cpu[i], &lrs);
}

/* What the run loop does before an entry. */
static inline void enter(unsigned int i)
{
    struct vgic_lrs lrs;

    if (!vgic_is_dirty(&cpu[i]))
        return;
    lrs = take_lrs(i);
    vgic_refill(&cpu[i], &lrs);
    memcpy(ich[i].lr, lrs.lr, lrs.count * sizeof(lrs.lr[0]));
    ich[i].hcr = lrs.hcr;
    ASSERT(ich_model_fault(&ich[i]) == NULL);
}

static inline uint32_t iar(unsigned int i)
{
    enter(i);
    return ich_model_acknowledge(&ich[i], true);
}

/* EOI, and the exit that it may cause. */
static inline bool eoi(unsigned int i, uint32_t intid)
{
    bool exits;

    ich_model_end(&ich[i], true, intid);
    exits = ich_model_maintenance(&ich[i]);
    if (exits)
        save(i);
    return exits;
}

static void fixture_kick(struct vgic_vcpu *v)
{
    kicks[v->id]++;
}

static uint64_t fixture_vmcr(struct vgic_vcpu *v)
{
    return v->parked ? v->cpuif.vmcr : ich_model_vmcr(&ich[v->id]);
}

static void fixture_fold(struct vgic_vcpu *v)
{
    save(v->id);
}

static void fixture_hw(struct vgic_vcpu *v, uint32_t intid)
{
    ASSERT(intid == TIMER);
    hw_ended[v->id]++;
}

/* Guest memory: 1 MiB at 0x40000000. */
#define MEMORY      UINT64_C(0x40000000)
#define MEMORY_SIZE 0x100000u

static uint8_t memory[MEMORY_SIZE];

static int fixture_read(struct vgic_vm *vgic, uint64_t at, void *to, size_t size)
{
    ASSERT(vgic == &gic);
    if (at < MEMORY || at - MEMORY >= MEMORY_SIZE || size > MEMORY_SIZE - (at - MEMORY))
        return E_FAULT;
    memcpy(to, &memory[at - MEMORY], size);
    return 0;
}

static const struct vgic_ops fixture_ops = {.kick = fixture_kick,
                                            .vmcr = fixture_vmcr,
                                            .fold_here = fixture_fold,
                                            .hw_deactivate = fixture_hw,
                                            .guest_read = fixture_read};

static inline struct vgic_cpuif cpuif_of(unsigned int i)
{
    return (struct vgic_cpuif){.vmcr = ich_model_vmcr(&ich[i]), .apr = {{ich[i].apr[0]}, {ich[i].apr[1]}}};
}

/* WFI. */
static inline bool block(unsigned int i)
{
    struct vgic_cpuif now = cpuif_of(i);

    save(i);
    return vgic_block(&cpu[i], &now);
}

static inline void w32(unsigned int i, uint64_t at, uint32_t value)
{
    bus_write(&bus, &vcpus[i], at, 4, value);
}

static inline uint32_t r32(unsigned int i, uint64_t at)
{
    return (uint32_t)bus_read(&bus, &vcpus[i], at, 4);
}

static inline uint64_t gicd(uint32_t offset)
{
    return VGIC_DIST_BASE + offset;
}

static inline uint64_t gicr(unsigned int i, uint32_t offset)
{
    return VGIC_REDIST_BASE + i * VGIC_REDIST_SIZE + offset;
}

/* Set by tests before start(). */
static const struct vgic_direct_ops *fixture_direct;

static void start(uint32_t vcpu_count, uint32_t lr_count, uint32_t spi_count)
{
    const struct vgic_config set = {.ops = &fixture_ops,
                                    .direct = fixture_direct,
                                    .vcpu_count = vcpu_count,
                                    .lr_count = lr_count,
                                    .pre_bits = 5,
                                    .spi_count = spi_count,
                                    .spis = spis,
                                    .lpi_count = LPIS,
                                    .lpis = lpis};

    memset(&gic, 0, sizeof(gic));
    memset(cpu, 0, sizeof(cpu));
    memset(spis, 0, sizeof(spis));
    memset(lpis, 0, sizeof(lpis));
    memset(events, 0, sizeof(events));
    memset(&its, 0, sizeof(its));
    memset(memory, 0, sizeof(memory));
    memset(ich, 0, sizeof(ich));
    memset(&bus, 0, sizeof(bus));
    memset(kicks, 0, sizeof(kicks));
    memset(hw_ended, 0, sizeof(hw_ended));
    ASSERT(vgic_vm_init(&gic, &set) == 0);
    for (uint32_t i = 0; i < vcpu_count; i++) {
        vcpus[i].id = i;
        ich[i] =
            (struct ich_model){.lr_count = lr_count < 4 ? lr_count : 4, .enable = {true, true}, .mask = 0xf8};
        vgic_vcpu_init(&gic, &cpu[i], i, &vcpus[i]);
        vgic_vcpu_on(&cpu[i]);
    }
    ASSERT(vgic_register(&gic, &bus) == 0);
    vits_init(&its, &gic, events);
    ASSERT(vits_register(&its, &bus) == 0);
}

/* Group 1, enabled, this priority. */
static inline void make_ready(unsigned int i, uint32_t intid, uint8_t priority)
{
    uint64_t frame = intid < 32 ? gicr(i, GICR_SGI_FRAME) : gicd(0);
    uint32_t word = intid / 32 * 4;
    uint32_t bit = UINT32_C(1) << intid % 32;

    w32(i, frame + GICD_IGROUPR + word, r32(i, frame + GICD_IGROUPR + word) | bit);
    bus_write(&bus, &vcpus[i], frame + GICD_IPRIORITYR + intid, 1, priority);
    w32(i, frame + GICD_ISENABLER + word, bit);
}

/* As a guest's driver does: both groups on, awake. */
static inline void start_enabled(uint32_t vcpu_count, uint32_t lr_count)
{
    start(vcpu_count, lr_count, SPIS);
    w32(0, gicd(GICD_CTLR), 3);
    for (uint32_t i = 0; i < vcpu_count; i++)
        w32(i, gicr(i, GICR_WAKER), 0);
}

static inline uint64_t events_waiting(const struct vgic_irq *irq)
{
    uint64_t outside = vgic_is_pending(irq) ? 1 : 0;

    return vgic_lr_holds_event(irq) ? 1u + irq->latch : outside;
}

/* posted = delivered + collapsed + withdrawn + pending, for everything in the VM. */
static inline bool books_balance(void)
{
    uint64_t shared = gic.books.delivered_count + gic.books.collapsed_count + gic.books.withdrawn_count;
    bool fine = true;

    for (uint32_t i = 0; i < gic.config.spi_count; i++)
        shared += events_waiting(&spis[i]);
    for (uint32_t i = 0; i < gic.config.lpi_count; i++)
        shared += events_waiting(&lpis[i]);
    fine = shared == gic.books.posted_count;
    for (uint32_t c = 0; c < gic.config.vcpu_count; c++) {
        const struct vgic_books *b = &cpu[c].books;
        uint64_t sum = b->delivered_count + b->collapsed_count + b->withdrawn_count;

        for (uint32_t i = 0; i < VGIC_PRIVATE; i++)
            sum += events_waiting(&cpu[c].irqs[i]);
        fine = fine && sum == b->posted_count;
    }
    return fine && gic.lock.next == gic.lock.serving;
}
