/* SPDX-License-Identifier: BSD-2-Clause */
/* core/guest_ram.c over an allocator of a few free extents that checks what it is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/guest_ram.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/addr.h"
#include "lib/error.h"

#define EXTENTS_MAX 8
#define PIECES_MAX  64

struct piece {
    uint64_t start;
    uint64_t size;
};

static struct piece extents[EXTENTS_MAX]; /* free memory; pieces are cut from an extent's front */
static struct piece taken[PIECES_MAX];
static uint32_t taken_count;
static uint32_t errors_logged;

static struct vm_config vm_words = {.name = "a"};
static struct vm vm = {.config = &vm_words};

void log_error(const char *format, ...)
{
    (void)format;
    errors_logged++;
}

void panic(const char *format, ...)
{
    (void)format;
    abort();
}

uint64_t pmem_free_pages(void)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < EXTENTS_MAX; i++)
        bytes += extents[i].size;
    return bytes / PAGE_SIZE;
}

int pmem_alloc(uint64_t count, uint64_t align, hpa_t *out)
{
    for (uint32_t i = 0; i < EXTENTS_MAX; i++) {
        struct piece *extent = &extents[i];
        uint64_t at = (extent->start + align - 1) / align * align;
        uint64_t end = at + count * PAGE_SIZE;

        if (end > extent->start + extent->size)
            continue;
        extent->size -= end - extent->start;
        extent->start = end;
        assert_true(taken_count < PIECES_MAX);
        taken[taken_count++] = (struct piece){at, count * PAGE_SIZE};
        *out = hpa(at);
        return 0;
    }
    return E_NOMEM;
}

/* Any part of what was taken may go back on its own. */
void pmem_free(hpa_t start, uint64_t count)
{
    uint64_t end = start.v + count * PAGE_SIZE;

    for (uint32_t i = 0; i < taken_count; i++) {
        struct piece piece = taken[i];
        uint64_t piece_end = piece.start + piece.size;

        if (start.v < piece.start || end > piece_end)
            continue;
        taken[i] = taken[--taken_count];
        if (start.v > piece.start)
            taken[taken_count++] = (struct piece){piece.start, start.v - piece.start};
        if (end < piece_end)
            taken[taken_count++] = (struct piece){end, piece_end - end};
        return;
    }
    fail_msg("%lx was not allocated", start.v);
}

static int setup(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < EXTENTS_MAX; i++)
        extents[i] = (struct piece){0, 0};
    taken_count = 0;
    errors_logged = 0;
    vm.mem.slot_count = 0;
    return 0;
}

static int take(const struct guest_ram_range *ranges, uint32_t count)
{
    vm_words.mem = 0;
    for (uint32_t i = 0; i < count; i++)
        vm_words.mem += ranges[i].size;
    return guest_ram_take(&vm, ranges, count);
}

static void test_in_one_piece(void **state)
{
    const struct guest_ram_range range = {.start = GIB, .size = 256 * MIB};

    (void)state;
    extents[0] = (struct piece){2 * MIB, GIB};
    assert_int_equal(take(&range, 1), 0);
    assert_int_equal(vm.mem.slot_count, 1);
    assert_int_equal(vm.mem.slots[0].start.v, GIB);
    assert_int_equal(vm.mem.slots[0].size, 256 * MIB);
    guest_ram_give_back(&vm, &range, 1);
    assert_int_equal(taken_count, 0);
    assert_int_equal(vm.mem.slot_count, 0);
}

/* The hole's pages stay with the piece, and go back with it. */
static void test_hole(void **state)
{
    const struct guest_ram_range ranges[] = {
        {.start = 0, .size = 64 * MIB, .hole_start = 0xa0000, .hole_end = 0xc0000},
        {.start = 4 * GIB, .size = 2 * MIB},
    };

    (void)state;
    extents[0] = (struct piece){GIB, GIB};
    assert_int_equal(take(ranges, 2), 0);
    assert_int_equal(vm.mem.slot_count, 3);
    assert_int_equal(vm.mem.slots[0].size, 0xa0000);
    assert_int_equal(vm.mem.slots[1].start.v, 0xc0000);
    assert_int_equal(vm.mem.slots[1].host.v - vm.mem.slots[0].host.v, 0xc0000);
    assert_int_equal(vm.mem.slots[1].size, 64 * MIB - 0xc0000);
    assert_int_equal(vm.mem.slots[2].start.v, 4 * GIB);
    assert_int_equal(taken_count, 2);
    guest_ram_give_back(&vm, ranges, 2);
    assert_int_equal(taken_count, 0);
}

/* Two extents, neither large enough: pieces on multiples of 2 MiB, without a gap, all of the size. */
static void test_in_pieces(void **state)
{
    const struct guest_ram_range range = {.start = GIB, .size = 384 * MIB};
    uint64_t at = GIB;

    (void)state;
    extents[0] = (struct piece){2 * MIB, 200 * MIB};
    extents[1] = (struct piece){GIB, 300 * MIB};
    assert_int_equal(take(&range, 1), 0);
    assert_true(vm.mem.slot_count > 1);
    for (uint32_t i = 0; i < vm.mem.slot_count; i++) {
        assert_int_equal(vm.mem.slots[i].start.v, at);
        assert_int_equal(vm.mem.slots[i].start.v % (2 * MIB), 0);
        assert_int_equal(vm.mem.slots[i].host.v % (2 * MIB), 0);
        at += vm.mem.slots[i].size;
    }
    assert_int_equal(at, GIB + 384 * MIB);
    guest_ram_give_back(&vm, &range, 1);
    assert_int_equal(taken_count, 0);
}

/* Nothing stays allocated when the second range fails, and one line says so. */
static void test_too_little(void **state)
{
    const struct guest_ram_range ranges[] = {
        {.start = 0, .size = 128 * MIB, .hole_start = 0xa0000, .hole_end = 0xc0000},
        {.start = 4 * GIB, .size = 128 * MIB},
    };

    (void)state;
    extents[0] = (struct piece){2 * MIB, 200 * MIB};
    assert_int_equal(take(ranges, 2), E_NOMEM);
    assert_int_equal(taken_count, 0);
    assert_int_equal(vm.mem.slot_count, 0);
    assert_int_equal(errors_logged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_one_piece, setup),
        cmocka_unit_test_setup(test_hole, setup),
        cmocka_unit_test_setup(test_in_pieces, setup),
        cmocka_unit_test_setup(test_too_little, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
