/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Registers: GIC architecture specification (GICv3), "Programmers' Model". */
#include "guests/arm64/lib/gic.h"

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/guest.h"

#define GICD             UINT64_C(0x08000000)
#define GICR             UINT64_C(0x080a0000)
#define GICR_STRIDE      UINT64_C(0x20000)
#define GICR_SGI         UINT64_C(0x10000)
#define GICD_CTLR        0x0000
#define GICD_CTLR_GRP1   (1u << 1)
#define GICD_CTLR_ARE    (1u << 4)
#define GICD_CTLR_RWP    (1u << 31)
#define GICD_TYPER       0x0004
#define GICD_IGROUPR     0x0080
#define GICD_ISENABLER   0x0100
#define GICD_ICENABLER   0x0180
#define GICD_ISPENDR     0x0200
#define GICD_ICPENDR     0x0280
#define GICD_ISACTIVER   0x0300
#define GICD_ICACTIVER   0x0380
#define GICD_IPRIORITYR  0x0400
#define GICD_ICFGR       0x0c00
#define GICD_IROUTER     0x6000
#define GICR_CTLR        0x0000
#define GICR_CTLR_RWP    (1u << 3)
#define GICR_WAKER       0x0014
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_WAKER_CHILD (1u << 2)
#define SPI_COUNT        64
#define SGI_OTHERS       (UINT64_C(1) << 40)

static uint64_t redistributor(void)
{
    return GICR + cpu_index() * GICR_STRIDE;
}

/* Base of the frame with an INTID's registers: both frames have them at the same offsets. */
static uint64_t frame_of(uint32_t intid)
{
    return intid < 32 ? redistributor() + GICR_SGI : GICD;
}

static void settle(void)
{
    barrier();
    while ((mmio_read32(GICD + GICD_CTLR) & GICD_CTLR_RWP) != 0)
        relax();
    while ((mmio_read32(redistributor() + GICR_CTLR) & GICR_CTLR_RWP) != 0)
        relax();
}

static void write_bit(uint32_t intid, uint32_t registers)
{
    mmio_write32(frame_of(intid) + registers + intid / 32 * 4, 1u << intid % 32);
    settle();
}

static bool read_bit(uint32_t intid, uint32_t registers)
{
    return (mmio_read32(frame_of(intid) + registers + intid / 32 * 4) & 1u << intid % 32) != 0;
}

void gic_enable(uint32_t intid, bool on)
{
    write_bit(intid, on ? GICD_ISENABLER : GICD_ICENABLER);
}

void gic_set_pending(uint32_t intid, bool on)
{
    write_bit(intid, on ? GICD_ISPENDR : GICD_ICPENDR);
}

void gic_set_active(uint32_t intid, bool on)
{
    write_bit(intid, on ? GICD_ISACTIVER : GICD_ICACTIVER);
}

bool gic_is_pending(uint32_t intid)
{
    return read_bit(intid, GICD_ISPENDR);
}

bool gic_is_active(uint32_t intid)
{
    return read_bit(intid, GICD_ISACTIVER);
}

void gic_set_priority(uint32_t intid, uint8_t priority)
{
    mmio_write8(frame_of(intid) + GICD_IPRIORITYR + intid, priority);
    settle();
}

void gic_set_edge(uint32_t intid, bool edge)
{
    uint64_t at = frame_of(intid) + GICD_ICFGR + intid / 16 * 4;
    uint32_t bit = 2u << intid % 16 * 2;
    uint32_t value = mmio_read32(at);

    mmio_write32(at, edge ? value | bit : value & ~bit);
    settle();
}

void gic_route(uint32_t intid, uint64_t affinity)
{
    mmio_write64(GICD + GICD_IROUTER + intid * 8, affinity);
    settle();
}

void gic_group_enable(bool on)
{
    mmio_write32(GICD + GICD_CTLR, GICD_CTLR_ARE | (on ? GICD_CTLR_GRP1 : 0));
    settle();
}

void gic_init(void)
{
    mmio_write32(GICD + GICD_CTLR, GICD_CTLR_ARE);
    for (uint32_t intid = 32; intid < 32 + SPI_COUNT; intid += 32) {
        mmio_write32(GICD + GICD_ICENABLER + intid / 8, ~0u);
        mmio_write32(GICD + GICD_ICPENDR + intid / 8, ~0u);
        mmio_write32(GICD + GICD_ICACTIVER + intid / 8, ~0u);
        mmio_write32(GICD + GICD_IGROUPR + intid / 8, ~0u);
    }
    for (uint32_t intid = 32; intid < 32 + SPI_COUNT; intid += 4)
        mmio_write32(GICD + GICD_IPRIORITYR + intid, 0xa0a0a0a0);
    gic_group_enable(true);
}

void gic_cpu_init(void)
{
    uint64_t frame = redistributor() + GICR_SGI;

    mmio_write32(redistributor() + GICR_WAKER, mmio_read32(redistributor() + GICR_WAKER) & ~GICR_WAKER_SLEEP);
    while ((mmio_read32(redistributor() + GICR_WAKER) & GICR_WAKER_CHILD) != 0)
        relax();
    mmio_write32(frame + GICD_ICENABLER, ~0u);
    mmio_write32(frame + GICD_ICPENDR, ~0u);
    mmio_write32(frame + GICD_ICACTIVER, ~0u);
    mmio_write32(frame + GICD_IGROUPR, ~0u);
    for (uint32_t intid = 0; intid < 32; intid += 4)
        mmio_write32(frame + GICD_IPRIORITYR + intid, 0xa0a0a0a0);
    settle();
    WRITE_SYSREG(icc_sre_el1, READ_SYSREG(icc_sre_el1) | 1);
    WRITE_SYSREG(icc_ctlr_el1, 0);
    WRITE_SYSREG(icc_bpr1_el1, 0);
    WRITE_SYSREG(icc_pmr_el1, 0xf8);
    WRITE_SYSREG(icc_igrpen1_el1, 1);
}

void gic_send(uint32_t sgi, uint16_t cpus)
{
    barrier();
    WRITE_SYSREG(icc_sgi1r_el1, (uint64_t)sgi << 24 | cpus);
}

void gic_send_to_others(uint32_t sgi)
{
    barrier();
    WRITE_SYSREG(icc_sgi1r_el1, (uint64_t)sgi << 24 | SGI_OTHERS);
}
