/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own GICv3 or GICv4: distributor, redistributors, CPU interface at EL2. Guests' interrupt
 * controllers are vgic.h's. EOImode is 1: gicv3_eoi() only drops the priority, and an interrupt that a guest
 * gets by a list register with HW=1 is deactivated by the guest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/gic/gicv3_regs.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "lib/bits.h"

struct arm64_cpu;

#define GICV3_SGI_KICK 0 /* leave the guest or the idle state; in a panic: stop */
#define GICV3_SGI_POKE 1 /* only leave the guest */

#define GICV3_SGI_COUNT   16
#define GICV3_INTID_LIMIT 1020 /* SGIs, PPIs and SPIs are below */
#define GICV3_LPI_FIRST   8192
#define GICV3_MAX_REGIONS 8
#define GICV3_FRAME       UINT64_C(0x10000)
#define GICR_SGI_FRAME    UINT64_C(0x10000) /* offset of the second frame */
#define GICR_VLPI_FRAME   UINT64_C(0x20000) /* GICv4: of the third */
#define GICV3_STRIDE      (2 * GICV3_FRAME)
#define GICV4_STRIDE      (4 * GICV3_FRAME)

/* As the device tree has it; all of it mapped as a device. */
struct gicv3_config {
    uint64_t dist_base;
    uint32_t region_count;
    struct {
        uint64_t base, size;
    } regions[GICV3_MAX_REGIONS];
    uint64_t stride; /* 0: as GICR_TYPER.VLPIS says */
};

/* What this GIC can do; constant after gicv3_init(). */
struct gicv3_info {
    uint32_t intid_count; /* SGIs, PPIs, SPIs */
    bool has_lpis;
    bool has_vlpis;    /* GICv4 */
    bool has_rvpeid;   /* GICv4.1 */
    uint32_t revision; /* GICD_PIDR2.ArchRev: 3 or 4 */
};

extern struct gicv3_info gicv3_info;

/* Distributor: all SPIs off, group 1, affinity routing. Boot CPU. 0, or E_NOTSUP where it is no GICv3, or
 * E_TIMEOUT where it does not answer. */
MUST_CHECK int gicv3_init(const struct gicv3_config *config);

/* The calling CPU's redistributor (kept in cpu->redistributor) and interface. 0, E_NOENT: no redistributor
 * has the CPU's affinity; E_NOTSUP: no system register interface; E_TIMEOUT. */
MUST_CHECK int gicv3_cpu_init(struct arm64_cpu *cpu);

/* SGIs and PPIs of the calling CPU; level-triggered. */
void gicv3_private_enable(uint32_t intid);
void gicv3_private_disable(uint32_t intid);

/* As if the calling CPU had acknowledged it: it does not come again before somebody deactivates it. */
void gicv3_private_activate(uint32_t intid);

/* An SPI, level-triggered, to one CPU. E_RANGE: there is no such input. */
MUST_CHECK int gicv3_spi_enable(uint32_t intid, uint64_t mpidr);

/* Takes the highest pending interrupt of the calling CPU: its INTID, or 1020..1023 for none. */
static inline uint32_t gicv3_ack(void)
{
    uint32_t intid = (uint32_t)field_get(SYSREG_READ(ICC_IAR1_EL1), ICC_IAR_INTID);

    insn_dsb_sy(); /* acknowledged before the device is looked at (Arm IHI 0069, "Observability") */
    return intid;
}

/* After gicv3_ack(): priority drop, in effect at the next exception return or acknowledge at the latest. */
static inline void gicv3_eoi(uint32_t intid)
{
    SYSREG_WRITE(ICC_EOIR1_EL1, intid);
}

/* Deactivation, which whoever handles the interrupt does last. */
static inline void gicv3_deactivate(uint32_t intid)
{
    SYSREG_WRITE(ICC_DIR_EL1, intid);
    insn_isb();
}

/* Sends SGI 0..15 to one CPU, or to all but the calling one. What was written before is seen by its taker. */
void gicv3_sgi(uint64_t mpidr, uint32_t sgi);
void gicv3_sgi_others(uint32_t sgi);
