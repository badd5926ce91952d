/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree that an arm64 guest gets, read back by libfdt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>

#include "arch/arm64/gic/vits_msi.h"
#include "arch/arm64/guest_dtb.h"
#include "arch/arm64/guest_map.h"
#include "lib/error.h"

struct cpu *fake_this_cpu;

static uint8_t tree[GUEST_DTB_SIZE];

static void write_tree(bool msi_test)
{
    const struct guest_dtb_params params = {
        .cpu_count = 17, .msi_test = msi_test, .ram_size = 64 * MIB, .cmdline = "quiet"};
    uint32_t size = 0;

    memset(tree, 0xff, sizeof(tree));
    assert_int_equal(guest_dtb_write(&params, tree, &size), 0);
    assert_int_equal(fdt_check_full(tree, size), 0);
}

static uint32_t cell(int node, const char *name, int index)
{
    int length = 0;
    const fdt32_t *cells = fdt_getprop(tree, node, name, &length);

    assert_non_null(cells);
    assert_true(length >= 4 * (index + 1));
    return fdt32_to_cpu(cells[index]);
}

/* The sender of messages is there only if asked for, and its parent is the ITS. */
static void test_msi_test(void **state)
{
    int node;

    (void)state;
    write_tree(true);
    node = fdt_node_offset_by_compatible(tree, -1, "latch,msi-test");
    assert_true(node >= 0);
    assert_int_equal(cell(node, "reg", 1), GUEST_MSI_BASE);
    assert_int_equal(cell(node, "reg", 3), GUEST_MSI_SIZE);
    assert_int_equal(fdt_node_offset_by_phandle(tree, cell(node, "msi-parent", 0)),
                     fdt_node_offset_by_compatible(tree, -1, "arm,gic-v3-its"));
    assert_int_equal(cell(node, "msi-parent", 1), VITS_MSI_DEVICE);
    write_tree(false);
    assert_int_equal(fdt_node_offset_by_compatible(tree, -1, "latch,msi-test"), -FDT_ERR_NOTFOUND);
}

static void test_cpus(void **state)
{
    (void)state;
    write_tree(false);
    assert_true(fdt_path_offset(tree, "/cpus/cpu@f") >= 0);
    assert_true(fdt_path_offset(tree, "/cpus/cpu@100") >= 0); /* the 17th */
    assert_int_equal(fdt_path_offset(tree, "/cpus/cpu@10"), -FDT_ERR_NOTFOUND);
}

/* A command line that does not fit ends in an error, not in half a tree. */
static void test_too_long(void **state)
{
    static char words[GUEST_DTB_SIZE];
    struct guest_dtb_params params = {.cpu_count = 1, .ram_size = 64 * MIB, .cmdline = words};
    uint32_t size = 0;

    (void)state;
    memset(words, 'a', sizeof(words) - 1);
    assert_int_equal(guest_dtb_write(&params, tree, &size), E_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msi_test),
        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
