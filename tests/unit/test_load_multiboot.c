/* SPDX-License-Identifier: BSD-2-Clause */
/* Both multiboot loaders: ELF and flat files, what the kernel finds, every refused header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/multiboot1.h"
#include "arch/x86/multiboot2.h"
#include "lib/addr.h"
#include "lib/error.h"
#include "load_elf_maker.h"
#include "load_fixture.h"

#define HEADER_AT 0x700
#define TEXT_AT   0x1000
#define ENTRY     (MIB + 0x20)

static struct elf_maker maker;

static void put32(uint32_t at, uint32_t value)
{
    memcpy(maker.file + at, &value, sizeof(value));
}

static void put_header1(uint32_t at, uint32_t flags)
{
    put32(at, 0x1badb002);
    put32(at + 4, flags);
    put32(at + 8, 0u - 0x1badb002u - flags);
}

static void put_addresses(uint32_t at, uint32_t header, uint32_t load, uint32_t load_end, uint32_t bss_end)
{
    put32(at, header);
    put32(at + 4, load);
    put32(at + 8, load_end);
    put32(at + 12, bss_end);
}

/* A header of `length` bytes; tags come from put_tag(). */
static void put_header2(uint32_t at, uint32_t length)
{
    put32(at, 0xe85250d6);
    put32(at + 4, 0);
    put32(at + 8, length);
    put32(at + 12, 0u - 0xe85250d6u - length);
}

static void put_tag(uint32_t at, uint16_t type, uint16_t flags, uint32_t size)
{
    put32(at, type | (uint32_t)flags << 16);
    put32(at + 4, size);
}

static void make_elf(bool is_64)
{
    maker_begin(&maker, is_64, 0xc0000000 + ENTRY);
    maker_segment(&maker, TEXT_AT, MIB, 0x1000, 0x3000, 0xc0000000);
}

static int setup(void **state)
{
    (void)state;
    make_elf(false);
    fixture_vm(16 * MIB);
    fixture.config.guest_cmdline = "one two";
    fixture_initrd(5000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end();
    return 0;
}

static void check_state(uint32_t magic, uint64_t entry)
{
    assert_int_equal(fixture.start.mode, X86_START_FLAT32);
    assert_int_equal(fixture.start.regs.rip, entry);
    assert_int_equal(fixture.start.regs.gpr[X86_RAX], magic);
    assert_int_equal(fixture.start.segs[X86_CS].selector, 0x10);
    assert_int_equal(fixture_u64(fixture.start.gdt.base + 0x10), 0x00cf9b000000ffff);
}

static void check_info1(uint64_t modules_at)
{
    const struct multiboot1_info *info = fixture_at(fixture.start.regs.gpr[X86_RBX], sizeof(*info));
    const struct multiboot1_module *module = fixture_at(info->modules, sizeof(*module));
    const struct multiboot1_mmap_entry *mmap = fixture_at(info->mmap, info->mmap_size);

    assert_int_equal(info->flags, 0x24d);
    assert_int_equal(info->mem_lower, 639);
    assert_int_equal(info->mem_upper, 15 * 1024);
    assert_string_equal(fixture_at(info->cmdline, 10), "t one two");
    assert_string_equal(fixture_at(info->loader_name, 6), "Latch");
    assert_int_equal(info->module_count, 1);
    assert_int_equal(module->start, modules_at);
    assert_int_equal(module->end, modules_at + 5000);
    assert_string_equal(fixture_at(module->cmdline, 7), "initrd");
    assert_true(fixture_is_initrd(module->start, 5000));
    assert_int_equal(info->mmap_size, 4 * 24);
    assert_int_equal(mmap[3].size, 20);
    assert_int_equal(mmap[3].start, MIB);
    assert_int_equal(mmap[3].length, 15 * MIB);
    assert_int_equal(mmap[3].type, 1);
}

static void test_multiboot1_elf(void **state)
{
    (void)state;
    for (int is_64 = 0; is_64 < 2; is_64++) {
        make_elf(is_64 != 0);
        put_header1(HEADER_AT, 3);
        assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
        check_state(0x2badb002, ENTRY);
        check_info1(MIB + 0x3000);
        assert_memory_equal(fixture_at(MIB, 0x1000), maker.file + TEXT_AT, 0x1000);
        assert_int_equal(fixture_u32(MIB + 0x1000), 0);
        assert_int_equal(fixture_u32(MIB + 0x2ffc), 0);
    }
}

static void test_multiboot1_bare(void **state)
{
    const struct multiboot1_info *info;

    (void)state;
    fixture_initrd(0);
    fixture.config.guest_cmdline = "";
    put_header1(HEADER_AT, 0);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    info = fixture_at(fixture.start.regs.gpr[X86_RBX], sizeof(*info));
    assert_int_equal(info->module_count, 0);
    assert_string_equal(fixture_at(info->cmdline, 2), "t");
}

static void make_flat1(uint32_t load, uint32_t load_end, uint32_t bss_end, uint32_t entry)
{
    memset(maker.file, 0x5a, 0x800);
    put_header1(HEADER_AT, 0x10003);
    put_addresses(HEADER_AT + 12, MIB + 0x100, load, load_end, bss_end);
    put32(HEADER_AT + 28, entry);
}

static void test_multiboot1_flat(void **state)
{
    (void)state;
    make_flat1(MIB, MIB + 0x800, MIB + 0x2000, ENTRY);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    check_state(0x2badb002, ENTRY);
    check_info1(MIB + 0x2000);
    assert_memory_equal(fixture_at(MIB, 0x800), maker.file + 0x600, 0x800);
    assert_int_equal(fixture_u32(MIB + 0x800), 0);
    assert_int_equal(fixture_u32(MIB + 0x1ffc), 0);
    make_flat1(MIB, 0, 0, ENTRY);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_memory_equal(fixture_at(MIB, MAKER_SIZE - 0x600), maker.file + 0x600, MAKER_SIZE - 0x600);
    check_info1(MIB + 0x3000);
}

static void test_multiboot1_flat_refused(void **state)
{
    (void)state;
    make_flat1(MIB + 0x101, 0, 0, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "load_addr 0x100101 does not suit");
    make_flat1(MIB - 0x601, 0, 0, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "does not suit");
    make_flat1(MIB, MIB - 1, 0, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "load_end_addr 0xfffff is below");
    make_flat1(MIB, MIB + MAKER_SIZE - 0x5ff, 0, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_TRUNCATED, "0x2a01 bytes at offset 0x600");
    make_flat1(MIB, MIB + 0x800, MIB + 0x7ff, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "bss_end_addr 0x1007ff");
    make_flat1(MIB, MIB + 0x800, 16 * MIB + 1, ENTRY);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "kernel at 0x100000");
    make_flat1(MIB, MIB + 0x800, 0, MIB + 0x800);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "entry 0x100800");
    make_flat1(MIB, MIB + 0x800, 0, MIB - 1);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "entry 0xfffff");
    make_flat1(MIB, 0, 0, ENTRY);
    fixture_refuses(maker.file, HEADER_AT + 31, E_TRUNCATED, "ends inside the multiboot header at 0x700");
}

static void test_multiboot1_refused(void **state)
{
    (void)state;
    put_header1(HEADER_AT, 0x9);
    fixture_refuses(maker.file, MAKER_SIZE, E_NOTSUP, "unknown requirements 0x8");
    put_header1(HEADER_AT, 0x7);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_int_equal(fixture.warn_count, 1);
    put32(HEADER_AT + 8, 0);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "neither a multiboot header");
    memset(maker.file, 0, 64);
    put_header1(HEADER_AT, 3);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "and not an ELF file");
    make_elf(false);
    put_header1(HEADER_AT, 3);
    ((struct elf32_header *)(void *)maker.file)->entry = 0xc0000000 + MIB + 0x1000;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "ELF entry point 0xc0101000 is in no segment");
}

/* The header may stand anywhere in the first 8 KiB, on a multiple of 4, and must be complete there. */
static void test_multiboot1_search(void **state)
{
    (void)state;
    for (uint32_t at = 0x800; at < 0x2800; at += 0x7fc) {
        make_elf(false);
        put_header1(at, 0);
        assert_int_equal(fixture_load(maker.file, MAKER_SIZE) == 0, at + 12 <= 8192);
    }
    make_elf(false);
    put_header1(8192 - 8, 0);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "neither");
    make_elf(false);
    put_header1(0x802, 0);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "neither");
}

/* Finds a tag of the information; NULL if absent. Checks the chain up to the end tag on the way. */
static const struct multiboot2_tag *find_tag(uint32_t type)
{
    uint64_t at = fixture.start.regs.gpr[X86_RBX];
    uint64_t end = at + fixture_u32(at);
    const struct multiboot2_tag *found = NULL;

    assert_int_equal(at % 8, 0);
    for (at += 8; fixture_u32(at) != 0; at += align_up(fixture_u32(at + 4), 8)) {
        assert_true(fixture_u32(at + 4) >= 8 && at < end);
        if (fixture_u32(at) == type)
            found = fixture_at(at, fixture_u32(at + 4));
    }
    assert_int_equal(fixture_u32(at + 4), 8);
    assert_int_equal(at + 8, end);
    return found;
}

static void check_info2(uint64_t initrd_at)
{
    const struct multiboot2_tag *tag = find_tag(MULTIBOOT2_CMDLINE);
    const struct multiboot2_mmap_entry *entries;
    const uint32_t *words;

    assert_non_null(tag);
    assert_string_equal(tag + 1, "t one two");
    assert_int_equal(tag->size, 8 + 10);
    tag = find_tag(MULTIBOOT2_LOADER_NAME);
    assert_string_equal(tag + 1, "Latch");
    words = (const uint32_t *)find_tag(MULTIBOOT2_MODULE);
    assert_int_equal(words[2], initrd_at);
    assert_int_equal(words[3], initrd_at + 5000);
    assert_string_equal(words + 4, "initrd");
    assert_true(fixture_is_initrd(initrd_at, 5000));
    words = (const uint32_t *)find_tag(MULTIBOOT2_MEMORY);
    assert_int_equal(words[2], 639);
    assert_int_equal(words[3], 15 * 1024);
    words = (const uint32_t *)find_tag(MULTIBOOT2_MMAP);
    assert_int_equal(words[1], 16 + 4 * 24);
    assert_int_equal(words[2], 24);
    entries = (const void *)(words + 4);
    assert_int_equal(entries[3].start, MIB);
    assert_int_equal(entries[3].length, 15 * MIB);
    assert_int_equal(entries[3].type, 1);
}

static void test_multiboot2_elf(void **state)
{
    (void)state;
    for (int is_64 = 0; is_64 < 2; is_64++) {
        make_elf(is_64 != 0);
        put_header2(HEADER_AT, 24);
        put_tag(HEADER_AT + 16, 0, 0, 8);
        assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
        check_state(0x36d76289, ENTRY);
        check_info2(MIB + 0x3000);
        assert_null(find_tag(MULTIBOOT2_RSDP_2));
    }
}

static void test_multiboot2_rsdp(void **state)
{
    uint8_t *rsdp = guest_ptr(&fixture.vm, gpa(GUEST_RSDP), 36);

    (void)state;
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    put_header2(HEADER_AT, 24);
    put_tag(HEADER_AT + 16, 0, 0, 8);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_memory_equal(find_tag(MULTIBOOT2_RSDP_2) + 1, rsdp, 36);
    rsdp[15] = 0;
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_int_equal(find_tag(MULTIBOOT2_RSDP_1)->size, 28);
    assert_memory_equal(find_tag(MULTIBOOT2_RSDP_1) + 1, rsdp, 20);
}

/* Every kind of tag that is understood or skipped, then the entry tag. */
static void test_multiboot2_tags(void **state)
{
    uint32_t at = HEADER_AT + 16;

    (void)state;
    put_tag(at, 1, 0, 16);
    put32(at + 8, 6);
    put32(at + 12, 21);
    put_tag(at += 16, 1, 1, 12);
    put32(at + 8, 999);
    put_tag(at += 16, 4, 0, 12);
    put_tag(at += 16, 5, 1, 20);
    put_tag(at += 24, 6, 0, 8);
    put_tag(at += 8, 10, 0, 24);
    put_tag(at += 24, 77, 1, 8);
    put_tag(at += 8, 3, 0, 12);
    put32(at + 8, MIB + 0x44);
    put_tag(at += 16, 0, 0, 8);
    put_header2(HEADER_AT, at + 8 - HEADER_AT);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    check_state(0x36d76289, MIB + 0x44);
    put32(at - 8, MIB + 0x1000);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "entry 0x101000 is in no segment");
}

static void test_multiboot2_flat(void **state)
{
    (void)state;
    memset(maker.file, 0x5a, 0x800);
    put_header2(HEADER_AT, 64);
    put_tag(HEADER_AT + 16, 2, 0, 24);
    put_addresses(HEADER_AT + 24, MIB + 0x100, MIB, MIB + 0x800, MIB + 0x2000);
    put_tag(HEADER_AT + 40, 3, 0, 12);
    put32(HEADER_AT + 48, ENTRY);
    put_tag(HEADER_AT + 56, 0, 0, 8);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    check_state(0x36d76289, ENTRY);
    check_info2(MIB + 0x2000);
    put_tag(HEADER_AT + 40, 6, 0, 12);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "address tag without an entry");
    put_tag(HEADER_AT + 16, 2, 0, 20);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "tag 2 at 0x710 has 20 bytes; 24 expected");
}

static void refuses_tag(uint16_t type, uint32_t size, uint32_t length, int code, const char *text)
{
    make_elf(false);
    put_header2(HEADER_AT, length);
    put_tag(HEADER_AT + 16, type, 0, size);
    put32(HEADER_AT + 24, 22);
    put_tag(HEADER_AT + 16 + (uint32_t)align_up(size < 8 || size > 64 ? 8 : size, 8), 0, 0, 8);
    fixture_refuses(maker.file, MAKER_SIZE, code, text);
}

static void test_multiboot2_refused(void **state)
{
    (void)state;
    refuses_tag(11, 8, 32, E_NOTSUP, "tag at 0x710: unknown requirement, type 11");
    refuses_tag(1, 12, 48, E_NOTSUP, "requires unknown information, type 22");
    refuses_tag(3, 8, 32, E_INVAL, "tag 3 at 0x710 has 8 bytes; 12 expected");
    refuses_tag(6, 7, 32, E_INVAL, "size 0x7 leads out");
    refuses_tag(6, 0, 32, E_INVAL, "size 0x0 leads out");
    refuses_tag(6, 17, 32, E_INVAL, "size 0x11 leads out");
    refuses_tag(6, UINT32_MAX, 32, E_INVAL, "leads out");
    refuses_tag(6, 8, 24, E_INVAL, "no end tag");
    refuses_tag(6, 8, 28, E_INVAL, "no end tag");
    refuses_tag(6, 8, 15, E_TRUNCATED, "length 0xf");
    refuses_tag(6, 8, MAKER_SIZE, E_TRUNCATED, "ends behind the file's end");
    refuses_tag(6, 8, UINT32_MAX, E_TRUNCATED, "ends behind the file's end");
    make_elf(false);
    memset(maker.file, 0, 64);
    put_header2(HEADER_AT, 24);
    put_tag(HEADER_AT + 16, 0, 0, 8);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "and not an ELF file");
    for (size_t size = 0; size<0x2000; size += size> HEADER_AT - 4 && size < HEADER_AT + 40 ? 1 : 29)
        assert_int_not_equal(fixture_load(maker.file, size), 0);
}

/* Qualifies for all: multiboot2 goes first, then multiboot. */
static void test_order(void **state)
{
    (void)state;
    put_header1(0x800, 0);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    check_state(0x2badb002, ENTRY);
    put_header2(HEADER_AT, 24);
    put_tag(HEADER_AT + 16, 0, 0, 8);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    check_state(0x36d76289, ENTRY);
}

static void test_initrd_too_large(void **state)
{
    (void)state;
    put_header1(HEADER_AT, 0);
    fixture_initrd(15 * MIB - 0x3000);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    fixture_initrd(15 * MIB - 0x2fff);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "initrd at 0x103000, 15349 KiB, does not fit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_multiboot1_elf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot1_bare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot1_flat, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot1_flat_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot1_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot1_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot2_elf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot2_rsdp, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot2_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot2_flat, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multiboot2_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_initrd_too_large, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
