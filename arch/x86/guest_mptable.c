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
#define TABLE_START   (GUEST_BIOS_START + POINTER_SIZE)
#define SPEC_REVISION 4 /* 1.4 */

#define ENTRY_CPU_SIZE  20
#define ENTRY_SIZE      8 /* of all others */
#define ENTRY_CPU       0
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

/* Entries go to the guest one by one; size, count and checksum follow in the header, last. */
struct table {
    struct vm *vm;
    uint32_t size;
    uint32_t sum;
    uint16_t entry_count;
    int result; /* first failure */
};

static uint32_t sum_of(const uint8_t *bytes, uint32_t size)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

static void put(struct table *t, const uint8_t *entry, uint32_t size)
{
    if (t->result == 0)
        t->result = guest_write(t->vm, gpa(TABLE_START + t->size), entry, size);
    t->size += size;
    t->sum += sum_of(entry, size);
    t->entry_count++;
}

static void put_cpus(struct table *t, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t entry[ENTRY_CPU_SIZE] = {ENTRY_CPU, (uint8_t)i, APIC_VERSION,
                                         i == 0 ? CPU_ENABLED | CPU_BOOT : CPU_ENABLED};

        store_le32(entry + 4, CPU_SIGNATURE);
        store_le32(entry + 8, CPU_FEATURES);
        put(t, entry, sizeof(entry));
    }
}

static void put_ioapic(struct table *t, const struct guest_acpi_params *p)
{
    uint8_t entry[ENTRY_SIZE] = {ENTRY_IOAPIC, p->ioapic_id, IOAPIC_VERSION, IOAPIC_ENABLED};

    store_le32(entry + 4, p->ioapic_address);
    put(t, entry, sizeof(entry));
}

/* `type`: ENTRY_INTERRUPT (to an IOAPIC's pin) or ENTRY_LOCAL (to a CPU's LINT). */
static void put_interrupt(struct table *t, uint8_t type, uint8_t kind, uint8_t flags, uint8_t irq,
                          uint8_t apic, uint8_t pin)
{
    const uint8_t entry[ENTRY_SIZE] = {type, kind, flags, 0, ISA_BUS, irq, apic, pin};

    put(t, entry, sizeof(entry));
}

static void put_interrupts(struct table *t, uint8_t ioapic_id)
{
    put_interrupt(t, ENTRY_INTERRUPT, INT_EXTINT, FLAGS_CONFORM, 0, ioapic_id, 0);
    for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
        uint8_t flags = irq == GUEST_ACPI_SCI ? FLAGS_HIGH_LEVEL : FLAGS_CONFORM;

        if (irq != GUEST_ACPI_TIMER_GSI) /* 2 is the PIC's cascade */
            put_interrupt(t, ENTRY_INTERRUPT, INT_FIXED, flags, irq, ioapic_id,
                          irq == 0 ? GUEST_ACPI_TIMER_GSI : irq);
    }
    put_interrupt(t, ENTRY_LOCAL, INT_EXTINT, FLAGS_CONFORM, 0, ANY_APIC, 0);
    put_interrupt(t, ENTRY_LOCAL, INT_NMI, FLAGS_CONFORM, 0, ANY_APIC, 1);
}

static int write_header(const struct table *t, const struct guest_acpi_params *p)
{
    uint8_t header[HEADER_SIZE] = "PCMP";

    store_le16(header + 4, (uint16_t)t->size);
    header[6] = SPEC_REVISION;
    memcpy(header + 8, "LATCH   LATCHPC     ", 20);
    store_le16(header + 34, t->entry_count);
    store_le32(header + 36, p->lapic_address);
    header[7] = (uint8_t) - (t->sum + sum_of(header, sizeof(header)));
    return guest_write(t->vm, gpa(TABLE_START), header, sizeof(header));
}

static int write_pointer(struct vm *vm)
{
    uint8_t pointer[POINTER_SIZE] = "_MP_";

    store_le32(pointer + 4, (uint32_t)TABLE_START);
    pointer[8] = POINTER_SIZE / 16;
    pointer[9] = SPEC_REVISION;
    pointer[10] = (uint8_t)-sum_of(pointer, sizeof(pointer));
    return guest_write(vm, gpa(GUEST_BIOS_START), pointer, sizeof(pointer));
}

int guest_mptable_write(struct vm *vm, const struct guest_acpi_params *params)
{
    static const uint8_t bus[ENTRY_SIZE] = {ENTRY_BUS, ISA_BUS, 'I', 'S', 'A', ' ', ' ', ' '};
    struct table table = {.vm = vm, .size = HEADER_SIZE};
    int result;

    if (params->cpu_count == 0 || params->cpu_count > CPUS_MOST || params->ioapic_id > 15)
        return E_RANGE;
    put_cpus(&table, params->cpu_count);
    put(&table, bus, sizeof(bus));
    put_ioapic(&table, params);
    put_interrupts(&table, params->ioapic_id);
    if (table.result != 0)
        return table.result;
    result = write_header(&table, params);
    return result != 0 ? result : write_pointer(vm);
}
