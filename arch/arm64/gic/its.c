/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ITS's registers, tables and command queue. Written at boot by the boot CPU; afterwards only the queue
 * is, under its lock. Every wait is bounded: an ITS that stops answering is reported once and not used any
 * more.
 */
#include "arch/arm64/gic/its.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/host_map.h"
#include "arch/arm64/insn.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/spinlock.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/mmio.h"
#include "lib/string.h"

#define WAIT_NS     (NS_PER_SEC / 10)
#define QUEUE_PAGES 16
#define QUEUE_SIZE  (QUEUE_PAGES * PAGE_SIZE)
#define VPE_WANTED  1024
#define TABLE_COUNT 8
#define OWN_BITS    11 /* events of our own device */

_Static_assert(BIT(OWN_BITS) > VPE_WANTED, "a doorbell for each vPE");

struct its_info its_info;

static struct {
    uint64_t base;
    bool coherent; /* the GIC looks into caches: nothing to clean */
    struct spinlock lock;
    /* Protected by it. */
    uint8_t *queue; /* NULL: there is none to use */
    uint64_t write; /* GITS_CWRITER */
    bool failed;
} its = {.coherent = true, .lock = {.rank = LOCK_ITS}};

static uint64_t its_read(uint64_t reg)
{
    return mmio_read64(its.base + reg);
}

static void its_write(uint64_t reg, uint64_t value)
{
    mmio_write64(its.base + reg, value);
}

/* --- Memory ------------------------------------------------------------------------------------------------
 */

void its_clean(const void *memory, uint64_t size)
{
    uint64_t line = UINT64_C(4) << field_get(SYSREG_READ(ctr_el0), CTR_DMINLINE);
    uint64_t at = ptr_to_hpa(memory).v;

    if (!its.coherent)
        for (uint64_t end = at + size; at < end; at = align_down(at, line) + line)
            insn_dc_civac(at);
    insn_dsb_sy();
}

void *its_alloc(uint64_t size, uint64_t align)
{
    hpa_t at;

    if (pmem_alloc(align_up(size, PAGE_SIZE) / PAGE_SIZE, max_u64(align, PAGE_SIZE), &at) != 0)
        return NULL;
    its_clean(hpa_to_ptr(at), size);
    return hpa_to_ptr(at);
}

uint64_t its_table_attributes(void)
{
    if (!its.coherent)
        return field_make(GIC_CACHE_NONE, GICR_BASER_INNER_CACHE);
    return field_make(GIC_CACHE_WRITE_BACK, GICR_BASER_INNER_CACHE) |
           field_make(GIC_SHAREABLE_INNER, GICR_BASER_SHAREABILITY);
}

void its_not_coherent(void)
{
    its.coherent = false;
}

static uint64_t attributes(void)
{
    if (!its.coherent)
        return field_make(GIC_CACHE_NONE, GITS_INNER_CACHE);
    return field_make(GIC_CACHE_WRITE_BACK, GITS_INNER_CACHE) |
           field_make(GIC_SHAREABLE_INNER, GITS_SHAREABILITY);
}

/* --- Tables ------------------------------------------------------------------------------------------------
 */

static uint64_t entries_wanted(uint64_t type)
{
    switch (type) {
    case GITS_BASER_DEVICES:
        return ITS_DEVICE_COUNT;
    case GITS_BASER_VPES:
        return VPE_WANTED;
    case GITS_BASER_COLLECTIONS:
        return MAX_CPUS;
    default:
        return 0;
    }
}

/* GITS_BASER.Page_Size with the smallest pages that the register takes: some know one size only. */
static uint64_t page_size_code(uint64_t reg)
{
    for (uint64_t code = 0; code < 2; code++) {
        its_write(reg, field_make(code, GITS_BASER_PAGE_SIZE));
        if (field_get(its_read(reg), GITS_BASER_PAGE_SIZE) == code)
            return code;
    }
    return 2;
}

/* Flat, since the numbers that we give out begin at 0. */
static int table_init(uint64_t reg)
{
    uint64_t fixed = its_read(reg);
    uint64_t type = field_get(fixed, GITS_BASER_TYPE);
    uint64_t entry_size = field_get(fixed, GITS_BASER_ENTRY_SIZE) + 1;
    uint64_t code, page_size;
    uint32_t pages;
    void *table;

    if (entries_wanted(type) == 0)
        return 0;
    code = page_size_code(reg);
    page_size = UINT64_C(0x1000) << 2 * code;
    pages = its_table_pages(entries_wanted(type), entry_size, page_size);
    table = its_alloc(pages * page_size, page_size);
    if (table == NULL)
        return E_NOMEM;
    its_write(reg, GITS_BASER_VALID | attributes() | (ptr_to_hpa(table).v & GITS_BASER_ADDRESS) |
                       field_make(code, GITS_BASER_PAGE_SIZE) | field_make(pages - 1, GITS_BASER_PAGES));
    if (type == GITS_BASER_VPES)
        its_info.vpe_count = (uint32_t)min_u64(its_table_entries(pages, entry_size, page_size), VPE_WANTED);
    return 0;
}

/* --- Command queue -----------------------------------------------------------------------------------------
 */

static uint64_t room(void)
{
    uint64_t read = its_read(GITS_CREADR) & GITS_QUEUE_OFFSET;

    return (read + QUEUE_SIZE - its.write - ITS_COMMAND_SIZE) % QUEUE_SIZE;
}

/* Until so many bytes of the queue are free. False: it does not answer, or a command has stopped it. */
static bool wait_for_room(uint64_t bytes)
{
    uint64_t since = time_now_ns();

    while (room() < bytes)
        if ((its_read(GITS_CREADR) & GITS_CREADR_STALLED) != 0 || time_now_ns() - since > WAIT_NS)
            return false;
    return true;
}

static bool put(const struct its_command *command)
{
    uint8_t *at = its.queue + its.write;

    if (!wait_for_room(ITS_COMMAND_SIZE))
        return false;
    memcpy(at, command, ITS_COMMAND_SIZE);
    its_clean(at, ITS_COMMAND_SIZE);
    its.write = (its.write + ITS_COMMAND_SIZE) % QUEUE_SIZE;
    return true;
}

static int submit(const struct its_command *commands, uint32_t count, bool wait)
{
    bool failed_before, failed;

    spin_lock(&its.lock);
    failed_before = its.failed || its.queue == NULL;
    failed = failed_before;
    for (uint32_t i = 0; i < count && !failed; i++)
        failed = !put(&commands[i]);
    if (!failed) {
        its_write(GITS_CWRITER, its.write);
        failed = wait && !wait_for_room(QUEUE_SIZE - ITS_COMMAND_SIZE);
    }
    its.failed = failed;
    spin_unlock(&its.lock);
    if (failed && !failed_before)
        log_error("the ITS at %lx does not answer any more: guests' LPIs go by list registers", its.base);
    return failed ? E_TIMEOUT : 0;
}

int its_run(const struct its_command *commands, uint32_t count)
{
    return submit(commands, count, true);
}

int its_post(const struct its_command *commands, uint32_t count)
{
    return submit(commands, count, false);
}

/* --- Beginning ---------------------------------------------------------------------------------------------
 */

/* Off, whatever the firmware left. */
static int turn_off(void)
{
    uint64_t since = time_now_ns();

    mmio_write32(its.base + GITS_CTLR, mmio_read32(its.base + GITS_CTLR) & ~(uint32_t)GITS_CTLR_ENABLED);
    while ((mmio_read32(its.base + GITS_CTLR) & GITS_CTLR_QUIESCENT) == 0)
        if (time_now_ns() - since > WAIT_NS)
            return E_TIMEOUT;
    return 0;
}

static int queue_init(void)
{
    uint64_t value = GITS_CBASER_VALID | attributes() | field_make(QUEUE_PAGES - 1, GITS_CBASER_PAGES);

    its.queue = its_alloc(QUEUE_SIZE, ITS_TABLE_SIZE);
    if (its.queue == NULL)
        return E_NOMEM;
    value |= ptr_to_hpa(its.queue).v & GITS_CBASER_ADDRESS;
    its_write(GITS_CBASER, value);
    if (its.coherent && field_get(its_read(GITS_CBASER), GITS_SHAREABILITY) == 0) {
        /* It does not look into caches: the same again without them, and everything else cleaned. */
        its.coherent = false;
        its_clean(its.queue, QUEUE_SIZE);
        its_write(GITS_CBASER, (value & ~(GITS_SHAREABILITY | GITS_INNER_CACHE)) | attributes());
    }
    its_write(GITS_CWRITER, 0);
    return 0;
}

/* Memory for the events of our own device. */
static int own_device_init(void)
{
    uint64_t entry_size = field_get(its_info.typer, GITS_TYPER_ITT_SIZE) + 1;
    void *itt = its_alloc(entry_size << OWN_BITS, ITS_TABLE_SIZE);
    struct its_command command;

    if (itt == NULL)
        return E_NOMEM;
    command = its_mapd(ITS_OWN_DEVICE, OWN_BITS, ptr_to_hpa(itt).v);
    return its_run(&command, 1);
}

static int start(void)
{
    int error = turn_off();

    if (error == 0)
        error = queue_init();
    for (uint64_t i = 0; i < TABLE_COUNT && error == 0; i++)
        error = table_init(GITS_BASER + 8 * i);
    if (error != 0)
        return error;
    mmio_write32(its.base + GITS_CTLR, mmio_read32(its.base + GITS_CTLR) | (uint32_t)GITS_CTLR_ENABLED);
    return own_device_init();
}

/* NULL, or what speaks against it. */
static const char *unfit(uint64_t size)
{
    if (!gicv3_info.has_vlpis)
        return "the GIC is a GICv3";
    if (gicv3_info.has_rvpeid)
        return "the GIC is a GICv4.1, which Latch does not know";
    if (size == 0)
        return "the device tree describes no ITS";
    return NULL;
}

const char *its_init(uint64_t base, uint64_t size)
{
    const char *problem = unfit(size);

    if (problem != NULL)
        return problem;
    if (host_map_device(base, size) != 0)
        return "the ITS's registers cannot be mapped";
    its.base = base;
    its_info.typer = its_read(GITS_TYPER);
    if ((its_info.typer & (GITS_TYPER_PHYSICAL | GITS_TYPER_VIRTUAL)) !=
        (GITS_TYPER_PHYSICAL | GITS_TYPER_VIRTUAL))
        return "the ITS has no virtual LPIs";
    if (start() != 0 || its_lpi_init() != 0) {
        its.queue = NULL;
        return "the ITS does not work, or there is no memory for its tables";
    }
    its_info.works = its_info.vpe_count != 0;
    return its_info.works ? NULL : "the ITS takes no table of virtual PEs";
}

uint32_t its_list(void)
{
    return (uint32_t)BIT(field_get(mmio_read32(its.base + GITS_CTLR), GITS_CTLR_NUMBER));
}
