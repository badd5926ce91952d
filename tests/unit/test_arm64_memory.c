/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/arm64: stage 2 tables, where a guest's images go, and walks of a guest's own tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/guest_dtb.h"
#include "arch/arm64/guest_load.h"
#include "arch/arm64/guest_map.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/guest_walk.h"
#include "arch/arm64/stage2.h"
#include "core/arch.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/bytes.h"
#include "lib/error.h"

#define PAGES 64

static _Alignas(2 * 4096) uint8_t pages[PAGES][4096];
static uint32_t pages_used, pages_limit;
static char said[200];
static _Alignas(4096) uint8_t ram[16 * 4096]; /* of the walked guest, from GUEST_RAM_BASE on */

struct cpu *fake_this_cpu;

void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
}

int pmem_alloc(uint64_t count, uint64_t align, hpa_t *out)
{
    if (pages_used % (align / PAGE_SIZE) != 0)
        pages_used++;
    if (pages_used + count > pages_limit)
        return E_NOMEM;
    *out = ptr_to_hpa(pages[pages_used]);
    pages_used += (uint32_t)count;
    return 0;
}

void *page_alloc(void)
{
    hpa_t page;

    return pmem_alloc(1, PAGE_SIZE, &page) == 0 ? hpa_to_ptr(page) : NULL;
}

int guest_read(struct vm *vm, gpa_t from, void *to, size_t size)
{
    (void)vm;
    if (from.v < GUEST_RAM_BASE || from.v - GUEST_RAM_BASE > sizeof(ram) - size)
        return E_FAULT;
    memcpy(to, ram + (from.v - GUEST_RAM_BASE), size);
    return 0;
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t size)
{
    (void)vm;
    (void)to;
    (void)from;
    (void)size;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(pages, 0, sizeof(pages));
    memset(ram, 0, sizeof(ram));
    pages_used = 0;
    pages_limit = PAGES;
    said[0] = '\0';
    return 0;
}

/* ID_AA64MMFR0_EL1 of CPUs and of ones that cannot do it. */
static void test_format(void **state)
{
    struct stage2_format format;

    (void)state;
    assert_int_equal(stage2_choose(0x1124, 0, &format), 0); /* Cortex-A57: 44 bits */
    assert_int_equal(format.ipa_bits, 40);
    assert_int_equal(format.vtcr, 0x80043558);
    assert_int_equal(stage2_choose(0x1121, 0, &format), 0); /* 36 bits */
    assert_int_equal(format.ipa_bits, 36);
    assert_int_equal(format.vtcr & 0x7003f, 0x1001c);
    assert_int_equal(stage2_choose(0x1126, 0, &format),
                     0); /* 52 bits: as 48, which is what 4 KiB pages reach */
    assert_int_equal(format.vtcr & 0x70000, 0x50000);
    assert_int_equal(stage2_choose(0xf0001124, 0, &format), E_NOTSUP);    /* no 4 KiB granule */
    assert_int_equal(stage2_choose(0x10000001124, 0, &format), E_NOTSUP); /* not in stage 2 */
    assert_int_equal(stage2_choose(0x200f0001124, 0, &format), 0);        /* in stage 2 only */
    assert_int_equal(stage2_choose(0x1120, 0, &format), E_NOTSUP);        /* 32 bits */
}

static void expect_leaf(hpa_t root, uint64_t at, uint32_t level, uint64_t host)
{
    uint32_t found = 0;
    uint64_t leaf = stage2_lookup(root, gpa(at), &found);

    assert_int_equal(found, level);
    /* Normal write-back, read and write, inner shareable, accessed; a page has bit 1 too. */
    assert_int_equal(leaf, host | (level == 3 ? 0x7ff : 0x7fd));
}

static void test_largest_leaves(void **state)
{
    struct guest_mem mem = {
        .slot_count = 2,
        .slots = {{gpa(GUEST_RAM_BASE), GIB + 4 * MIB + PAGE_SIZE, hpa(0x100000000)},
                  {gpa(0x8000000000), 2 * MIB, hpa(0x200001000)}},
    };
    uint32_t level;
    hpa_t root;

    (void)state;
    assert_int_equal(stage2_create(&mem, &root), 0);
    assert_true(is_aligned(root.v, 2 * PAGE_SIZE));
    expect_leaf(root, 0x40000000, 1, 0x100000000);
    expect_leaf(root, 0x7fffffff, 1, 0x100000000);
    expect_leaf(root, 0x80000000, 2, 0x140000000);
    expect_leaf(root, 0x80200000, 2, 0x140200000);
    expect_leaf(root, 0x80400000, 3, 0x140400000);
    /* Second half of the root; alignments differ, so pages only. */
    expect_leaf(root, 0x8000000000, 3, 0x200001000);
    expect_leaf(root, 0x80001ff000, 3, 0x200200000);
    assert_int_equal(stage2_lookup(root, gpa(0), &level), 0);
    assert_int_equal(stage2_lookup(root, gpa(0x3ffff000), &level), 0);
    assert_int_equal(stage2_lookup(root, gpa(0x80401000), &level), 0);
    assert_int_equal(stage2_lookup(root, gpa(0x8000200000), &level), 0);
    assert_int_equal(stage2_lookup(root, gpa(UINT64_C(1) << 40), &level), 0);
}

/* ID_AA64MMFR1_EL1. The access flag alone is not made use of. */
static void test_notes_offered(void **state)
{
    struct stage2_format format;

    (void)state;
    for (uint64_t hafdbs = 0; hafdbs < 4; hafdbs++) {
        assert_int_equal(stage2_choose(0x1124, 0x10212120 | hafdbs, &format), 0);
        assert_int_equal(format.notes, hafdbs >= 2);
        assert_int_equal(format.vtcr, hafdbs >= 2 ? 0x80643558 : 0x80043558);
    }
}

/* What hardware does at an access, by the manual's rules for VTCR_EL2.HA and HD. */
static void access_page(hpa_t root, uint64_t at, bool write)
{
    uint64_t *table = hpa_to_ptr(root);
    uint64_t *leaf = &table[at / GIB];

    if ((*leaf & 2) != 0) {
        leaf = (uint64_t *)hpa_to_ptr(hpa(*leaf & 0xfffffffff000)) + at / (2 * MIB) % 512;
        if ((*leaf & 2) != 0)
            leaf = (uint64_t *)hpa_to_ptr(hpa(*leaf & 0xfffffffff000)) + at / PAGE_SIZE % 512;
    }
    *leaf |= 1 << 10;
    if (write) {
        assert_true((*leaf & (1 << 7)) != 0 || (*leaf & BIT(51)) != 0); /* else it would be a fault */
        *leaf |= 1 << 7;
    }
}

static void expect_look(hpa_t root, uint64_t at, uint32_t marks, uint64_t size)
{
    uint64_t found;

    assert_int_equal(stage2_look(root, gpa(at), &found), marks);
    assert_int_equal(found, size);
}

/* First all counts as written; then what hardware has set since, of pages of every size. */
static void test_look(void **state)
{
    const uint32_t written = NESTED_TOUCHED | NESTED_WRITTEN;
    struct guest_mem mem = {
        .slot_count = 1,
        .slots = {{gpa(GUEST_RAM_BASE), GIB + 2 * MIB + 2 * PAGE_SIZE, hpa(0x100000000)}},
    };
    const uint64_t places[] = {0x40000000, 0x80000000, 0x80200000, 0x80201000};
    const uint64_t sizes[] = {GIB, 2 * MIB, PAGE_SIZE, PAGE_SIZE};
    uint32_t level;
    hpa_t root;

    (void)state;
    assert_int_equal(stage2_create(&mem, &root), 0);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t before = stage2_lookup(root, gpa(places[i]), &level);

        expect_look(root, places[i], written, sizes[i]);
        expect_look(root, places[i], 0, sizes[i]);
        access_page(root, places[i], false);
        expect_look(root, places[i], NESTED_TOUCHED, sizes[i]);
        access_page(root, places[i], true);
        /* But for "the first write is noted" the entry is as it was: address, rights, memory type. */
        assert_int_equal(stage2_lookup(root, gpa(places[i]), &level), before | BIT(51));
        expect_look(root, places[i], written, sizes[i]);
        expect_look(root, places[i], 0, sizes[i]);
    }
    /* No RAM: nothing, and how far that goes at least. */
    expect_look(root, 0, 0, GIB);
    expect_look(root, 0x80202000, 0, PAGE_SIZE);
    expect_look(root, 0x80400000, 0, 2 * MIB);
    expect_look(root, 0xc0000000, 0, GIB);
    assert_int_equal(stage2_lookup(root, gpa(0), &level), 0);
}

static void test_no_memory_for_tables(void **state)
{
    struct guest_mem mem = {.slot_count = 1, .slots = {{gpa(GUEST_RAM_BASE), PAGE_SIZE, hpa(0x100000000)}}};
    hpa_t root;

    (void)state;
    for (pages_limit = 0; pages_limit < 4; pages_limit++) {
        pages_used = 0;
        assert_int_equal(stage2_create(&mem, &root), E_NOMEM);
    }
    pages_used = 0;
    assert_int_equal(stage2_create(&mem, &root), 0);
}

static uint8_t image[128];

static void make_image(uint64_t text_offset, uint64_t image_size, uint64_t flags)
{
    memset(image, 0, sizeof(image));
    store_le32(image, 0x14000010);
    store_le64(image + 8, text_offset);
    store_le64(image + 16, image_size);
    store_le64(image + 24, flags);
    store_le32(image + 56, 0x644d5241);
}

static struct vm_config wanted(uint64_t kernel, uint64_t initrd, uint64_t mem)
{
    return (struct vm_config){.name = "test",
                              .mem = mem,
                              .kernel = {.size = kernel},
                              .has_initrd = initrd != 0,
                              .initrd = {.size = initrd}};
}

static void test_layout(void **state)
{
    struct vm_config asked = wanted(32 * MIB, 5 * MIB + 1, 512 * MIB);
    struct guest_layout layout;

    (void)state;
    make_image(0, 34 * MIB, 0xa);
    assert_int_equal(guest_layout_plan(&asked, image, &layout), 0);
    assert_string_equal(layout.format, "Image");
    assert_int_equal(layout.kernel, 0x40000000);
    assert_int_equal(layout.initrd_start, 0x48000000);
    assert_int_equal(layout.initrd_end, 0x48000000 + 5 * MIB + 1);
    assert_int_equal(layout.dtb, 0x48501000);
    /* Behind a large kernel, and behind what it says it needs. */
    make_image(0x80000, 200 * MIB, 0);
    assert_int_equal(guest_layout_plan(&asked, image, &layout), 0);
    assert_int_equal(layout.kernel, 0x40080000);
    assert_int_equal(layout.initrd_start, 0x40000000 + 202 * MIB);
    /* An Image from before Linux 3.17: no size, the offset without meaning. */
    make_image(0x12345, 0, 0);
    assert_int_equal(guest_layout_plan(&asked, image, &layout), 0);
    assert_int_equal(layout.kernel, 0x40080000);
    /* Anything else starts with its first byte. */
    memset(image, 0, sizeof(image));
    asked = wanted(sizeof(image), 0, 64 * MIB);
    assert_int_equal(guest_layout_plan(&asked, image, &layout), 0);
    assert_string_equal(layout.format, "raw");
    assert_int_equal(layout.kernel, 0x40080000);
    assert_int_equal(layout.initrd_start, layout.initrd_end);
    assert_int_equal(layout.dtb, 0x40000000 + 32 * MIB);
}

static void expect_refused(const struct vm_config *asked, int error, const char *words)
{
    struct guest_layout layout;

    said[0] = '\0';
    assert_int_equal(guest_layout_plan(asked, image, &layout), error);
    assert_non_null(strstr(said, words));
}

static void test_layouts_that_cannot_be(void **state)
{
    struct vm_config asked = wanted(32 * MIB, 0, 64 * MIB);

    (void)state;
    make_image(0, UINT64_MAX, 0);
    expect_refused(&asked, E_RANGE, "larger than the VM's memory");
    make_image(0, 64 * MIB + 1, 0);
    expect_refused(&asked, E_RANGE, "larger than the VM's memory");
    make_image(0x80000, 64 * MIB, 0);
    expect_refused(&asked, E_RANGE, "larger than the VM's memory");
    make_image(0, 64 * MIB, 0);
    expect_refused(&asked, E_RANGE, "no room for initrd and device tree");
    make_image(0x123, MIB, 0);
    expect_refused(&asked, E_INVAL, "text_offset");
    make_image(UINT64_MAX & ~UINT64_C(4095), MIB, 0);
    expect_refused(&asked, E_INVAL, "text_offset");
    make_image(0, MIB, 1);
    expect_refused(&asked, E_NOTSUP, "big-endian");
    make_image(0, MIB, 0);
    asked = wanted(2 * MIB, UINT64_MAX - PAGE_SIZE, 64 * MIB);
    expect_refused(&asked, E_RANGE, "no room for initrd");
    asked = wanted(2 * MIB, 32 * MIB - GUEST_DTB_SIZE + 1, 64 * MIB);
    expect_refused(&asked, E_RANGE, "no room for initrd");
    asked = wanted(3, 0, 64 * MIB);
    expect_refused(&asked, E_TRUNCATED, "no instruction");
    asked = wanted(sizeof(image), 0, 64 * MIB);
    store_le32(image + 56, 0);
    store_le32(image, 0x464c457f);
    expect_refused(&asked, E_INVAL, "ELF");
    store_le32(image, 0x00088b1f);
    expect_refused(&asked, E_INVAL, "gzip");
}

/* Whatever the header says, what is planned lies in RAM and does not overlap. */
static void test_layout_storm(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 100000; i++) {
        uint64_t sizes[4];
        struct guest_layout layout;
        struct vm_config asked;

        for (int k = 0; k < 4; k++)
            sizes[k] =
                ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 2 ^ (uint64_t)(rand() & 3)) >> rand() % 64;
        make_image(sizes[0], sizes[1], (uint64_t)(rand() & 7));
        asked = wanted(max_u64(sizes[2], 4), sizes[3], align_up((sizes[2] >> 1) % GIB, PAGE_SIZE) + 16 * MIB);
        if (asked.kernel.size < sizeof(image) || guest_layout_plan(&asked, image, &layout) != 0)
            continue;
        assert_true(layout.kernel >= GUEST_RAM_BASE);
        assert_true(asked.kernel.size <= layout.initrd_start - layout.kernel);
        assert_true(layout.initrd_start <= layout.initrd_end && layout.initrd_end <= layout.dtb);
        assert_true(layout.dtb - GUEST_RAM_BASE <= asked.mem - GUEST_DTB_SIZE);
        assert_true(is_aligned(layout.dtb, 8));
    }
}

static void put_entry(uint64_t table, uint64_t index, uint64_t entry)
{
    store_le64(ram + table - GUEST_RAM_BASE + 8 * index, entry);
}

static int translate(const struct arm64_context *sys, uint64_t at, uint64_t *out, uint32_t *steps)
{
    struct guest_walk walk;

    guest_walk_begin(&walk, NULL, sys, gva(at));
    *steps = 0;
    do
        ++*steps;
    while (guest_walk_step(&walk));
    assert_true(*steps <= 4);
    *out = walk.result.v;
    return walk.error;
}

static void test_walk(void **state)
{
    /* As Linux sets it: 48 bits on both sides, 4 KiB. */
    struct arm64_context sys = {.sctlr = SCTLR1_M,
                                .tcr = 16 | 16 << 16 | UINT64_C(2) << 30 | UINT64_C(1) << 37,
                                .ttbr0 = 0x40001000 | UINT64_C(5) << 48,
                                .ttbr1 = 0x40002000};
    uint64_t out;
    uint32_t steps;

    (void)state;
    put_entry(0x40001000, 1, 0x40003003);
    put_entry(0x40003000, 2, 0x40004003);
    put_entry(0x40003000, 3, 0x0060000080000701); /* 1 GiB block */
    put_entry(0x40004000, 4, 0x40005003);
    put_entry(0x40004000, 5, 0x0060000050200701); /* 2 MiB block */
    put_entry(0x40005000, 6, 0x0060000041234703);
    put_entry(0x40005000, 7, 0x0060000041234701); /* no page in the last level */
    put_entry(0x40002000, 511, 0x40003003);
    assert_int_equal(translate(&sys, 0x8080806abc, &out, &steps), 0);
    assert_int_equal(out, 0x41234abc);
    assert_int_equal(steps, 4);
    assert_int_equal(translate(&sys, 0xab00008080806abc, &out, &steps), 0); /* tag ignored */
    assert_int_equal(out, 0x41234abc);
    assert_int_equal(translate(&sys, 0x8080a12345, &out, &steps), 0);
    assert_int_equal(out, 0x50212345);
    assert_int_equal(translate(&sys, 0x80c1234567, &out, &steps), 0);
    assert_int_equal(out, 0x81234567);
    assert_int_equal(translate(&sys, 0xffffff80c1234567, &out, &steps), 0);
    assert_int_equal(out, 0x81234567);
    assert_int_equal(translate(&sys, 0x8080807000, &out, &steps), E_FAULT);
    assert_int_equal(translate(&sys, 0, &out, &steps), E_FAULT);
    assert_int_equal(translate(&sys, 0x0001008080806abc, &out, &steps), E_FAULT); /* outside both halves */
    assert_int_equal(translate(&sys, 0xabffff80c1234567, &out, &steps),
                     E_FAULT);            /* no tags in the upper half */
    put_entry(0x40001000, 1, 0x90000003); /* a table outside RAM */
    assert_int_equal(translate(&sys, 0x8080806abc, &out, &steps), E_FAULT);
    sys.sctlr = 0;
    assert_int_equal(translate(&sys, 0x8080806abc, &out, &steps), 0);
    assert_int_equal(out, 0x8080806abc);
}

static void test_walk_other_granules(void **state)
{
    /* 64 KiB and 39 bits: two levels, 2 and 3. */
    struct arm64_context sys = {.sctlr = SCTLR1_M, .tcr = 25 | 1 << 14, .ttbr0 = 0x40001000};
    uint64_t out;
    uint32_t steps;

    (void)state;
    put_entry(0x40001000, 3, 0x0060000060000701); /* 512 MiB block */
    assert_int_equal(translate(&sys, 0x60012345, &out, &steps), 0);
    assert_int_equal(out, 0x60012345);
    assert_int_equal(steps, 1);
    /* 16 KiB and 36 bits: levels 2 and 3. */
    sys.tcr = 28 | 2 << 14;
    put_entry(0x40001000, 1, 0x40004003);
    put_entry(0x40004000, 2, 0x41230000 | 3);
    assert_int_equal(translate(&sys, 0x2008765, &out, &steps), 0);
    assert_int_equal(out, 0x41230765);
    assert_int_equal(steps, 2);
    sys.tcr = 28 | 3 << 14; /* reserved */
    assert_int_equal(translate(&sys, 0x2008765, &out, &steps), E_FAULT);
    sys.tcr = 0; /* 64 bits: more than 48 */
    assert_int_equal(translate(&sys, 0x2008765, &out, &steps), E_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_format, setup),
        cmocka_unit_test_setup(test_largest_leaves, setup),
        cmocka_unit_test_setup(test_notes_offered, setup),
        cmocka_unit_test_setup(test_look, setup),
        cmocka_unit_test_setup(test_no_memory_for_tables, setup),
        cmocka_unit_test_setup(test_layout, setup),
        cmocka_unit_test_setup(test_layouts_that_cannot_be, setup),
        cmocka_unit_test_setup(test_layout_storm, setup),
        cmocka_unit_test_setup(test_walk, setup),
        cmocka_unit_test_setup(test_walk_other_granules, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
