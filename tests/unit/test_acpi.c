/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers/acpi*.c over tables built in an array that stands for physical memory from 0 on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/acpi.h"
#include "drivers/acpi_table.h"
#include "lib/bytes.h"
#include "lib/error.h"

#define MEMORY_SIZE 0x10000
#define RSDP        0x100
#define XSDT        0x200
#define RSDT        0x400
#define MADT        0x1000
#define FADT        0x2000
#define DSDT        0x3000
#define MCFG        0x4000
#define REGISTERS   0x8000

static uint8_t memory[MEMORY_SIZE];
static struct acpi_info info;

/* A copy of exactly the bytes asked for, so that the sanitizer sees any access beyond. */
static void *copies[4096];
static uint32_t copy_count;

static const void *map(hpa_t at, uint64_t size)
{
    if (at.v >= MEMORY_SIZE || size > MEMORY_SIZE - at.v)
        return NULL;
    assert_true(copy_count < ARRAY_COUNT(copies));
    copies[copy_count] = malloc(size);
    memcpy(copies[copy_count], memory + at.v, size);
    return copies[copy_count++];
}

static const struct acpi_memory_ops ops = {.map = map};

static int parse(uint64_t rsdp)
{
    int error = acpi_parse(&ops, hpa(rsdp), &info);

    while (copy_count > 0)
        free(copies[--copy_count]);
    return error;
}

static void fix_checksum(uint32_t at, uint32_t size, uint32_t checksum_at)
{
    uint8_t sum = 0;

    memory[at + checksum_at] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + memory[at + i]);
    memory[at + checksum_at] = (uint8_t)-sum;
}

static void seal(uint32_t at, const char *signature, uint32_t size)
{
    memcpy(memory + at, signature, 4);
    store_le32(memory + at + 4, size);
    fix_checksum(at, size, 9);
}

static void make_rsdp(uint8_t revision)
{
    memcpy(memory + RSDP, "RSD PTR ", 8);
    memcpy(memory + RSDP + 9, "LATCH!", 6);
    memory[RSDP + 15] = revision;
    store_le32(memory + RSDP + 16, RSDT);
    store_le32(memory + RSDP + 20, 36);
    store_le64(memory + RSDP + 24, XSDT);
    fix_checksum(RSDP, 20, 8);
    fix_checksum(RSDP, 36, 32);
}

static void make_madt(void)
{
    static const uint8_t entries[] = {
        0,  8,  1,    0, 1, 0,    0,    0,                              /* CPU 0 */
        0,  8,  2,    1, 1, 0,    0,    0,                              /* CPU 1 */
        0,  8,  3,    2, 0, 0,    0,    0,                              /* disabled for good */
        0,  8,  4,    3, 2, 0,    0,    0,                              /* may come */
        0,  8,  1,    0, 1, 0,    0,    0,                              /* twice */
        9,  16, 0,    0, 0, 1,    1,    0,    1,   0, 0, 0, 9, 0, 0, 0, /* x2APIC ID 0x101_0000 */
        1,  12, 7,    0, 0, 0,    0xc0, 0xfe, 0,   0, 0, 0,             /* IOAPIC */
        2,  10, 0,    0, 2, 0,    0,    0,    0,   0,                   /* IRQ 0 at GSI 2 */
        2,  10, 0,    9, 9, 0,    0,    0,    0xf, 0,                   /* IRQ 9 low, level */
        4,  6,  0xff, 0, 0, 1,                                          /* LINT1 of all */
        3,  8,  0xf,  0, 5, 0,    0,    0,                              /* NMI at GSI 5 */
        99, 3,  0,                                                      /* unknown */
        0,  4,  5,    5,                                                /* too short */
        5,  12, 0,    0, 0, 0x10, 0xe0, 0xfe, 0,   0, 0, 0,             /* address override */
    };

    store_le32(memory + MADT + 36, 0xfee00000);
    store_le32(memory + MADT + 40, 1);
    memcpy(memory + MADT + 44, entries, sizeof(entries));
    seal(MADT, "APIC", 44 + sizeof(entries));
}

static void make_fadt(uint32_t size)
{
    store_le32(memory + FADT + 40, DSDT);
    store_le16(memory + FADT + 46, 9);
    store_le32(memory + FADT + 48, 0xb2);
    memory[FADT + 52] = 0xf1;
    store_le32(memory + FADT + 64, 0x604);
    store_le32(memory + FADT + 76, 0x608);
    if (size > 129) {
        store_le32(memory + FADT + 112, 1 << 10 | 1 << 8);
        memory[FADT + 116] = ACPI_SPACE_IO;
        memory[FADT + 117] = 8;
        store_le64(memory + FADT + 120, 0xcf9);
        memory[FADT + 128] = 0xf;
    }
    if (size >= 220) {
        memory[FADT + 208] = ACPI_SPACE_MEMORY;
        memory[FADT + 209] = 32;
        store_le64(memory + FADT + 212, REGISTERS);
    }
    seal(FADT, "FACP", size);
}

static void make_dsdt(const uint8_t *aml, uint32_t size)
{
    memcpy(memory + DSDT + 36, aml, size);
    seal(DSDT, "DSDT", 36 + size);
}

static const uint8_t s5_plain[] = {8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 6, 0, 0};

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    make_rsdp(2);
    make_madt();
    make_fadt(244);
    make_dsdt(s5_plain, sizeof(s5_plain));
    store_le64(memory + MCFG + 44, 0xb0000000);
    memory[MCFG + 55] = 255;
    store_le64(memory + MCFG + 60, 0xc0000000);
    memory[MCFG + 70] = 9; /* last bus before the first */
    memory[MCFG + 71] = 8;
    seal(MCFG, "MCFG", 76);
    store_le64(memory + XSDT + 36, MADT);
    store_le64(memory + XSDT + 44, FADT);
    store_le64(memory + XSDT + 52, MCFG);
    seal(XSDT, "XSDT", 60);
    store_le32(memory + RSDT + 36, MADT);
    seal(RSDT, "RSDT", 40);
    return 0;
}

static void test_all(void **state)
{
    (void)state;
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.revision, 2);
    assert_string_equal(info.oem, "LATCH!");
    assert_int_equal(info.table_count, 3);
    assert_int_equal(info.bad_count, 0);
    assert_int_equal(info.cpu_count, 4);
    assert_int_equal(info.cpus[1].apic_id, 1);
    assert_false(info.cpus[2].enabled);
    assert_int_equal(info.cpus[3].apic_id, 0x10100);
    assert_int_equal(info.cpus[3].uid, 9);
    assert_int_equal(info.ioapic_count, 1);
    assert_int_equal(info.ioapics[0].address, 0xfec00000);
    assert_int_equal(info.local_apic, 0xfee01000);
    assert_true(info.has_8259);
    assert_int_equal(acpi_isa_irq(&info, 0).gsi, 2);
    assert_true(acpi_isa_irq(&info, 9).level && acpi_isa_irq(&info, 9).active_low);
    assert_int_equal(acpi_isa_irq(&info, 4).gsi, 4);
    assert_false(acpi_isa_irq(&info, 4).level);
    assert_int_equal(info.nmi_count, 2);
    assert_true(info.nmis[0].all_cpus && info.nmis[0].lint == 1);
    assert_true(info.nmis[1].is_gsi && info.nmis[1].gsi == 5 && info.nmis[1].level);
    assert_true(info.pm1a_control.valid && info.pm1a_control.address == 0x604);
    assert_false(info.pm1b_control.valid);
    assert_int_equal(info.pm_timer.space, ACPI_SPACE_MEMORY);
    assert_int_equal(info.pm_timer.address, REGISTERS);
    assert_true(info.reset.valid && info.reset.address == 0xcf9 && info.reset_value == 0xf);
    assert_true(info.has_s5 && info.s5_type_a == 5 && info.s5_type_b == 6);
    assert_int_equal(info.ecam_count, 1);
    assert_int_equal(info.ecams[0].last_bus, 255);
}

static void test_revision_1(void **state)
{
    (void)state;
    make_rsdp(0);
    make_fadt(116);
    store_le32(memory + RSDT + 40, FADT);
    seal(RSDT, "RSDT", 44);
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.table_count, 2);
    assert_int_equal(info.pm_timer.address, 0x608);
    assert_false(info.reset.valid);
    assert_true(info.has_s5);
}

static void test_root_pointer(void **state)
{
    (void)state;
    assert_int_equal(acpi_find_rsdp(&ops, hpa(0), 0x1000).v, RSDP);
    assert_int_equal(acpi_find_rsdp(&ops, hpa(RSDP + 16), 0x1000).v, 0);
    assert_int_equal(acpi_find_rsdp(&ops, hpa(RSDP), 19).v, 0);
    memory[RSDP + 9] ^= 1;
    assert_int_equal(parse(RSDP), E_NOENT);
    assert_int_equal(parse(0), E_NOENT);
    assert_int_equal(parse(MEMORY_SIZE - 10), E_NOENT);
    assert_int_equal(parse(UINT64_MAX - 4), E_NOENT);
}

static void test_damaged_root(void **state)
{
    (void)state;
    memory[XSDT + 36] ^= 1; /* falls back to the RSDT */
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.table_count, 1);
    memory[RSDT + 36] ^= 1;
    assert_int_equal(parse(RSDP), E_INVAL);
}

static void test_damaged_tables(void **state)
{
    (void)state;
    memory[MADT + 50] ^= 1;                    /* checksum */
    store_le32(memory + FADT + 4, 0xffffffff); /* length */
    store_le64(memory + XSDT + 52, 0x123456789abcdef0);
    seal(XSDT, "XSDT", 60);
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.table_count, 0);
    assert_int_equal(info.bad_count, 3);
    assert_false(info.has_madt || info.has_fadt);
}

/* Every table cut at every length, with a right checksum. */
static void test_cut_everywhere(void **state)
{
    static const struct {
        uint32_t at;
        const char *signature;
        uint32_t size;
    } tables[] = {
        {MADT, "APIC", 200}, {FADT, "FACP", 260}, {DSDT, "DSDT", 60}, {MCFG, "MCFG", 80}, {XSDT, "XSDT", 64}};

    for (uint32_t t = 0; t < ARRAY_COUNT(tables); t++)
        for (uint32_t size = 0; size <= tables[t].size; size++) {
            setup(state);
            seal(tables[t].at, tables[t].signature, size);
            (void)parse(RSDP);
        }
}

static void test_madt_lengths(void **state)
{
    (void)state;
    memory[MADT + 44 + 9] = 0; /* the second entry has no length: the walk ends */
    seal(MADT, "APIC", load_le32(memory + MADT + 4));
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.cpu_count, 1);
    memory[MADT + 44 + 1] = 250; /* reaches beyond the table */
    seal(MADT, "APIC", load_le32(memory + MADT + 4));
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.cpu_count, 0);
}

static void test_many_cpus(void **state)
{
    uint32_t size = 44;

    (void)state;
    for (uint32_t i = 0; i < 300; i++, size += 16) {
        uint8_t *entry = memory + 0x9000 + size;

        entry[0] = 9;
        entry[1] = 16;
        store_le32(entry + 4, i * 2);
        store_le32(entry + 8, 1);
    }
    seal(0x9000, "APIC", size);
    store_le64(memory + XSDT + 36, 0x9000);
    seal(XSDT, "XSDT", 60);
    assert_int_equal(parse(RSDP), 0);
    assert_int_equal(info.cpu_count, ACPI_MAX_CPUS);
    assert_int_equal(info.cpus_cut, 300 - ACPI_MAX_CPUS);
}

/* A table of `count` CPUs, each listed both ways where its ID allows. */
static void many_cpus_twice(uint32_t count)
{
    uint32_t size = 44;

    for (uint32_t i = 0; i < count; i++, size += 16) {
        uint8_t *entry = memory + 0x9000 + size;

        memset(entry, 0, 16);
        entry[0] = 9;
        entry[1] = 16;
        store_le32(entry + 4, i);
        store_le32(entry + 8, 1);
        store_le32(entry + 12, i + 1000);
    }
    for (uint32_t i = 0; i < count && i < 255; i++, size += 8) {
        uint8_t *entry = memory + 0x9000 + size;

        memset(entry, 0, 8);
        entry[1] = 8;
        entry[2] = entry[3] = (uint8_t)i;
        store_le32(entry + 4, 1);
    }
    seal(0x9000, "APIC", size);
    store_le64(memory + XSDT + 36, 0x9000);
    seal(XSDT, "XSDT", 60);
    assert_int_equal(parse(RSDP), 0);
}

static void test_as_many_cpus_as_there_may_be(void **state)
{
    (void)state;
    many_cpus_twice(ACPI_MAX_CPUS);
    assert_int_equal(info.cpu_count, ACPI_MAX_CPUS);
    assert_int_equal(info.cpus_cut, 0);
    assert_int_equal(info.cpus[255].apic_id, 255); /* as 8 bits it would be everybody */
    assert_int_equal(info.cpus[255].uid, 1255);
    assert_true(info.cpus[255].enabled);
    many_cpus_twice(ACPI_MAX_CPUS + 1);
    assert_int_equal(info.cpu_count, ACPI_MAX_CPUS);
    assert_int_equal(info.cpus_cut, 1);
}

static void test_x2apic_ids(void **state)
{
    static const struct {
        uint32_t id, flags;
        bool taken;
    } entries[] = {{254, 1, true}, {255, 1, true},         {256, 1, true},        {0x12345678, 1, true},
                   {7, 0, false},  {0xffffffff, 1, false}, {0xfffffffe, 1, true}, {8, 2, true}};
    uint32_t size = 44, count = 0;

    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(entries); i++, size += 16) {
        uint8_t *entry = memory + 0x9000 + size;

        entry[0] = 9;
        entry[1] = 16;
        store_le32(entry + 4, entries[i].id);
        store_le32(entry + 8, entries[i].flags);
    }
    seal(0x9000, "APIC", size);
    store_le64(memory + XSDT + 36, 0x9000);
    seal(XSDT, "XSDT", 60);
    assert_int_equal(parse(RSDP), 0);
    for (uint32_t i = 0; i < ARRAY_COUNT(entries); i++) {
        if (!entries[i].taken)
            continue;
        assert_int_equal(info.cpus[count].apic_id, entries[i].id);
        assert_int_equal(info.cpus[count].enabled, entries[i].flags & 1);
        count++;
    }
    assert_int_equal(info.cpu_count, count);
}

static void test_wild_registers(void **state)
{
    (void)state;
    memory[FADT + 116] = ACPI_SPACE_PCI;
    store_le64(memory + FADT + 212, 0xfffffffffffffff0); /* not mapped: the 32-bit field counts */
    store_le32(memory + FADT + 64, 0x12345678);          /* no port */
    seal(FADT, "FACP", 244);
    assert_int_equal(parse(RSDP), 0);
    assert_false(info.reset.valid);
    assert_false(info.pm1a_control.valid);
    assert_int_equal(info.pm_timer.space, ACPI_SPACE_IO);
}

static void test_s5_forms(void **state)
{
    static const struct {
        uint8_t aml[16];
        uint32_t size;
        bool found;
        uint8_t a, b;
    } forms[] = {
        {{8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0}, 12, true, 0, 0},
        {{8, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 1, 1, 0, 0}, 13, true, 1, 1},
        {{8, '_', 'S', '5', '_', 0x12, 0x40, 1, 2, 0x0a, 7, 0x0b, 3, 0}, 14, true, 7, 3},
        {{8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 7}, 10, true, 7, 7},
        {{8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 8}, 10, false, 0, 0}, /* no such sleep type */
        {{8, '_', 'S', '5', '_', 0x12, 4, 2, 0x0a, 7}, 10, false, 0, 0}, /* ends too early */
        {{8, '_', 'S', '5', '_', 0x12, 0xc0, 1}, 8, false, 0, 0},
        {{9, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 7}, 10, false, 0, 0}, /* not a name */
        {{8, '_', 'S', '5', '_', 0x13, 4, 1, 0x0a, 7}, 10, false, 0, 0}, /* not a package */
        {{8, '_', 'S', '5', '_'}, 5, false, 0, 0},
    };

    for (uint32_t i = 0; i < ARRAY_COUNT(forms); i++) {
        setup(state);
        make_dsdt((const uint8_t[4]){0xa3, 0xa3, 0xa3, 0xa3}, 4); /* the forms' own bytes come behind */
        memcpy(memory + DSDT + 40, forms[i].aml, sizeof(forms[i].aml));
        seal(DSDT, "DSDT", 40 + forms[i].size);
        assert_int_equal(parse(RSDP), 0);
        assert_int_equal(info.has_s5, forms[i].found);
        if (forms[i].found) {
            assert_int_equal(info.s5_type_a, forms[i].a);
            assert_int_equal(info.s5_type_b, forms[i].b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all, setup),
        cmocka_unit_test_setup(test_revision_1, setup),
        cmocka_unit_test_setup(test_root_pointer, setup),
        cmocka_unit_test_setup(test_damaged_root, setup),
        cmocka_unit_test_setup(test_damaged_tables, setup),
        cmocka_unit_test_setup(test_cut_everywhere, setup),
        cmocka_unit_test_setup(test_madt_lengths, setup),
        cmocka_unit_test_setup(test_many_cpus, setup),
        cmocka_unit_test_setup(test_as_many_cpus_as_there_may_be, setup),
        cmocka_unit_test_setup(test_x2apic_ids, setup),
        cmocka_unit_test_setup(test_as_many_cpus_as_there_may_be, setup),
        cmocka_unit_test_setup(test_x2apic_ids, setup),
        cmocka_unit_test_setup(test_wild_registers, setup),
        cmocka_unit_test_setup(test_s5_forms, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
