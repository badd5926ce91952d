/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest page walk in every paging mode: addresses, rights, error codes, reserved bits, accessed and dirty
 * bits, and entries that change while they are being marked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86/guest_walk.h"
#include "tests/unit/fake_guest.h"

static struct fake_guest guest;
static struct guest_walk walk;

static enum walk_status translate(uint64_t address, uint32_t access)
{
    walk = (struct guest_walk){
        .mode = &guest.mode, .ops = &fake_ops, .ctx = &guest, .phys_bits = 40, .has_1g_pages = true};
    return guest_walk(&walk, gva(address), access);
}

static void expect_fault(uint64_t address, uint32_t access, uint64_t error_code)
{
    assert_int_equal(translate(address, access), WALK_PAGE_FAULT);
    assert_int_equal(walk.error_code, error_code);
}

static void expect_gpa(uint64_t address, uint32_t access, uint64_t want)
{
    assert_int_equal(translate(address, access), WALK_OK);
    assert_int_equal(walk.gpa.v, want);
}

static void test_paging_off(void **state)
{
    (void)state;
    fake_mode_32(&guest);
    expect_gpa(0x12345678, WALK_WRITE, 0x12345678);
    expect_gpa(0x100000010, WALK_READ, 0x10);
}

static void put32(uint64_t at, uint32_t value)
{
    memcpy(&guest.ram[at], &value, 4);
}

static uint32_t get32(uint64_t at)
{
    uint32_t value;
    memcpy(&value, &guest.ram[at], 4);
    return value;
}

static void setup_32(void)
{
    fake_mode_32(&guest);
    guest.mode.cr0 |= CR0_PG;
    guest.mode.cr3 = 0x10018; /* PWT and PCD bits are no address */
    put32(0x10000 + 4 * 1, 0x11000 | 7);
    put32(0x11000 + 4 * 2, 0x55000 | 7);
    put32(0x11000 + 4 * 3, 0x56000 | 1);
}

static void test_32_bit(void **state)
{
    (void)state;
    setup_32();
    expect_gpa(0x402abc, WALK_READ, 0x55abc);
    assert_int_equal(walk.page_size, 4096);
    assert_int_equal(get32(0x10004), 0x11027);
    assert_int_equal(get32(0x11008), 0x55027);
    expect_gpa(0x402abc, WALK_WRITE | WALK_USER, 0x55abc);
    assert_int_equal(get32(0x11008), 0x55067);
    expect_fault(0x404000, WALK_READ, 0);
    expect_fault(0x800000, WALK_WRITE | WALK_USER, PF_WRITE | PF_USER);
    expect_fault(0x403000, WALK_READ | WALK_USER, PF_PRESENT | PF_USER);
    /* Read-only for the supervisor counts only with CR0.WP; no fetch bit in the error code without NX and
     * SMEP. */
    expect_gpa(0x403000, WALK_WRITE, 0x56000);
    guest.mode.cr0 |= CR0_WP;
    expect_fault(0x403000, WALK_WRITE, PF_PRESENT | PF_WRITE);
    expect_fault(0x404000, WALK_FETCH, 0);
    guest.mode.cr4 |= CR4_SMEP;
    expect_fault(0x404000, WALK_FETCH, PF_FETCH);
    expect_fault(0x402000, WALK_FETCH, PF_FETCH | PF_PRESENT);
}

static void test_32_bit_large(void **state)
{
    (void)state;
    setup_32();
    put32(0x10000 + 4 * 2, 0x00c00000 | 3u << 13 | 0x83); /* PSE-36: bits 32 and 33 */
    put32(0x10000 + 4 * 3, 0x00c00000 | BIT(21) | 0x83);
    put32(0x10000 + 4 * 4, 0x00c00000 | BIT(20) | 0x83);
    /* Without CR4.PSE the bit means nothing: the entry is a table, here one outside RAM. */
    assert_int_equal(translate(0x8abcde, WALK_READ), WALK_BAD_TABLE);
    guest.mode.cr4 |= CR4_PSE;
    expect_gpa(0x8abcde, WALK_WRITE, 0x300cabcde);
    assert_int_equal(walk.page_size, 4 * MIB);
    assert_int_equal(get32(0x10008) & 0x60, 0x60);
    expect_fault(0xc00000, WALK_READ, PF_PRESENT | PF_RESERVED);
    expect_gpa(0x1000000, WALK_READ, 0x8000c00000); /* 40 address bits */
    walk.phys_bits = 36;
    assert_int_equal(guest_walk(&walk, gva(0x1000000), WALK_READ), WALK_PAGE_FAULT);
    assert_int_equal(walk.error_code, PF_PRESENT | PF_RESERVED);
    walk.phys_bits = 32;
    assert_int_equal(guest_walk(&walk, gva(0x800000), WALK_READ), WALK_PAGE_FAULT);
}

static void setup_pae(void)
{
    fake_mode_32(&guest);
    guest.mode.cr0 |= CR0_PG;
    guest.mode.cr4 |= CR4_PAE;
    guest.mode.cr3 = 0x10020; /* 32-byte aligned */
    *fake_entry(&guest, 0x10020, 3) = 0x11000 | PTE_P;
    *fake_entry(&guest, 0x11000, 1) = 0x12000 | 7;
    *fake_entry(&guest, 0x11000, 2) = 0x200000000 | PTE_PS | 7;
    *fake_entry(&guest, 0x12000, 5) = 0x300005000 | 7;
    *fake_entry(&guest, 0x12000, 6) = 0x300006000 | PTE_NX | 7;
}

static void test_pae(void **state)
{
    (void)state;
    setup_pae();
    expect_gpa(0xc0205123, WALK_WRITE | WALK_USER, 0x300005123);
    assert_int_equal(*fake_entry(&guest, 0x10020, 3), 0x11000 | PTE_P); /* no accessed bit up here */
    assert_int_equal(*fake_entry(&guest, 0x11000, 1), 0x12000 | 0x27);
    assert_int_equal(*fake_entry(&guest, 0x12000, 5), 0x300005000 | 0x67);
    expect_gpa(0xc0412345, WALK_READ, 0x200012345);
    assert_int_equal(walk.page_size, 2 * MIB);
    expect_fault(0x00005000, WALK_READ, 0);
    /* NX is a reserved bit until EFER.NXE. */
    expect_fault(0xc0206000, WALK_READ, PF_PRESENT | PF_RESERVED);
    guest.mode.efer |= EFER_NXE;
    expect_gpa(0xc0206000, WALK_READ, 0x300006000);
    expect_fault(0xc0206000, WALK_FETCH, PF_PRESENT | PF_FETCH);
    *fake_entry(&guest, 0x12000, 5) |= BIT(52);
    expect_fault(0xc0205000, WALK_READ, PF_PRESENT | PF_RESERVED);
    *fake_entry(&guest, 0x10020, 3) |= PTE_W;
    expect_fault(0xc0205000, WALK_READ, PF_PRESENT | PF_RESERVED);

    /* PDPTE registers come before memory. */
    setup_pae();
    uint64_t pdptes[4] = {0x11000 | PTE_P, 0, 0, 0};
    walk = (struct guest_walk){.mode = &guest.mode, .ops = &fake_ops, .ctx = &guest, .phys_bits = 40};
    walk.pdptes = pdptes;
    assert_int_equal(guest_walk(&walk, gva(0x00205000), WALK_READ), WALK_OK);
    assert_int_equal(walk.gpa.v, 0x300005000);
    assert_int_equal(guest_walk(&walk, gva(0xc0205000), WALK_READ), WALK_PAGE_FAULT);
}

static void test_four_levels(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    uint64_t high = UINT64_C(0xffff800012345000);
    uint64_t *leaf = fake_map(&guest, high, 0x7000 | PTE_P);
    expect_gpa(high + 0x678, WALK_READ, 0x7678);
    assert_int_equal(*leaf, 0x7000 | PTE_P | PTE_A);
    expect_fault(high, WALK_WRITE, PF_PRESENT | PF_WRITE);
    assert_int_equal(*leaf, 0x7000 | PTE_P | PTE_A); /* no dirty bit for a write that faults */
    expect_fault(high, WALK_READ | WALK_USER, PF_PRESENT | PF_USER);
    *leaf = 0x7000 | PTE_P | PTE_W | PTE_U | PTE_NX;
    expect_gpa(high, WALK_WRITE | WALK_USER, 0x7000);
    assert_true((*leaf & PTE_D) != 0);
    expect_fault(high, WALK_FETCH | WALK_USER, PF_PRESENT | PF_USER | PF_FETCH);
    assert_int_equal(translate(UINT64_C(0x800000000000), WALK_READ), WALK_NON_CANONICAL);
    assert_int_equal(translate(UINT64_C(0xffff7fffffffffff), WALK_READ), WALK_NON_CANONICAL);
    *leaf = 0x7000 | PTE_P | BIT(40);
    expect_fault(high, WALK_READ, PF_PRESENT | PF_RESERVED);
    *leaf = 0x7000 | PTE_P | BIT(52) | BIT(62); /* free for software */
    expect_gpa(high, WALK_READ, 0x7000);
    guest.mode.efer &= ~EFER_NXE;
    *leaf |= PTE_NX;
    expect_fault(high, WALK_READ, PF_PRESENT | PF_RESERVED);
}

/* Rights are what every level grants; NX what any level sets. */
static void test_rights_of_all_levels(void **state)
{
    (void)state;
    for (int level = 0; level < 4; level++) {
        fake_mode_64(&guest);
        (void)fake_map(&guest, 0x40000000, 0x7000 | PTE_P | PTE_W | PTE_U);
        uint64_t table = guest.mode.cr3;
        uint64_t *entry = NULL;
        for (int i = 0; i <= level; i++) {
            entry = fake_entry(&guest, table, UINT64_C(0x40000000) >> (39 - 9 * i) & 511);
            table = *entry & 0xffffffffff000;
        }
        expect_gpa(0x40000000, WALK_WRITE | WALK_USER, 0x7000);
        *entry &= ~PTE_W;
        expect_fault(0x40000000, WALK_WRITE | WALK_USER, PF_PRESENT | PF_WRITE | PF_USER);
        *entry = (*entry | PTE_W) & ~PTE_U;
        expect_fault(0x40000000, WALK_READ | WALK_USER, PF_PRESENT | PF_USER);
        *entry |= PTE_U | PTE_NX;
        expect_fault(0x40000000, WALK_FETCH, PF_PRESENT | PF_FETCH);
        *entry &= ~PTE_NX & ~PTE_P;
        expect_fault(0x40000000, WALK_FETCH, PF_FETCH);
    }
}

static void test_large_pages(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    uint64_t pdpt = *fake_entry(&guest, guest.mode.cr3, 0) & 0xffffffffff000;
    *fake_entry(&guest, pdpt, 5) = 0x140000000 | PTE_PS | 3;
    expect_gpa(0x140000000 + 0x3456789, WALK_WRITE, 0x143456789);
    assert_int_equal(walk.page_size, GIB);
    walk.has_1g_pages = false;
    assert_int_equal(guest_walk(&walk, gva(0x140000000), WALK_READ), WALK_PAGE_FAULT);
    assert_int_equal(walk.error_code, PF_PRESENT | PF_RESERVED);
    *fake_entry(&guest, pdpt, 5) = 0x140000000 | BIT(13) | PTE_PS | 3;
    expect_fault(0x140000000, WALK_READ, PF_PRESENT | PF_RESERVED);

    uint64_t directory = fake_new_table(&guest);
    *fake_entry(&guest, pdpt, 6) = directory | 7;
    *fake_entry(&guest, directory, 1) = 0x600000 | BIT(12) | PTE_PS | 3; /* bit 12 is PAT */
    expect_gpa(0x180200000 + 0x1fffff, WALK_WRITE, 0x7fffff);
    assert_int_equal(walk.page_size, 2 * MIB);
    *fake_entry(&guest, directory, 1) |= BIT(20);
    expect_fault(0x180200000, WALK_READ, PF_PRESENT | PF_RESERVED);
    *fake_entry(&guest, guest.mode.cr3, 1) = directory | PTE_PS | 3; /* no page is that large */
    expect_fault(BIT(39), WALK_READ, PF_PRESENT | PF_RESERVED);
}

static void test_five_levels(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    guest.mode.cr4 |= CR4_LA57;
    guest.mode.cr3 = fake_new_table(&guest);
    uint64_t high = UINT64_C(0x00f0123456789000);
    (void)fake_map(&guest, high, 0x9000 | PTE_P);
    expect_gpa(high + 5, WALK_READ, 0x9005);
    assert_int_equal(translate(BIT(56), WALK_READ), WALK_NON_CANONICAL);
}

static void test_smap(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    (void)fake_map(&guest, 0x400000, 0x7000 | PTE_P | PTE_W | PTE_U);
    guest.mode.cr4 |= CR4_SMAP;
    expect_fault(0x400000, WALK_READ, PF_PRESENT);
    expect_fault(0x400000, WALK_WRITE, PF_PRESENT | PF_WRITE);
    expect_gpa(0x400000, WALK_WRITE | WALK_AC, 0x7000);
    expect_fault(0x400000, WALK_READ | WALK_AC | WALK_IMPLICIT, PF_PRESENT);
    expect_gpa(0x400000, WALK_WRITE | WALK_USER, 0x7000);
    expect_gpa(0x400000, WALK_FETCH, 0x7000); /* SMEP's business, and it is off */
    guest.mode.cr4 |= CR4_SMEP;
    expect_fault(0x400000, WALK_FETCH, PF_PRESENT | PF_FETCH);
    expect_gpa(0x400000, WALK_FETCH | WALK_USER, 0x7000);
}

static void test_changing_tables(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    uint64_t *leaf = fake_map(&guest, 0x400000, 0x7000 | PTE_P | PTE_W);
    guest.cmpxchg_busy = 2;
    expect_gpa(0x400000, WALK_WRITE, 0x7000);
    assert_true((*leaf & PTE_D) != 0);
    *leaf = 0x7000 | PTE_P | PTE_W;
    guest.cmpxchg_busy = 1000;
    assert_int_equal(translate(0x400000, WALK_READ), WALK_RETRY);
    assert_int_equal(guest.cmpxchg_busy, 1000 - 8);
    guest.cmpxchg_busy = 0;
    expect_gpa(0x400000, WALK_WRITE | WALK_NO_AD, 0x7000);
    assert_int_equal(*leaf & (PTE_A | PTE_D), 0);
}

static void test_bad_tables(void **state)
{
    (void)state;
    fake_mode_64(&guest);
    guest.mode.cr3 = 0x7ffff000;
    assert_int_equal(translate(0x1000, WALK_READ), WALK_BAD_TABLE);
    /* Tables in read-only memory can be walked as long as nothing is to be marked. */
    fake_mode_64(&guest);
    uint64_t *rom = (uint64_t *)(void *)guest.rom;
    rom[0] = 0x5000 | PTE_P | PTE_A;
    rom[1] = 0x6000 | PTE_P;
    uint64_t pdpt = *fake_entry(&guest, guest.mode.cr3, 0) & 0xffffffffff000;
    uint64_t directory = fake_new_table(&guest);
    *fake_entry(&guest, pdpt, 6) = directory | 7;
    *fake_entry(&guest, directory, 0) = FAKE_ROM | 7;
    expect_gpa(0x180000000, WALK_READ, 0x5000);
    assert_int_equal(translate(0x180001000, WALK_READ), WALK_BAD_TABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paging_off),   cmocka_unit_test(test_32_bit),
        cmocka_unit_test(test_32_bit_large), cmocka_unit_test(test_pae),
        cmocka_unit_test(test_four_levels),  cmocka_unit_test(test_rights_of_all_levels),
        cmocka_unit_test(test_large_pages),  cmocka_unit_test(test_five_levels),
        cmocka_unit_test(test_smap),         cmocka_unit_test(test_changing_tables),
        cmocka_unit_test(test_bad_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
