/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/x86/guest_acpi, guest_mptable: found, summed and followed as a kernel does; disassembled by iasl. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/x86/guest_acpi.h"
#include "arch/x86/guest_map.h"
#include "core/guest_mem.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/bytes.h"
#include "lib/error.h"

struct cpu *fake_this_cpu;

/* [GUEST_ACPI_START, 1 MiB) */
static uint8_t ram[0x20000] __attribute__((aligned(4096)));
static struct vm vm;

static int setup(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    memset(ram, 0xcc, sizeof(ram));
    return guest_mem_add(&vm.mem, gpa(GUEST_ACPI_START), sizeof(ram), ptr_to_hpa(ram));
}

static const uint8_t *at(uint64_t address)
{
    assert_true(address >= GUEST_ACPI_START && address < GUEST_BIOS_END);
    return ram + (address - GUEST_ACPI_START);
}

static unsigned int sum(const uint8_t *bytes, size_t size)
{
    uint8_t s = 0;

    while (size-- != 0)
        s = (uint8_t)(s + *bytes++);
    return s;
}

static const uint8_t *table(uint64_t address, const char *signature)
{
    const uint8_t *t = at(address);
    uint32_t size = load_le32(t + 4);

    assert_memory_equal(t, signature, 4);
    assert_true(address + size <= GUEST_ACPI_START + GUEST_ACPI_SIZE);
    assert_int_equal(sum(t, size), 0);
    return t;
}

static const uint8_t *root_entry(const char *signature, unsigned int index)
{
    const uint8_t *rsdp = at(GUEST_RSDP);
    bool wide = signature[0] == 'X';
    const uint8_t *root = table(wide ? load_le64(rsdp + 24) : load_le32(rsdp + 16), signature);

    return at(wide ? load_le64(root + 36 + 8 * index) : load_le32(root + 36 + 4 * index));
}

static void write_all(uint32_t cpus)
{
    struct guest_acpi_params params = guest_acpi_default(cpus);

    assert_int_equal(guest_acpi_write(&vm, &params), 0);
    assert_int_equal(guest_mptable_write(&vm, &params), 0);
}

static void test_tables(void **state)
{
    const uint8_t *rsdp = at(GUEST_RSDP), *fadt, *facs;

    (void)state;
    write_all(1);
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    assert_int_equal(rsdp[15], 2);
    fadt = root_entry("XSDT", 0);
    assert_ptr_equal(fadt, root_entry("RSDT", 0));
    assert_ptr_equal(root_entry("XSDT", 1), root_entry("RSDT", 1));
    table((uint64_t)(fadt - ram) + GUEST_ACPI_START, "FACP");
    assert_int_equal(load_le32(fadt + 4), 276);
    assert_int_equal(fadt[8], 6);
    facs = at(load_le32(fadt + 36));
    assert_memory_equal(facs, "FACS", 4);
    assert_true(is_aligned(load_le32(fadt + 36), 64));
    assert_int_equal(load_le32(facs + 4), 64);
    table(load_le32(fadt + 40), "DSDT");
    assert_int_equal(load_le64(fadt + 140), load_le32(fadt + 40));
    assert_int_equal(load_le16(fadt + 46), 9);
    assert_int_equal(load_le32(fadt + 48), 0); /* no SMI command port: always in ACPI mode */
    assert_int_equal(load_le32(fadt + 56), 0x600);
    assert_int_equal(load_le32(fadt + 64), 0x604);
    assert_int_equal(load_le32(fadt + 76), 0x608);
    assert_int_equal(load_le64(fadt + 208 + 4), 0x608);
    assert_int_equal(fadt[208 + 1], 32);
    assert_true(load_le32(fadt + 112) & BIT(8));
    assert_true(load_le32(fadt + 112) & BIT(10));
    assert_int_equal(fadt[116], 1);
    assert_int_equal(load_le64(fadt + 120), 0xcf9);
    assert_int_equal(fadt[128], 6);
}

static void test_madt(void **state)
{
    static const uint32_t counts[] = {1, 2, 64};

    (void)state;
    for (size_t c = 0; c < ARRAY_COUNT(counts); c++) {
        const uint8_t *madt;
        uint32_t cpus = 0, ioapics = 0, overrides = 0, nmis = 0;

        write_all(counts[c]);
        madt = table((uint64_t)(root_entry("XSDT", 1) - ram) + GUEST_ACPI_START, "APIC");
        assert_int_equal(load_le32(madt + 36), 0xfee00000);
        for (uint32_t i = 44; i < load_le32(madt + 4); i += madt[i + 1]) {
            const uint8_t *e = madt + i;

            assert_true(e[1] >= 6);
            if (e[0] == 0) {
                assert_int_equal(e[3], cpus++);
                assert_int_equal(load_le32(e + 4), 1);
            } else if (e[0] == 1) {
                ioapics++;
                assert_int_equal(load_le32(e + 4), 0xfec00000);
            } else if (e[0] == 2) {
                overrides++;
                assert_int_equal(load_le32(e + 4), e[3] == 0 ? 2 : 9);
                assert_int_equal(load_le16(e + 8), e[3] == 0 ? 0 : 0xd);
            } else if (e[0] == 4) {
                nmis++;
                assert_int_equal(e[5], 1);
            } else {
                fail();
            }
        }
        assert_int_equal(cpus, counts[c]);
        assert_int_equal(ioapics, 1);
        assert_int_equal(overrides, 2);
        assert_int_equal(nmis, 1);
    }
}

static void test_mptable(void **state)
{
    static const uint32_t counts[] = {1, 64};
    const uint8_t *pointer = at(GUEST_BIOS_START);

    (void)state;
    for (size_t c = 0; c < ARRAY_COUNT(counts); c++) {
        const uint8_t *t;
        uint32_t position = 44, seen[5] = {0};

        write_all(counts[c]);
        assert_memory_equal(pointer, "_MP_", 4);
        assert_int_equal(sum(pointer, 16), 0);
        t = at(load_le32(pointer + 4));
        assert_memory_equal(t, "PCMP", 4);
        assert_int_equal(sum(t, load_le16(t + 4)), 0);
        for (unsigned int i = 0; i < load_le16(t + 34); i++) {
            const uint8_t *e = t + position;

            assert_true(e[0] <= 4);
            seen[e[0]]++;
            position += e[0] == 0 ? 20 : 8;
            if (e[0] == 3 && e[1] == 0)
                assert_int_equal(e[7], e[5] == 0 ? 2 : e[5]);
        }
        assert_int_equal(position, load_le16(t + 4));
        assert_int_equal(seen[0], counts[c]);
        assert_int_equal(seen[1], 1);
        assert_int_equal(seen[2], 1);
        assert_int_equal(seen[3], 16);
        assert_int_equal(seen[4], 2);
    }
}

static void test_bad_parameters(void **state)
{
    struct guest_acpi_params params = guest_acpi_default(0);

    (void)state;
    assert_int_equal(guest_acpi_write(&vm, &params), E_RANGE);
    assert_int_equal(guest_mptable_write(&vm, &params), E_RANGE);
    params.cpu_count = 65;
    assert_int_equal(guest_acpi_write(&vm, &params), E_RANGE);
    assert_int_equal(guest_mptable_write(&vm, &params), E_RANGE);
    params.cpu_count = 1;
    vm.mem.slot_count = 0;
    assert_int_equal(guest_acpi_write(&vm, &params), E_FAULT);
    assert_int_equal(guest_mptable_write(&vm, &params), E_FAULT);
}

/* Each table through `iasl -d`, which must find nothing to complain about; the DSDT also back through iasl.
 */
static void disassemble(const char *directory, const char *name, const uint8_t *bytes, uint32_t size)
{
    char path[256], command[1024];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s.dat", directory, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(command, sizeof(command),
                   "cd %s && iasl -d %s.dat > %s.log 2>&1 && iasl %s.dsl >> %s.log 2>&1 && "
                   "! grep -iE 'incorrect checksum|invalid|[1-9][0-9]* (errors|warnings)' %s.log %s.dsl",
                   directory, name, name, name, name, name, name);
    assert_int_equal(system(command), 0);
}

static void test_iasl(void **state)
{
    char directory[] = "/tmp/latch-acpi-XXXXXX", command[128];
    const uint8_t *fadt;

    (void)state;
    if (system("command -v iasl > /dev/null") != 0)
        skip();
    write_all(4);
    assert_non_null(mkdtemp(directory));
    fadt = root_entry("XSDT", 0);
    disassemble(directory, "dsdt", at(load_le32(fadt + 40)), load_le32(at(load_le32(fadt + 40)) + 4));
    disassemble(directory, "facp", fadt, load_le32(fadt + 4));
    disassemble(directory, "facs", at(load_le32(fadt + 36)), 64);
    disassemble(directory, "apic", root_entry("XSDT", 1), load_le32(root_entry("XSDT", 1) + 4));
    (void)snprintf(command, sizeof(command), "grep -q '_S5' %s/dsdt.dsl && rm -r %s", directory, directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tables, setup),  cmocka_unit_test_setup(test_madt, setup),
        cmocka_unit_test_setup(test_mptable, setup), cmocka_unit_test_setup(test_bad_parameters, setup),
        cmocka_unit_test_setup(test_iasl, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
