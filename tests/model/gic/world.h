/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that the exhaustive check of the virtual GIC keeps of one moment: the virtual GIC under test,
 * the modelled virtual CPU interfaces, what each vCPU's run loop is doing, the guest's handlers, bare metal
 * beside it, and what may still happen. There is one world at one address (the lists have pointers);
 * explore.c puts others in its place.
 */
#pragma once

#include "arch/arm64/gic/vgic.h"
#include "core/vcpu.h"
#include "tests/model/gic/bare.h"
#include "tests/model/gic/direct.h"
#include "tests/model/gic/ich.h"

#define DEPTH_MAX 4
#define SPIS      32
#define LPIS      4
#define LPI_FIRST 8192u

/* Where a vCPU is. */
enum mode {
    IN_HOST,  /* between exit and entry; list registers may still be in hardware */
    IN_READY, /* about to enter, the last look at "dirty" to come */
    IN_GUEST,
    IN_PARKED, /* WFI: vgic_block() said yes, vcpu_block() not called yet */
    IN_SLEEP,
};

struct run {
    uint8_t mode;
    bool request; /* kicked */
    uint8_t depth;
    uint8_t stack[DEPTH_MAX]; /* acknowledged, not ended */
    uint8_t dropped;          /* split mode: bit per interrupt ended but not deactivated */
    uint8_t stall;            /* exits without an instruction in between */
    uint8_t cpu;              /* where it is loaded; with .direct it may be one of two of its own */
    bool away;                /* IN_HOST, but put off its CPU */
};

struct budget {
    uint8_t posts, writes, masks, groups;
    uint8_t late; /* instructions that a kick comes too late */
};

struct world {
    struct vgic_vm gic;
    struct vgic_vcpu cpus[BARE_CPUS];
    struct vgic_irq spis[SPIS];
    struct vgic_irq lpis[LPIS];
    struct ich_model ich[BARE_CPUS];
    struct run run[BARE_CPUS];
    struct bare bare;
    struct vgic_vpe vpes[BARE_CPUS];
    struct direct direct;
    struct budget left;
    bool timer_active[BARE_CPUS]; /* the physical interrupt behind a PPI */
};

/* One interrupt of a scenario. */
struct source {
    uint16_t intid; /* 0: end */
    uint8_t priority;
    bool group1, edge, hw, initially_off;
};

/* What the guest may write to the GIC's registers, by bits of scenario.writes. */
enum write {
    WRITE_ENABLE,
    WRITE_DISABLE,
    WRITE_SET_PENDING,
    WRITE_CLEAR_PENDING,
    WRITE_SET_ACTIVE,
    WRITE_CLEAR_ACTIVE,
    WRITE_PRIORITY, /* to another source's, and back */
    WRITE_GROUP,
    WRITE_ROUTE,
    WRITE_DIST, /* GICD_CTLR.EnableGrp1 */
    WRITES,
};

struct scenario {
    const char *name;
    struct source sources[BARE_IRQS];
    uint8_t cpu_count, lr_count;
    bool split, direct; /* EOI mode 1; LPIs by hardware */
    uint16_t writes;
    struct budget budget;
    uint8_t depth_max;
};

extern const struct scenario *scenario;
extern struct world w;

extern struct vcpu vcpus[BARE_CPUS];

/* writes.c: interrupt `k` as CPU `c` sees it. guest_poke(): `size` bytes at its place in an array of
 * registers; of 4 bytes `value` is that of its bit. */
void guest_poke(unsigned c, unsigned k, uint32_t array, unsigned int size, uint32_t value);
void guest_set_group(unsigned c, unsigned k, bool group1);
void guest_write(unsigned c, unsigned k, enum write what);
/* What it reads of its own interrupts, and of those that nobody else is running with. */
void guest_compare_reads(unsigned c);

void world_start(void);
void world_step(void);
/* Between steps: what must hold. */
void world_check(void);
/* Leaves out what means nothing at present, so that worlds that differ only in it count as one. */
void world_normalise(void);
void world_print(void);

/* A kick, a maintenance interrupt or the timer ends this vCPU's stay in the guest before its next
 * instruction. */
bool world_must_exit(unsigned c);
bool world_timer_fires(unsigned c);
/* An interrupt for this CPU is still in the other's list register. */
bool world_in_transit(unsigned c);

/* Explorer's. */
unsigned choose(unsigned n);
_Noreturn void broken(const char *rule);
_Noreturn void prune(void);
