/* SPDX-License-Identifier: BSD-2-Clause */
/* lib: formatting and fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/bits.h"
#include "lib/error.h"
#include "lib/printf.h"

/* The C library is the oracle. */
#define SAME(...)                                              \
    do {                                                       \
        char ours[64], theirs[64];                             \
        int a = fmt_snprintf(ours, sizeof(ours), __VA_ARGS__); \
        int b = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
        assert_string_equal(ours, theirs);                     \
        assert_int_equal(a, b);                                \
    } while (0)

static void test_formats(void **state)
{
    (void)state;
    SAME("%d %i %u", -5, 7, 8u);
    SAME("%8d|%-8d|%08d", -5, -5, -5);
    SAME("%lx %llX %zu", 0xabcdefUL, 0x123456789abcULL, (size_t)99);
    SAME("%#x %#lx %+d % d", 0x1fu, 0xffUL, 3, 3);
    SAME("%s|%10s|%-10s|%.2s", "abc", "abc", "abc", "abc");
    SAME("%c%c%%", 'x', 'y');
    SAME("%hhu %hu", 255, 65535);
    SAME("%016lx", 0xdeadbeefUL);
    SAME("%.4u %6.3u", 7u, 7u);
    SAME("%ld", INT64_MIN);
    SAME("%*d %.*s", 6, 5, 2, "hello");
}

static void test_truncation(void **state)
{
    char buffer[4];

    (void)state;
    assert_int_equal(fmt_snprintf(buffer, sizeof(buffer), "%s", "abcdef"), 6);
    assert_string_equal(buffer, "abc");
    assert_int_equal(fmt_snprintf(NULL, 0, "%u", 123u), 3);
}

static void test_fields(void **state)
{
    (void)state;
    assert_int_equal(FIELD(63, 0), UINT64_MAX);
    assert_int_equal(FIELD(7, 4), 0xf0);
    assert_int_equal(field_get(0x1234, FIELD(11, 8)), 2);
    assert_int_equal(field_set(0xffff, FIELD(11, 8), 0), 0xf0ff);
    assert_int_equal(align_up(4097, 4096), 8192);
    assert_string_equal(error_name(E_NOMEM), "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
