/* SPDX-License-Identifier: BSD-2-Clause */
/* boot/x86/multiboot2.c: whole, cut and malformed information structures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/x86/multiboot2.h"
#include "lib/bytes.h"
#include "lib/error.h"

static uint8_t built[1 << 17];
static uint32_t size;
static struct boot_info info;
static struct multiboot2_copies copies;
static uint64_t problems;

static void begin(void)
{
    memset(built, 0, sizeof(built));
    size = 8;
}

/* Room for a tag of so many bytes behind its header; returns them. */
static uint8_t *tag(uint32_t type, uint32_t length)
{
    uint8_t *at = built + size;

    store_le32(at, type);
    store_le32(at + 4, 8 + length);
    size = (uint32_t)align_up(size + 8 + length, 8);
    return at + 8;
}

static void text_tag(uint32_t type, const char *text)
{
    memcpy(tag(type, (uint32_t)strlen(text) + 1), text, strlen(text));
}

static void module_tag(uint32_t start, uint32_t end, const char *text)
{
    uint8_t *at = tag(3, 8 + (uint32_t)strlen(text) + 1);

    store_le32(at, start);
    store_le32(at + 4, end);
    memcpy(at + 8, text, strlen(text));
}

static void memory_tag(void)
{
    uint8_t *at = tag(6, 8 + 2 * 24);

    store_le32(at, 24);
    store_le64(at + 8, 0x100000);
    store_le64(at + 16, 0x7f00000);
    store_le32(at + 24, 1);
    store_le64(at + 32, 0x200000000);
    store_le64(at + 40, 0x1000);
    store_le32(at + 48, 5);
}

/* From a copy of exactly the structure's size. */
static int parse(void)
{
    uint8_t *exact = malloc(size);
    int error;

    memcpy(exact, built, size);
    memset(&info, 0, sizeof(info));
    memset(&copies, 0, sizeof(copies));
    error = multiboot2_parse(exact, &info, &copies, &problems);
    memset(exact, 0xff, size); /* nothing may still point into it */
    free(exact);
    return error;
}

static int finish(void)
{
    tag(0, 0);
    store_le32(built, size);
    return parse();
}

static void test_whole(void **state)
{
    uint8_t *rsdp;

    (void)state;
    begin();
    text_tag(2, "GRUB 2.06");
    text_tag(1, "console=com1 on-end=stay");
    module_tag(0x300000, 0x300010, "linux:kernel -- console=ttyS0");
    module_tag(0x400000, 0x400000, "/boot/initrd linux:initrd");
    module_tag(0x500000, 0x500001, "tftp://host/x linux:initrd");
    module_tag(0x500000, 0x500001, "(hd0)/x");
    memory_tag();
    rsdp = tag(15, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp = tag(14, 20);
    rsdp[0] = 'X';
    assert_int_equal(finish(), 0);
    assert_int_equal(problems, 0);
    assert_string_equal(info.loader_name, "GRUB 2.06");
    assert_string_equal(info.cmdline, "console=com1 on-end=stay");
    assert_int_equal(info.module_count, 4);
    assert_string_equal(info.modules[0].cmdline, "linux:kernel -- console=ttyS0");
    assert_int_equal(info.modules[0].size, 16);
    assert_int_equal(info.modules[1].size, 0);
    assert_string_equal(info.modules[1].cmdline, "linux:initrd");
    assert_string_equal(info.modules[2].cmdline, "linux:initrd");
    assert_string_equal(info.modules[3].cmdline, "");
    assert_int_equal(info.region_count, 2);
    assert_int_equal(info.regions[1].kind, BOOT_REGION_BAD);
    assert_int_equal(copies.rsdp_size, 36);
    assert_ptr_equal(info.rsdp.v, (uintptr_t)copies.rsdp);
    assert_int_equal(copies.rsdp[0], 'R');
}

static void test_nothing(void **state)
{
    (void)state;
    begin();
    assert_int_equal(finish(), E_NOENT);
    assert_string_equal(info.cmdline, "");
    store_le32(built, 0);
    assert_int_equal(parse(), E_INVAL);
    store_le32(built, MULTIBOOT2_MAX_SIZE + 1);
    assert_int_equal(parse(), E_INVAL);
    assert_int_equal(multiboot2_size(built), 0);
}

/* The total size cut anywhere: no access beyond it, whatever is found. */
static void test_cut(void **state)
{
    uint32_t whole;

    (void)state;
    begin();
    text_tag(1, "abc");
    memory_tag();
    module_tag(1, 2, "x");
    tag(15, 36);
    tag(0, 0);
    whole = size;
    for (size = 8; size < whole; size++) {
        store_le32(built, size);
        (void)parse();
        assert_true(size < 16 || (problems & MULTIBOOT2_UNENDED) != 0);
    }
}

static void test_short_tags(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 24; type++)
        for (uint32_t length = 0; length < 40; length++) {
            begin();
            memset(tag(type, length), 0x41, length);
            (void)finish();
            memset(built + 16, 0, length);
            (void)parse();
        }
    begin();
    memory_tag();
    store_le32(built + 8 + 8, 8); /* entries too small */
    assert_int_equal(finish(), E_NOENT);
    assert_true((problems & MULTIBOOT2_BAD_TAG) != 0);
    begin();
    memory_tag();
    store_le32(built + size, 1);
    store_le32(built + size + 4, 4); /* a tag shorter than its header */
    size += 8;
    assert_int_equal(finish(), 0);
    assert_true((problems & MULTIBOOT2_UNENDED) != 0);
    begin();
    memory_tag();
    module_tag(0x2000, 0x1000, "backwards");
    assert_int_equal(finish(), 0);
    assert_int_equal(info.module_count, 0);
}

static void test_too_much(void **state)
{
    static char text[MULTIBOOT2_TEXT];

    (void)state;
    begin();
    memory_tag();
    for (uint32_t i = 0; i < BOOT_MAX_MODULES + 3; i++)
        module_tag(i, i + 1, "m");
    assert_int_equal(finish(), 0);
    assert_int_equal(info.module_count, BOOT_MAX_MODULES);
    assert_true((problems & MULTIBOOT2_MODULES_CUT) != 0);
    begin();
    memory_tag();
    memset(text, 'a', sizeof(text) - 10);
    text_tag(1, text);
    module_tag(0, 1, "a long text");
    module_tag(0, 1, "one more");
    assert_int_equal(finish(), 0);
    assert_true((problems & MULTIBOOT2_TEXT_CUT) != 0);
    assert_string_equal(info.modules[0].cmdline, "a long t");
    assert_string_equal(info.modules[1].cmdline, "");
}

static void test_no_terminator(void **state)
{
    (void)state;
    begin();
    memory_tag();
    memcpy(tag(1, 4), "abcd", 4);
    memset(tag(0, 0) - 8, 0, 8);
    store_le32(built, size);
    assert_int_equal(parse(), 0);
    assert_string_equal(info.cmdline, "abcd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_cut),      cmocka_unit_test(test_short_tags),
        cmocka_unit_test(test_too_much), cmocka_unit_test(test_no_terminator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
