/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables, one at a time through a small buffer: each is finished, summed up and copied out before the
 * next begins. Offsets within a table are those of the specification's tables.
 */
#include "arch/x86/guest_acpi.h"

#include "arch/x86/guest_map.h"
#include "core/guest_mem.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"
#include "vdev/vioapic.h"
#include "vdev/vpm.h"
#include "vdev/vreset.h"
#include "vdev/vrtc.h"

#define CPUS_MOST   64
#define TABLE_MOST  640 /* the MADT of 64 CPUs has 594 */
#define TABLE_ALIGN 64  /* the FACS needs it */
#define HEADER_SIZE 36

/* System description table header (5.2.6). */
#define HEADER_LENGTH   4
#define HEADER_REVISION 8
#define HEADER_CHECKSUM 9
#define HEADER_OEM_ID   10

/* FADT (5.2.9), revision 6.5. */
#define FADT_SIZE           276
#define FADT_REVISION       6
#define FADT_MINOR          5
#define FADT_FIRMWARE_CTRL  36
#define FADT_DSDT           40
#define FADT_SCI_INT        46
#define FADT_PM1A_EVT_BLK   56
#define FADT_PM1A_CNT_BLK   64
#define FADT_PM_TMR_BLK     76
#define FADT_PM1_EVT_LEN    88
#define FADT_PM1_CNT_LEN    89
#define FADT_PM_TMR_LEN     91
#define FADT_P_LVL2_LAT     96
#define FADT_P_LVL3_LAT     98
#define FADT_CENTURY        108
#define FADT_IAPC_BOOT_ARCH 109
#define FADT_FLAGS          112
#define FADT_RESET_REG      116
#define FADT_RESET_VALUE    128
#define FADT_MINOR_VERSION  131
#define FADT_X_FIRMWARE     132
#define FADT_X_DSDT         140
#define FADT_X_PM1A_EVT     148
#define FADT_X_PM1A_CNT     172
#define FADT_X_PM_TMR       208
#define FADT_HYPERVISOR_ID  268

#define FADT_LATENCY_NONE 0xffff /* no C2, no C3 */

/* IAPC_BOOT_ARCH: no 8042, so that drivers do not wait for one; no VGA; no MSI (there is no PCI). */
#define BOOT_LEGACY_DEVICES BIT(0)
#define BOOT_NO_VGA         BIT(2)
#define BOOT_NO_MSI         BIT(3)

#define FLAG_WBINVD     BIT(0)
#define FLAG_PROC_C1    BIT(2)
#define FLAG_SLP_BUTTON BIT(5) /* no fixed sleep button; the power button is a fixed one */
#define FLAG_FIX_RTC    BIT(6) /* no RTC wake status */
#define FLAG_TMR_32     BIT(8)
#define FLAG_RESET_REG  BIT(10)
#define FLAG_HEADLESS   BIT(12)

/* Generic address structure (5.2.3.2). */
#define GAS_IO          1
#define GAS_BYTE_ACCESS 1
#define GAS_WORD_ACCESS 2
#define GAS_LONG_ACCESS 3

/* MADT (5.2.12). */
#define MADT_LAPIC_ADDRESS 36
#define MADT_FLAGS         40
#define MADT_ENTRIES       44
#define MADT_PCAT_COMPAT   BIT(0) /* there is a PIC pair */
#define MADT_LAPIC         0
#define MADT_IOAPIC        1
#define MADT_OVERRIDE      2
#define MADT_LAPIC_NMI     4
#define MADT_CPU_ENABLED   BIT(0)
#define MADT_ANY_CPU       0xff
#define INTI_CONFORMS      0x0
#define INTI_HIGH_LEVEL    0xd /* active high, level triggered */

struct writer {
    struct vm *vm;
    uint64_t next; /* where the next table goes */
    uint8_t table[TABLE_MOST];
    uint32_t size;
    int result; /* first failure */
};

static uint8_t checksum(const uint8_t *bytes, uint32_t size)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum += bytes[i];
    return (uint8_t)-sum;
}

static void begin(struct writer *w, uint32_t size)
{
    memset(w->table, 0, sizeof(w->table));
    w->size = size;
}

static void begin_table(struct writer *w, const char *signature, uint8_t revision, uint32_t size)
{
    begin(w, size);
    memcpy(w->table, signature, 4);
    w->table[HEADER_REVISION] = revision;
    memcpy(w->table + HEADER_OEM_ID, "LATCH LATCHPC \1\0\0\0LTCH\1\0\0\0", 26);
}

/* Room for `size` more bytes at the end of the table being built. */
static uint8_t *extend(struct writer *w, uint32_t size)
{
    uint8_t *at = w->table + w->size;

    w->size += size;
    return at;
}

/* Copies out and returns the address. */
static uint32_t put(struct writer *w)
{
    uint64_t at = w->next;

    if (w->result == 0)
        w->result = guest_write(w->vm, gpa(at), w->table, w->size);
    w->next = align_up(at + w->size, TABLE_ALIGN);
    return (uint32_t)at;
}

static uint32_t put_table(struct writer *w)
{
    store_le32(w->table + HEADER_LENGTH, w->size);
    w->table[HEADER_CHECKSUM] = checksum(w->table, w->size);
    return put(w);
}

/*
 * The whole of the DSDT's code: the one sleep state. `_S5` has four elements, the first being the value for
 * SLP_TYP of PM1a_CNT.
 */
static uint32_t write_dsdt(struct writer *w, uint8_t sleep_type)
{
    const uint8_t code[] = {
        0x08, '\\',       '_',  'S',  '5', '_', /* Name (\_S5, */
        0x12, 0x0a,       0x04,                 /* Package (4), PkgLength 10: this byte and what follows */
        0x0a, sleep_type,                       /* BytePrefix */
        0x0a, sleep_type,                       /* PM1b: there is none */
        0x0a, 0x00,       0x0a, 0x00,           /* reserved */
    };

    begin_table(w, "DSDT", 2, HEADER_SIZE);
    memcpy(extend(w, sizeof(code)), code, sizeof(code));
    return put_table(w);
}

/* No header of the common kind, no checksum (5.2.10). */
static uint32_t write_facs(struct writer *w)
{
    begin(w, 64);
    memcpy(w->table, "FACS", 4);
    store_le32(w->table + HEADER_LENGTH, w->size);
    w->table[32] = 2; /* version */
    return put(w);
}

static void store_io_address(uint8_t *at, uint16_t port, uint32_t bytes, uint8_t access)
{
    at[0] = GAS_IO;
    at[1] = (uint8_t)(8 * bytes);
    at[3] = access;
    store_le64(at + 4, port);
}

/* A register block twice: as a port number of old and as a generic address. */
static void store_block(struct writer *w, uint32_t at, uint32_t x_at, uint32_t length_at, uint16_t port,
                        uint8_t bytes, uint8_t access)
{
    store_le32(w->table + at, port);
    w->table[length_at] = bytes;
    store_io_address(w->table + x_at, port, bytes, access);
}

static uint32_t write_fadt(struct writer *w, const struct guest_acpi_params *p, uint32_t facs, uint32_t dsdt)
{
    uint8_t *t = w->table;

    begin_table(w, "FACP", FADT_REVISION, FADT_SIZE);
    store_le32(t + FADT_FIRMWARE_CTRL, facs);
    store_le32(t + FADT_DSDT, dsdt);
    store_le64(t + FADT_X_FIRMWARE, 0); /* only one of the two may be given (5.2.9) */
    store_le64(t + FADT_X_DSDT, dsdt);
    store_le16(t + FADT_SCI_INT, GUEST_ACPI_SCI);
    store_block(w, FADT_PM1A_EVT_BLK, FADT_X_PM1A_EVT, FADT_PM1_EVT_LEN, p->pm1_event_port, VPM_EVT_LEN,
                GAS_WORD_ACCESS);
    store_block(w, FADT_PM1A_CNT_BLK, FADT_X_PM1A_CNT, FADT_PM1_CNT_LEN, p->pm1_control_port, VPM_CNT_LEN,
                GAS_WORD_ACCESS);
    store_block(w, FADT_PM_TMR_BLK, FADT_X_PM_TMR, FADT_PM_TMR_LEN, p->pm_timer_port, VPM_TMR_LEN,
                GAS_LONG_ACCESS);
    store_le16(t + FADT_P_LVL2_LAT, FADT_LATENCY_NONE);
    store_le16(t + FADT_P_LVL3_LAT, FADT_LATENCY_NONE);
    t[FADT_CENTURY] = p->century_index;
    store_le16(t + FADT_IAPC_BOOT_ARCH, BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_MSI);
    store_le32(t + FADT_FLAGS, FLAG_WBINVD | FLAG_PROC_C1 | FLAG_SLP_BUTTON | FLAG_FIX_RTC | FLAG_TMR_32 |
                                   FLAG_RESET_REG | FLAG_HEADLESS);
    store_io_address(t + FADT_RESET_REG, p->reset_port, 1, GAS_BYTE_ACCESS);
    t[FADT_RESET_VALUE] = p->reset_value;
    t[FADT_MINOR_VERSION] = FADT_MINOR;
    memcpy(t + FADT_HYPERVISOR_ID, "Latch\0\0\0", 8);
    return put_table(w);
}

/* ISA source to GSI where they differ from "same number, edge, high". */
static void add_override(struct writer *w, uint8_t source, uint32_t gsi, uint16_t flags)
{
    uint8_t *entry = extend(w, 10);

    entry[0] = MADT_OVERRIDE;
    entry[1] = 10;
    entry[3] = source;
    store_le32(entry + 4, gsi);
    store_le16(entry + 8, flags);
}

static uint32_t write_madt(struct writer *w, const struct guest_acpi_params *p)
{
    uint8_t *entry;

    begin_table(w, "APIC", 5, MADT_ENTRIES);
    store_le32(w->table + MADT_LAPIC_ADDRESS, p->lapic_address);
    store_le32(w->table + MADT_FLAGS, MADT_PCAT_COMPAT);
    for (uint32_t i = 0; i < p->cpu_count; i++) {
        entry = extend(w, 8);
        entry[0] = MADT_LAPIC;
        entry[1] = 8;
        entry[2] = (uint8_t)i; /* processor UID */
        entry[3] = (uint8_t)i;
        store_le32(entry + 4, MADT_CPU_ENABLED);
    }
    entry = extend(w, 12);
    entry[0] = MADT_IOAPIC;
    entry[1] = 12;
    entry[2] = p->ioapic_id;
    store_le32(entry + 4, p->ioapic_address);
    store_le32(entry + 8, 0); /* its first GSI */
    add_override(w, 0, GUEST_ACPI_TIMER_GSI, INTI_CONFORMS);
    add_override(w, GUEST_ACPI_SCI, GUEST_ACPI_SCI, INTI_HIGH_LEVEL);
    entry = extend(w, 6);
    entry[0] = MADT_LAPIC_NMI;
    entry[1] = 6;
    entry[2] = MADT_ANY_CPU;
    entry[5] = 1; /* LINT1 */
    return put_table(w);
}

/* Root table with entries of 4 or 8 bytes. */
static uint32_t write_root(struct writer *w, const char *signature, unsigned int entry_size, uint32_t fadt,
                           uint32_t madt)
{
    begin_table(w, signature, 1, HEADER_SIZE + 2 * entry_size);
    store_le32(w->table + HEADER_SIZE, fadt);
    store_le32(w->table + HEADER_SIZE + entry_size, madt);
    return put_table(w);
}

/* Root system description pointer (5.2.5.3): two checksums, over the first 20 bytes and over all. */
static int write_rsdp(struct vm *vm, uint32_t rsdt, uint32_t xsdt)
{
    uint8_t rsdp[36] = "RSD PTR \0LATCH \2";

    store_le32(rsdp + 16, rsdt);
    store_le32(rsdp + 20, sizeof(rsdp));
    store_le64(rsdp + 24, xsdt);
    rsdp[8] = checksum(rsdp, 20);
    rsdp[32] = checksum(rsdp, sizeof(rsdp));
    return guest_write(vm, gpa(GUEST_RSDP), rsdp, sizeof(rsdp));
}

int guest_acpi_write(struct vm *vm, const struct guest_acpi_params *params)
{
    struct writer w = {.vm = vm, .next = GUEST_RSDP + TABLE_ALIGN};
    uint32_t dsdt, facs, fadt, madt, rsdt, xsdt;

    if (params->cpu_count == 0 || params->cpu_count > CPUS_MOST || params->sleep_type_s5 > 7)
        return E_RANGE;
    dsdt = write_dsdt(&w, params->sleep_type_s5);
    facs = write_facs(&w);
    fadt = write_fadt(&w, params, facs, dsdt);
    madt = write_madt(&w, params);
    rsdt = write_root(&w, "RSDT", 4, fadt, madt);
    xsdt = write_root(&w, "XSDT", 8, fadt, madt);
    return w.result != 0 ? w.result : write_rsdp(vm, rsdt, xsdt);
}

struct guest_acpi_params guest_acpi_default(uint32_t cpu_count)
{
    return (struct guest_acpi_params){
        .cpu_count = cpu_count,
        .ioapic_id = 0,
        .lapic_address = 0xfee00000,
        .ioapic_address = (uint32_t)VIOAPIC_BASE,
        .pm1_event_port = VPM_PORT + VPM_PM1_STS,
        .pm1_control_port = VPM_PORT + VPM_PM1_CNT,
        .pm_timer_port = VPM_PORT + VPM_PM_TMR,
        .reset_port = VRESET_CONTROL,
        .reset_value = VRESET_CONTROL_VALUE,
        .sleep_type_s5 = VPM_SLP_TYP_S5,
        .century_index = VRTC_CENTURY,
    };
}
