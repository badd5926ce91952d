/* SPDX-License-Identifier: BSD-2-Clause */
/* core/report_keep.c: a report is found after a "reset" if it is whole, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/boot_info.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/error.h"

/* The module's variables begin anew at each boot: it is part of this file. */
#include "core/report_keep.c"

#define IMAGE (8 * MIB)

static uint8_t *ram;
static struct boot_info info;
static uint64_t taken_first; /* no place below it is free */
static unsigned int record_count, warn_count;
static size_t clean_bytes;

const struct boot_info *machine_info = &info;

int pmem_take(hpa_t start, uint64_t count)
{
    assert_int_equal(count, REPORT_KEEP_SIZE / PAGE_SIZE);
    return start.v - (uintptr_t)ram < taken_first || start.v - (uintptr_t)ram >= 32 * MIB ? E_BUSY : 0;
}

/* As the real one: its list lies in the memory. */
void pmem_free(hpa_t start, uint64_t count)
{
    assert_int_equal(count, REPORT_KEEP_SIZE / PAGE_SIZE);
    memset(hpa_to_ptr(start), 0x11, 24);
}

void arch_memory_clean(const void *at, size_t size)
{
    assert_non_null(at);
    clean_bytes += size;
}

void log_record(const char *format, ...)
{
    assert_non_null(strstr(format, "last panic report"));
    record_count++;
}

void log_warn(const char *format, ...)
{
    assert_non_null(strstr(format, "damaged"));
    warn_count++;
}

void log_info(const char *format, ...)
{
    (void)format;
}

static void boot(void)
{
    keep = NULL;
    length = number = turn = 0;
    text_sum = 0;
    damaged = false;
    record_count = warn_count = 0;
    report_keep_init();
}

static int setup(void **state)
{
    (void)state;
    free(ram);
    ram = aligned_alloc(4 * MIB, 32 * MIB);
    memset(ram, 0xa5, 32 * MIB);
    info = (struct boot_info){.image_start = hpa((uintptr_t)ram + IMAGE)};
    taken_first = 0;
    boot();
    return 0;
}

static int last(void **state)
{
    (void)state;
    free(ram);
    ram = NULL;
    return 0;
}

static void write_report(void)
{
    report_keep_begin();
    report_keep_line("PANIC one");
    report_keep_line("two");
    report_keep_line("three");
}

static void expect_lines(const char *const *lines, uint32_t count)
{
    char text[40];
    uint32_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        assert_true(report_keep_read(&at, text, sizeof(text)));
        assert_string_equal(text, lines[i]);
    }
    assert_false(report_keep_read(&at, text, sizeof(text)));
}

static const char *const all[] = {"PANIC one", "two", "three"};

static void test_found_after_reset(void **state)
{
    (void)state;
    assert_int_equal(report_keep_length(), 0);
    assert_int_equal(record_count + warn_count, 0);
    write_report();
    assert_true(clean_bytes >= report_keep_length());
    boot();
    assert_int_equal(record_count, 1);
    assert_int_equal(number, 1);
    expect_lines(all, 3);
    write_report(); /* and the next takes its place */
    boot();
    assert_int_equal(number, 2);
    expect_lines(all, 3);
    report_keep_clear();
    expect_lines(all, 0);
    boot();
    assert_int_equal(record_count + warn_count, 0);
    expect_lines(all, 0);
}

/* Whatever byte of head or text is wrong: not the whole report, but no other one either. */
static void test_damaged(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(keep->heads) + 18; at++) {
        write_report();
        ((uint8_t *)keep)[at] ^= 0x40;
        boot();
        if (at >= sizeof(keep->heads) && at < sizeof(keep->heads) + 14) {
            /* In what both heads sum over. */
            assert_int_equal(report_keep_length(), 0);
            assert_int_equal(warn_count, 1);
            assert_int_equal(record_count, 0);
        } else if (report_keep_length() == 14) {
            expect_lines(all, 2); /* the head before, of two lines, is right */
        } else {
            assert_int_equal(report_keep_length(), 20);
            assert_true(at < sizeof(keep->heads));
            expect_lines(all, 3);
        }
    }
}

static void test_torn(void **state)
{
    (void)state;
    write_report();
    /* A reset after the text of a fourth line, before its head. */
    append("four\n", 5);
    boot();
    expect_lines(all, 3);
    /* Half of its head. */
    write_report();
    append("four\n", 5);
    write_head();
    keep->heads[(turn - 1) % 2].sum = 0;
    boot();
    expect_lines(all, 3);
}

/* Signature, and a sum that is right for what it says, but a length beyond the memory. */
static void test_forged_length(void **state)
{
    (void)state;
    memset(keep->heads, 0, sizeof(keep->heads));
    keep->heads[0] = (struct head){.magic = MAGIC, .length = UINT32_MAX, .number = 1};
    boot();
    assert_int_equal(report_keep_length(), 0);
    assert_int_equal(warn_count, 1);
    keep->heads[0].length = sizeof(keep->text) + 1;
    boot();
    assert_int_equal(report_keep_length(), 0);
}

static void test_terminal_is_safe(void **state)
{
    const char *const shown[] = {"a?[2Jb??"};

    (void)state;
    report_keep_begin();
    report_keep_line("a\x1b[2Jb\x9b\r");
    boot();
    expect_lines(shown, 1);
}

static void test_full(void **state)
{
    char line[1000];
    uint32_t at = 0;
    uint32_t count = 0;

    (void)state;
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    report_keep_begin();
    for (int i = 0; i < 100; i++)
        report_keep_line(line);
    boot();
    assert_int_equal(report_keep_length(), sizeof(keep->text) / 1000 * 1000);
    while (report_keep_read(&at, line, sizeof(line)))
        count++;
    assert_int_equal(count, sizeof(keep->text) / 1000);
}

/* The place of before is a module's now; and one in a later place is found where an earlier is free again. */
static void test_places(void **state)
{
    const struct keep *first = keep;

    (void)state;
    taken_first = IMAGE + 4 * MIB;
    boot();
    assert_ptr_not_equal(keep, first);
    assert_int_equal((uintptr_t)keep - (uintptr_t)ram, IMAGE + 6 * MIB - REPORT_KEEP_SIZE);
    write_report();
    taken_first = 0;
    boot();
    assert_ptr_equal(keep, first);
    expect_lines(all, 3);
    boot();
    expect_lines(all, 3);
}

static void test_no_place(void **state)
{
    (void)state;
    taken_first = 32 * MIB;
    boot();
    assert_null(keep);
    write_report();
    assert_int_equal(report_keep_length(), 0);
    report_keep_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_found_after_reset, setup),
        cmocka_unit_test_setup(test_damaged, setup),
        cmocka_unit_test_setup(test_torn, setup),
        cmocka_unit_test_setup(test_forged_length, setup),
        cmocka_unit_test_setup(test_terminal_is_safe, setup),
        cmocka_unit_test_setup(test_full, setup),
        cmocka_unit_test_setup(test_places, setup),
        cmocka_unit_test_setup(test_no_place, setup),
    };

    return cmocka_run_group_tests(tests, NULL, last);
}
