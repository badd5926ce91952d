/* SPDX-License-Identifier: BSD-2-Clause */
/* boot/arm64/bundle.c: archives as cpio and the launcher write them, cut and changed ones, the exact
 * complaints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/arm64/bundle.h"
#include "core/log.h"
#include "lib/error.h"
#include "lib/printf.h"

static char lines[200][200];
static uint32_t line_count;
static uint8_t archive[1 << 16];
static uint32_t size;
static struct bundle bundle;
static struct boot_info info;

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    assert_in_range(line_count, 0, 199);
    fmt_vsnprintf(lines[line_count++], sizeof(lines[0]), format, args);
    va_end(args);
}

static void pad(void)
{
    while (size % 4 != 0)
        archive[size++] = 0;
}

static void entry(const char *name, uint32_t mode, const char *data)
{
    uint32_t length = (uint32_t)strlen(data);

    size += (uint32_t)sprintf((char *)archive + size,
                              "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08X%08x", 1u, mode, 0u, 0u,
                              1u, 0u, length, 0u, 0u, 0u, 0u, (uint32_t)strlen(name) + 1, 0u);
    strcpy((char *)archive + size, name);
    size += (uint32_t)strlen(name) + 1;
    pad();
    memcpy(archive + size, data, length);
    size += length;
    pad();
}

static void file(const char *name, const char *data)
{
    entry(name, 0100644, data);
}

static int begin(void **state)
{
    (void)state;
    size = 0;
    line_count = 0;
    return 0;
}

/* From a copy of exactly the archive's size, which is kept until the next call. */
static int read_it(void)
{
    static uint8_t *exact;

    free(exact);
    exact = malloc(size);
    if (size != 0)
        memcpy(exact, archive, size);
    memset(&bundle, 0, sizeof(bundle));
    memset(&info, 0, sizeof(info));
    line_count = 0;
    return bundle_read(exact, size, &bundle, &info);
}

static int finish(void)
{
    entry("TRAILER!!!", 0, "");
    return read_it();
}

static void check_module(uint32_t i, const char *data, const char *words)
{
    assert_int_equal(info.modules[i].size, strlen(data));
    assert_memory_equal((const void *)info.modules[i].start.v, data, strlen(data));
    assert_string_equal(info.modules[i].cmdline, words);
}

static void test_whole(void **state)
{
    (void)state;
    entry(".", 040755, "");
    file("./latch.cfg", "# two machines\n\nkernel  linux:kernel cpus=2 --  a  b \r\n  "
                        "./disk\tlinux:initrd\nkernel tiny:kernel");
    file("./kernel", "KERNEL");
    file("./disk", "DISK DATA");
    entry("./link", 0120777, "kernel");
    assert_int_equal(finish(), 0);
    assert_int_equal(line_count, 0);
    assert_int_equal(info.module_count, 3);
    check_module(0, "KERNEL", "linux:kernel cpus=2 --  a  b");
    check_module(1, "DISK DATA", "linux:initrd");
    check_module(2, "KERNEL", "tiny:kernel");
}

static void test_nothing(void **state)
{
    (void)state;
    assert_int_equal(read_it(), E_NOENT);
    assert_string_equal(lines[0],
                        "boot archive: not in cpio's newc format, or cut short: 0 files can be read");
    assert_string_equal(lines[1], "boot archive: it has no file latch.cfg");
    file("kernel", "K");
    assert_int_equal(finish(), E_NOENT);
    assert_int_equal(line_count, 1);
    begin(NULL);
    file("latch.cfg", "");
    assert_int_equal(finish(), 0);
    assert_int_equal(info.module_count, 0);
}

static void test_mistakes(void **state)
{
    (void)state;
    file("latch.cfg", "missing a:kernel\nkernel b:kernel\nlink c:kernel\n");
    file("kernel", "K");
    entry("link", 0120777, "kernel");
    assert_int_equal(finish(), E_INVAL);
    assert_int_equal(line_count, 2);
    assert_string_equal(lines[0], "latch.cfg line 1: the boot archive has no file \"missing\"");
    assert_string_equal(lines[1], "latch.cfg line 3: the boot archive has no file \"link\"");
    assert_int_equal(info.module_count, 1);
    check_module(0, "K", "b:kernel");
}

static void test_too_much(void **state)
{
    static char text[2 * BUNDLE_TEXT];

    (void)state;
    for (uint32_t i = 0; i < BOOT_MAX_MODULES + 1; i++)
        strcat(text, "k a:kernel\n");
    file("latch.cfg", text);
    file("k", "K");
    assert_int_equal(finish(), E_INVAL);
    assert_int_equal(info.module_count, BOOT_MAX_MODULES);
    assert_string_equal(lines[0], "latch.cfg line 65: more than 64 modules");

    begin(NULL);
    memset(text, 'x', BUNDLE_TEXT);
    text[BUNDLE_TEXT] = '\0';
    file("latch.cfg", text);
    assert_int_equal(finish(), E_INVAL);
    assert_string_equal(lines[0], "latch.cfg line 1: the lines are longer than 8192 bytes together");

    begin(NULL);
    for (uint32_t i = 0; i < BUNDLE_MAX_FILES + 1; i++)
        file(i == 3 ? "latch.cfg" : "k", "");
    assert_int_equal(finish(), 0);
    assert_string_equal(lines[0], "boot archive: more than 128 files: the rest is ignored");
}

/* Cut anywhere, and each byte changed: nothing outside is read, every module lies inside. */
static void test_damage(void **state)
{
    static const uint8_t with[] = {0x01, 0x08, 0x80, 0xff};
    uint32_t whole;

    (void)state;
    file("latch.cfg", "kernel a:kernel -- words\ndisk a:initrd\n");
    file("kernel", "0123456789");
    file("disk", "abc");
    assert_int_equal(finish(), 0);
    whole = size;
    for (size = 0; size < whole; size++) {
        (void)read_it();
        assert_int_not_equal(line_count, 0);
    }
    for (uint32_t i = 0; i < whole; i++)
        for (uint32_t j = 0; j < ARRAY_COUNT(with); j++) {
            archive[i] ^= with[j];
            (void)read_it();
            archive[i] ^= with[j];
            for (uint32_t k = 0; k < info.module_count; k++) {
                volatile uint8_t sum = 0;

                assert_true(info.modules[k].size <= whole);
                for (uint64_t at = 0; at < info.modules[k].size; at++)
                    sum = (uint8_t)(sum + ((const uint8_t *)info.modules[k].start.v)[at]);
                assert_true(strlen(info.modules[k].cmdline) < BUNDLE_TEXT);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_whole, begin),    cmocka_unit_test_setup(test_nothing, begin),
        cmocka_unit_test_setup(test_mistakes, begin), cmocka_unit_test_setup(test_too_much, begin),
        cmocka_unit_test_setup(test_damage, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
