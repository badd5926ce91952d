/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host GICv3. All of the host's interrupts have one priority and are in group 1; they are never preempted,
 * since they stay masked at EL2 and are acknowledged one by one. The distributor is written at boot only, by
 * the boot CPU; each CPU writes its own redistributor.
 */
#include "arch/arm64/gic/gicv3.h"

#include "arch/arm64/cpu.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/mmio.h"

#define PRIORITY      0xa0a0a0a0u /* of four interrupts */
#define PRIORITY_MASK 0xf0        /* lets everything above it through */
#define WAIT_NS       (NS_PER_SEC / 10)
#define FIRST_SPI     32
#define ALL_SGIS      0xffffu
#define MIN_REVISION  3

struct gicv3_info gicv3_info;

static struct gicv3_config config;

static uint32_t dist_read(uint64_t reg)
{
    return mmio_read32(config.dist_base + reg);
}

static void dist_write(uint64_t reg, uint64_t value)
{
    mmio_write32(config.dist_base + reg, (uint32_t)value);
}

/* Waits until the bits of the register at `at` are `wanted`. */
static int wait_for(uint64_t at, uint64_t bits, uint64_t wanted)
{
    uint64_t since = time_now_ns();

    while ((mmio_read32(at) & bits) != wanted)
        if (time_now_ns() - since > WAIT_NS)
            return E_TIMEOUT;
    return 0;
}

int gicv3_init(const struct gicv3_config *from)
{
    uint32_t typer;
    int error;

    config = *from;
    gicv3_info.revision = (uint32_t)field_get(dist_read(GICD_PIDR2), PIDR2_ARCHREV);
    if (gicv3_info.revision < MIN_REVISION)
        return E_NOTSUP;
    typer = dist_read(GICD_TYPER);
    gicv3_info.intid_count =
        (uint32_t)min_u64(32 * (field_get(typer, GICD_TYPER_LINES) + 1), GICV3_INTID_LIMIT);
    gicv3_info.has_lpis = (typer & GICD_TYPER_LPIS) != 0;
    dist_write(GICD_CTLR, 0);
    error = wait_for(config.dist_base + GICD_CTLR, GICD_CTLR_RWP, 0);
    if (error != 0)
        return error;
    for (uint32_t i = FIRST_SPI; i < gicv3_info.intid_count; i += 32) {
        dist_write(GICD_ICENABLER + i / 8, UINT32_MAX);
        dist_write(GICD_ICPENDR + i / 8, UINT32_MAX);
        dist_write(GICD_ICACTIVER + i / 8, UINT32_MAX);
        dist_write(GICD_IGROUPR + i / 8, UINT32_MAX);
    }
    for (uint32_t i = FIRST_SPI; i < gicv3_info.intid_count; i += 4)
        dist_write(GICD_IPRIORITYR + i, PRIORITY);
    error = wait_for(config.dist_base + GICD_CTLR, GICD_CTLR_RWP, 0);
    dist_write(GICD_CTLR, GICD_CTLR_ARE);
    dist_write(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GRP1A);
    return error;
}

static uint64_t stride_of(uint64_t typer)
{
    if (config.stride != 0)
        return config.stride;
    return (typer & GICR_TYPER_VLPIS) != 0 ? GICV4_STRIDE : GICV3_STRIDE;
}

/* The redistributor with this affinity, 0: none. Each region's chain ends at its Last bit or its size. */
static uint64_t redistributor_find(uint32_t affinity)
{
    for (uint32_t i = 0; i < config.region_count; i++) {
        uint64_t at = config.regions[i].base;
        uint64_t end = at + config.regions[i].size;
        uint64_t typer, stride;

        for (; at + GICV3_STRIDE <= end; at += stride) {
            typer = mmio_read64(at + GICR_TYPER);
            stride = stride_of(typer);
            if (field_get(typer, GICR_TYPER_AFFINITY) == affinity)
                return at;
            if ((typer & GICR_TYPER_LAST) != 0)
                break;
        }
    }
    return 0;
}

static int redistributor_init(struct arm64_cpu *cpu)
{
    uint64_t frame = redistributor_find(cpu->base.hardware_id);
    uint64_t sgis = frame + GICR_SGI_FRAME;
    uint64_t typer;
    int error;

    if (frame == 0)
        return E_NOENT;
    cpu->redistributor = frame;
    typer = mmio_read64(frame + GICR_TYPER);
    gicv3_info.has_vlpis = (typer & GICR_TYPER_VLPIS) != 0;
    gicv3_info.has_rvpeid = (typer & GICR_TYPER_RVPEID) != 0;
    mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~(uint32_t)GICR_WAKER_SLEEP);
    error = wait_for(frame + GICR_WAKER, GICR_WAKER_CHILDSLEEP, 0);
    if (error != 0)
        return error;
    mmio_write32(sgis + GICR_ICENABLER0, UINT32_MAX);
    error = wait_for(frame + GICR_CTLR, GICR_CTLR_RWP, 0);
    mmio_write32(sgis + GICR_ICPENDR0, UINT32_MAX);
    mmio_write32(sgis + GICR_ICACTIVER0, UINT32_MAX);
    mmio_write32(sgis + GICR_IGROUPR0, UINT32_MAX);
    mmio_write32(sgis + GICR_ICFGR1, 0); /* PPIs are level-triggered */
    for (uint32_t i = 0; i < FIRST_SPI; i += 4)
        mmio_write32(sgis + GICR_IPRIORITYR + i, PRIORITY);
    return error;
}

static int interface_init(void)
{
    if (field_get(SYSREG_READ(id_aa64pfr0_el1), PFR0_GIC) == 0)
        return E_NOTSUP;
    SYSREG_WRITE(ICC_SRE_EL2, SYSREG_READ(ICC_SRE_EL2) | ICC_SRE_EL2_SRE | ICC_SRE_EL2_DFB | ICC_SRE_EL2_DIB |
                                  ICC_SRE_EL2_ENABLE);
    insn_isb();
    if ((SYSREG_READ(ICC_SRE_EL2) & ICC_SRE_EL2_SRE) == 0)
        return E_NOTSUP;
    SYSREG_WRITE(ICC_PMR_EL1, PRIORITY_MASK);
    SYSREG_WRITE(ICC_BPR1_EL1, 0);
    SYSREG_WRITE(ICC_CTLR_EL1, ICC_CTLR_EOIMODE);
    SYSREG_WRITE(ICC_IGRPEN1_EL1, 1);
    insn_isb();
    return 0;
}

static void gicv3_sgis_enable(void)
{
    gicv3_private_enable(GICV3_SGI_KICK);
    gicv3_private_enable(GICV3_SGI_POKE);
}

int gicv3_cpu_init(struct arm64_cpu *cpu)
{
    int error = interface_init();

    if (error == 0)
        error = redistributor_init(cpu);
    if (error == 0)
        gicv3_sgis_enable();
    return error;
}

void gicv3_private_enable(uint32_t intid)
{
    mmio_write32(this_arm64_cpu()->redistributor + GICR_SGI_FRAME + GICR_ISENABLER0,
                 (uint32_t)BIT(intid % 32));
}

void gicv3_private_disable(uint32_t intid)
{
    mmio_write32(this_arm64_cpu()->redistributor + GICR_SGI_FRAME + GICR_ICENABLER0,
                 (uint32_t)BIT(intid % 32));
}

void gicv3_private_activate(uint32_t intid)
{
    mmio_write32(this_arm64_cpu()->redistributor + GICR_SGI_FRAME + GICR_ISACTIVER0,
                 (uint32_t)BIT(intid % 32));
}

int gicv3_spi_enable(uint32_t intid, uint64_t mpidr)
{
    uint32_t config_reg = GICD_ICFGR + intid / 16 * 4;

    if (intid < FIRST_SPI || intid >= gicv3_info.intid_count)
        return E_RANGE;
    dist_write(config_reg, dist_read(config_reg) & ~(UINT32_C(3) << (2 * (intid % 16))));
    mmio_write64(config.dist_base + GICD_IROUTER + 8 * (uint64_t)intid, mpidr);
    dist_write(GICD_ISENABLER + intid / 32 * 4, BIT(intid % 32));
    return 0;
}

static void sgi_send(uint64_t value)
{
    __asm__ volatile("dsb ishst" ::: "memory"); /* what the target is to see comes first */
    SYSREG_WRITE(ICC_SGI1R_EL1, value);
    insn_isb();
}

void gicv3_sgi(uint64_t mpidr, uint32_t sgi)
{
    uint64_t aff0 = mpidr & 0xff;

    sgi_send(field_make(mpidr >> 32, ICC_SGI1R_AFF3) | field_make(mpidr >> 16, ICC_SGI1R_AFF2) |
             field_make(mpidr >> 8, ICC_SGI1R_AFF1) | field_make(aff0 / 16, ICC_SGI1R_RS) |
             field_make(sgi, ICC_SGI1R_INTID) | field_make(BIT(aff0 % 16), ICC_SGI1R_TARGETS));
}

void gicv3_sgi_others(uint32_t sgi)
{
    sgi_send(ICC_SGI1R_IRM | field_make(sgi, ICC_SGI1R_INTID));
}
