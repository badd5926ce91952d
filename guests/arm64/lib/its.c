/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. GIC architecture specification (GICv3), "Locality-specific Peripheral Interrupts and the
 * ITS". */
#include "guests/arm64/lib/its.h"

#include "guests/arm64/lib/cpu.h"
#include "guests/arm64/lib/guest.h"

#define GICD               UINT64_C(0x08000000)
#define GICD_TYPER         0x0004
#define GICD_TYPER_LPIS    (1u << 17)
#define GICR               UINT64_C(0x080a0000)
#define GICR_STRIDE        UINT64_C(0x20000)
#define GICR_CTLR          0x0000
#define GICR_TYPER         0x0008
#define GICR_PROPBASER     0x0070
#define GICR_PENDBASER     0x0078
#define GICR_PENDBASER_PTZ (UINT64_C(1) << 62)
#define ITS                UINT64_C(0x08080000)
#define GITS_CTLR          0x0000
#define GITS_TYPER         0x0008
#define GITS_TYPER_PTA     (UINT64_C(1) << 19)
#define GITS_CBASER        0x0080
#define GITS_CWRITER       0x0088
#define GITS_CREADR        0x0090
#define GITS_BASER         0x0100
#define GITS_BASERS        8
#define BASER_TYPE(value)  ((value) >> 56 & 7)
#define TYPE_DEVICE        1
#define TYPE_COLLECTION    4
#define VALID              (UINT64_C(1) << 63)
#define ID_BITS            14 /* INTIDs up to 16383 */
#define TABLE_SIZE         65536
#define PAGE_64K           2 /* GITS_BASER.Page_Size */
#define QUEUE_SIZE         4096
#define MESSAGE_RAISE      0x08
#define PROP_ENABLE        1
#define PROP_ALWAYS        2 /* bit 1 reads as one */

static _Alignas(TABLE_SIZE) uint8_t device_table[TABLE_SIZE];
static _Alignas(TABLE_SIZE) uint8_t collection_table[TABLE_SIZE];
static _Alignas(TABLE_SIZE) uint8_t queue[QUEUE_SIZE];
static _Alignas(TABLE_SIZE) uint8_t properties[TABLE_SIZE];
static _Alignas(TABLE_SIZE) uint8_t pending[SMP_MAX][TABLE_SIZE];
static _Alignas(256) uint8_t translations[4096];
static uint32_t write_offset;
static bool queue_taken;
static uint64_t message_device; /* 0: the INT command */

static uint64_t redistributor(uint32_t cpu)
{
    return GICR + cpu * GICR_STRIDE;
}

static uint64_t address_of(const void *memory)
{
    return (uint64_t)(uintptr_t)memory;
}

bool its_present(void)
{
    return (mmio_read32(GICD + GICD_TYPER) & GICD_TYPER_LPIS) != 0;
}

/* RDbase of a collection: the redistributor's address or its processor number, as the ITS wants. */
static uint64_t target_of(uint32_t cpu)
{
    if ((mmio_read64(ITS + GITS_TYPER) & GITS_TYPER_PTA) != 0)
        return redistributor(cpu) & ~UINT64_C(0xffff);
    return (mmio_read64(redistributor(cpu) + GICR_TYPER) >> 8 & 0xffff) << 16;
}

/* Leaves the queue taken. */
static void submit(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    volatile uint64_t *entry;

    while (__atomic_test_and_set(&queue_taken, __ATOMIC_ACQUIRE))
        relax();
    entry = (volatile uint64_t *)(queue + write_offset);
    entry[0] = a;
    entry[1] = b;
    entry[2] = c;
    entry[3] = d;
    write_offset = (write_offset + 32) % QUEUE_SIZE;
    barrier();
    mmio_write64(ITS + GITS_CWRITER, write_offset);
}

static void command4(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    submit(a, b, c, d);
    while ((mmio_read64(ITS + GITS_CREADR) & 0xfffe0) != write_offset)
        relax();
    __atomic_clear(&queue_taken, __ATOMIC_RELEASE);
}

static void command(uint64_t a, uint64_t b, uint64_t c)
{
    command4(a, b, c, 0);
}

static void sync(uint32_t cpu)
{
    command(0x05, 0, target_of(cpu));
}

static void sync_all(void)
{
    sync(0);
    sync(1);
}

void its_configure(uint32_t lpi, uint8_t priority, bool enabled)
{
    volatile uint8_t *entry = properties + (lpi - ITS_LPI);

    *entry = (uint8_t)((priority & 0xfc) | PROP_ALWAYS | (enabled ? PROP_ENABLE : 0));
    barrier();
}

void its_cpu_init(void)
{
    uint64_t frame = redistributor(cpu_index());

    if ((mmio_read32(frame + GICR_CTLR) & 1) != 0)
        return;
    mmio_write64(frame + GICR_PROPBASER, address_of(properties) | (ID_BITS - 1));
    mmio_write64(frame + GICR_PENDBASER, address_of(pending[cpu_index()]) | GICR_PENDBASER_PTZ);
    barrier();
    mmio_write32(frame + GICR_CTLR, 1);
    barrier();
}

void its_init(void)
{
    for (uint32_t i = 0; i < GITS_BASERS; i++) {
        uint64_t at = ITS + GITS_BASER + i * 8;
        uint64_t type = BASER_TYPE(mmio_read64(at));

        if (type == TYPE_DEVICE)
            mmio_write64(at, VALID | address_of(device_table) | (uint64_t)PAGE_64K << 8);
        else if (type == TYPE_COLLECTION)
            mmio_write64(at, VALID | address_of(collection_table) | (uint64_t)PAGE_64K << 8);
    }
    mmio_write64(ITS + GITS_CBASER, VALID | address_of(queue));
    mmio_write64(ITS + GITS_CWRITER, 0);
    mmio_write32(ITS + GITS_CTLR, 1);
    barrier();
    for (uint32_t cpu = 0; cpu < 2; cpu++)
        command(0x09, 0, VALID | target_of(cpu) | cpu);
    command(0x08 | (uint64_t)ITS_DEVICE << 32, 5, VALID | address_of(translations)); /* 6 event bits */
    sync_all();
}

void its_collections(uint32_t count)
{
    for (uint32_t cpu = 2; cpu < count; cpu++)
        command(0x09, 0, VALID | target_of(cpu) | cpu);
}

void its_raw(const uint64_t *words)
{
    command4(words[0], words[1], words[2], words[3]);
}

void its_poke(uint32_t number, uint64_t value)
{
    switch (number % 5) {
    case 0:
        mmio_write64(ITS + GITS_BASER + number / 8 % GITS_BASERS * 8, value);
        break;
    case 1:
        mmio_write64(redistributor(0) + GICR_PROPBASER, value);
        break;
    case 2:
        mmio_write64(redistributor(0) + GICR_PENDBASER, value);
        break;
    case 3:
        mmio_write32(redistributor(0) + GICR_CTLR, (uint32_t)value & 1);
        break;
    default:
        mmio_write64(ITS + GITS_CREADR, value);
        break;
    }
}

static uint64_t head(uint32_t number)
{
    return number | (uint64_t)ITS_DEVICE << 32;
}

void its_mapti(uint32_t event, uint32_t lpi, uint32_t cpu)
{
    command(head(0x0a), event | (uint64_t)lpi << 32, cpu);
    sync_all();
}

void its_movi(uint32_t event, uint32_t cpu)
{
    command(head(0x01), event, cpu);
    sync_all();
}

void its_use_device(uint64_t base)
{
    message_device = base;
}

void its_int(uint32_t event)
{
    if (message_device != 0) {
        mmio_write32(message_device + MESSAGE_RAISE, event);
        return;
    }
    command(head(0x03), event, 0);
    sync_all();
}

void its_int_unseen(uint32_t event)
{
    submit(head(0x03), event, 0, 0);
    __atomic_clear(&queue_taken, __ATOMIC_RELEASE);
}

void its_clear(uint32_t event)
{
    command(head(0x04), event, 0);
    sync_all();
}

void its_discard(uint32_t event)
{
    command(head(0x0f), event, 0);
    sync_all();
}

void its_inv(uint32_t event)
{
    command(head(0x0c), event, 0);
    sync_all();
}

void its_invall(uint32_t cpu)
{
    command(0x0d, 0, cpu);
    sync_all();
}

void its_movall(uint32_t from_cpu, uint32_t to_cpu)
{
    command4(0x0e, 0, target_of(from_cpu), target_of(to_cpu));
    sync_all();
}
