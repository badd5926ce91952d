/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical LPIs: one property table for all CPUs, a pending table for each redistributor, and the test that
 * an LPI arrives. Each CPU writes its own redistributor; a property byte is written by whoever owns the LPI.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/gic/its.h"
#include "arch/arm64/host_irq.h"
#include "arch/arm64/insn.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/mmio.h"

#define WAIT_NS  (NS_PER_SEC / 10)
#define PRIORITY 0xa0 /* as all of the host's */

static uint8_t *properties; /* ITS_LPI_COUNT bytes; constant after its_lpi_init() */

/* CPUs where the test's LPI has arrived; it goes to one at a time. */
static _Atomic uint32_t arrived_count;

int its_lpi_init(void)
{
    properties = its_alloc(ITS_LPI_COUNT, PAGE_SIZE);
    if (properties == NULL)
        return E_NOMEM;
    its_lpi_enable(ITS_TEST_EVENT, true);
    return 0;
}

void its_lpi_enable(uint32_t event, bool enable)
{
    properties[event] = (uint8_t)(PRIORITY | (enable ? LPI_ENABLE : 0));
    its_clean(&properties[event], 1);
}

bool its_take(uint32_t intid)
{
    if (intid != ITS_LPI_FIRST + ITS_TEST_EVENT)
        return false;
    atomic_fetch_add_explicit(&arrived_count, 1, memory_order_relaxed);
    return true;
}

/* Some keep EnableLPIs for good once it has been set, with the tables that the firmware gave. */
static int lpis_off(uint64_t frame)
{
    uint64_t since = time_now_ns();
    uint32_t ctlr = mmio_read32(frame + GICR_CTLR);

    mmio_write32(frame + GICR_CTLR, ctlr & ~(uint32_t)GICR_CTLR_ENABLE_LPIS);
    do {
        ctlr = mmio_read32(frame + GICR_CTLR);
        if ((ctlr & (GICR_CTLR_ENABLE_LPIS | GICR_CTLR_RWP)) == 0)
            return 0;
    } while (time_now_ns() - since < WAIT_NS);
    return E_BUSY;
}

static int tables_init(uint64_t frame)
{
    void *pending = its_alloc(BIT(ITS_ID_BITS) / 8, ITS_TABLE_SIZE);
    uint64_t fixed = field_make(ITS_ID_BITS - 1, GICR_PROPBASER_ID_BITS) | ptr_to_hpa(properties).v;
    int error = pending == NULL ? E_NOMEM : lpis_off(frame);

    if (error != 0)
        return error;
    mmio_write64(frame + GICR_PROPBASER, fixed | its_table_attributes());
    if (field_get(mmio_read64(frame + GICR_PROPBASER), GICR_BASER_SHAREABILITY) == 0) {
        its_not_coherent();
        its_clean(properties, ITS_LPI_COUNT);
        its_clean(pending, BIT(ITS_ID_BITS) / 8);
        mmio_write64(frame + GICR_PROPBASER, fixed | its_table_attributes());
    }
    mmio_write64(frame + GICR_PENDBASER, ptr_to_hpa(pending).v | its_table_attributes() | GICR_PENDBASER_PTZ);
    mmio_write32(frame + GICR_CTLR, mmio_read32(frame + GICR_CTLR) | (uint32_t)GICR_CTLR_ENABLE_LPIS);
    insn_dsb_sy();
    return 0;
}

/* An LPI to oneself. Others that are pending are taken on the way. */
static int test(struct arm64_cpu *cpu)
{
    uint64_t rdbase = cpu->its_rdbase;
    uint32_t before = atomic_load_explicit(&arrived_count, memory_order_relaxed);
    const struct its_command commands[] = {
        its_mapc(cpu->base.id, rdbase),
        its_sync(rdbase),
        its_mapti(ITS_OWN_DEVICE, ITS_TEST_EVENT, ITS_LPI_FIRST + ITS_TEST_EVENT, cpu->base.id),
        its_event(ITS_CMD_INV, ITS_OWN_DEVICE, ITS_TEST_EVENT),
        its_sync(rdbase),
        its_event(ITS_CMD_INT, ITS_OWN_DEVICE, ITS_TEST_EVENT),
        its_sync(rdbase),
    };
    int error = its_run(commands, ARRAY_COUNT(commands));
    uint64_t since = time_now_ns();

    while (error == 0 && atomic_load_explicit(&arrived_count, memory_order_relaxed) == before) {
        host_irq_take(cpu);
        if (time_now_ns() - since > WAIT_NS)
            error = E_TIMEOUT;
    }
    return error;
}

static const char *reason(int error)
{
    switch (error) {
    case E_NOTSUP:
        return "its redistributor has no virtual LPIs";
    case E_BUSY:
        return "the firmware's tables cannot be taken from its redistributor";
    case E_NOMEM:
        return "no memory for tables";
    default:
        return "an LPI sent to it does not arrive";
    }
}

void its_cpu_init(struct arm64_cpu *cpu)
{
    uint64_t typer = mmio_read64(cpu->redistributor + GICR_TYPER);
    int error = E_NOTSUP;

    if (!its_info.works)
        return;
    cpu->its_rdbase = (its_info.typer & GITS_TYPER_PTA) != 0 ? cpu->redistributor / GICV3_FRAME
                                                             : field_get(typer, GICR_TYPER_NUMBER);
    if ((typer & GICR_TYPER_PLPIS) != 0 && (typer & GICR_TYPER_VLPIS) != 0)
        error = tables_init(cpu->redistributor);
    if (error == 0)
        error = test(cpu);
    if (error == 0)
        return;
    its_info.works = false;
    log_warn("CPU %u: %s: guests' LPIs go by list registers", cpu->base.id, reason(error));
}
