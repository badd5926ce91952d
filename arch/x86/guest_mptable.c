/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MultiProcessor table (declared in guest_acpi.h): what the MADT says, in the words of 1997. Kernels look
 * for the floating pointer on 16-byte boundaries of the BIOS area. Offsets as in the specification's tables.
 */
#include "arch/x86/guest_acpi.h"
#include "arch/x86/guest_map.h"
#include "core/guest_mem.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define CPUS_MOST     64
#define ISA_IRQS      16
#define ISA_BUS       0
#define POINTER_SIZE  16
#define HEADER_SIZE   44
#define TABLE_MOST    2048
#define SPEC_REVISION 4 /* 1.4 */

#define ENTRY_CPU       0 /* 20 bytes, the others 8 */
#define ENTRY_BUS       1
#define ENTRY_IOAPIC    2
#define ENTRY_INTERRUPT 3
#define ENTRY_LOCAL     4

#define CPU_ENABLED      0x1
#define CPU_BOOT         0x2
#define IOAPIC_ENABLED   0x1
#define APIC_VERSION     0x14
#define IOAPIC_VERSION   0x20
#define INT_FIXED        0
#define INT_NMI          1
#define INT_EXTINT       3
#define FLAGS_CONFORM    0x0
#define FLAGS_HIGH_LEVEL 0xd
#define ANY_APIC         0xff
#define CPU_SIGNATURE    0x600 /* family 6: kernels only want it not to be 0 */
#define CPU_FEATURES     0x201 /* FPU, APIC */

struct table {
    uint8_t bytes[TABLE_MOST];
    uint32_t size;
    uint16_t entry_count;
};

static uint8_t checksum(const uint8_t *bytes, uint32_t size)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum += bytes[i];
    return (uint8_t)-sum;
}

static uint8_t *add_entry(struct table *t, uint8_t type, uint32_t size)
{
    uint8_t *entry = t->bytes + t->size;

    t->size += size;
    t->entry_count++;
    entry[0] = type;
    return entry;
}

static void add_cpus(struct table *t, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = add_entry(t, ENTRY_CPU, 20);

        entry[1] = (uint8_t)i;
        entry[2] = APIC_VERSION;
        entry[3] = i == 0 ? CPU_ENABLED | CPU_BOOT : CPU_ENABLED;
        store_le32(entry + 4, CPU_SIGNATURE);
        store_le32(entry + 8, CPU_FEATURES);
    }
}

/* `type`: ENTRY_INTERRUPT (to an IOAPIC's pin) or ENTRY_LOCAL (to a CPU's LINT). */
static void add_interrupt(struct table *t, uint8_t type, uint8_t kind, uint16_t flags, uint8_t irq,
                          uint8_t apic, uint8_t pin)
{
    uint8_t *entry = add_entry(t, type, 8);

    entry[1] = kind;
    store_le16(entry + 2, flags);
    entry[4] = ISA_BUS;
    entry[5] = irq;
    entry[6] = apic;
    entry[7] = pin;
}

static void add_interrupts(struct table *t, uint8_t ioapic_id)
{
    add_interrupt(t, ENTRY_INTERRUPT, INT_EXTINT, FLAGS_CONFORM, 0, ioapic_id, 0);
    for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
        uint16_t flags = irq == GUEST_ACPI_SCI ? FLAGS_HIGH_LEVEL : FLAGS_CONFORM;

        if (irq != GUEST_ACPI_TIMER_GSI) /* 2 is the PIC's cascade */
            add_interrupt(t, ENTRY_INTERRUPT, INT_FIXED, flags, irq, ioapic_id,
                          irq == 0 ? GUEST_ACPI_TIMER_GSI : irq);
    }
    add_interrupt(t, ENTRY_LOCAL, INT_EXTINT, FLAGS_CONFORM, 0, ANY_APIC, 0);
    add_interrupt(t, ENTRY_LOCAL, INT_NMI, FLAGS_CONFORM, 0, ANY_APIC, 1);
}

static void build(struct table *t, const struct guest_acpi_params *p)
{
    uint8_t *entry;

    t->size = HEADER_SIZE;
    add_cpus(t, p->cpu_count);
    entry = add_entry(t, ENTRY_BUS, 8);
    entry[1] = ISA_BUS;
    memcpy(entry + 2, "ISA   ", 6);
    entry = add_entry(t, ENTRY_IOAPIC, 8);
    entry[1] = p->ioapic_id;
    entry[2] = IOAPIC_VERSION;
    entry[3] = IOAPIC_ENABLED;
    store_le32(entry + 4, p->ioapic_address);
    add_interrupts(t, p->ioapic_id);
    memcpy(t->bytes, "PCMP", 4);
    store_le16(t->bytes + 4, (uint16_t)t->size);
    t->bytes[6] = SPEC_REVISION;
    memcpy(t->bytes + 8, "LATCH   LATCHPC     ", 20);
    store_le16(t->bytes + 34, t->entry_count);
    store_le32(t->bytes + 36, p->lapic_address);
    t->bytes[7] = checksum(t->bytes, t->size);
}

int guest_mptable_write(struct vm *vm, const struct guest_acpi_params *params)
{
    uint8_t pointer[POINTER_SIZE] = "_MP_";
    struct table table = {.size = 0};
    int result;

    if (params->cpu_count == 0 || params->cpu_count > CPUS_MOST || params->ioapic_id > 15)
        return E_RANGE;
    build(&table, params);
    store_le32(pointer + 4, (uint32_t)GUEST_BIOS_START + POINTER_SIZE);
    pointer[8] = POINTER_SIZE / 16;
    pointer[9] = SPEC_REVISION;
    pointer[10] = checksum(pointer, sizeof(pointer));
    result = guest_write(vm, gpa(GUEST_BIOS_START), pointer, sizeof(pointer));
    if (result != 0)
        return result;
    return guest_write(vm, gpa(GUEST_BIOS_START + POINTER_SIZE), table.bytes, table.size);
}
