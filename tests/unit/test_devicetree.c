/* SPDX-License-Identifier: BSD-2-Clause */
/* boot/arm64/devicetree.c: a whole tree, trees cut anywhere and with any byte changed, nodes that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/devicetree_fixture.h"

static uint8_t tree[TREE_MAX] __attribute__((aligned(8)));
static struct devicetree dt;

static void test_whole(void **state)
{
    uint32_t size = tree_virt(tree);

    (void)state;
    tree_read(tree, size, &dt);
    assert_int_equal(dt.problems, 0);
    assert_int_equal(dt.psci, PSCI_SMC);
    assert_int_equal(dt.cpu_count, 2);
    assert_int_equal(dt.cpus[1], 1);
    assert_true(dt.cpu_psci[0] && dt.cpu_psci[1]);
    assert_int_equal(dt.gic_version, 3);
    assert_int_equal(dt.gicd.base, 0x08000000);
    assert_int_equal(dt.gicr_count, 1);
    assert_int_equal(dt.gicr[0].base, 0x080a0000);
    assert_int_equal(dt.gicr[0].size, 0xf60000);
    assert_int_equal(dt.gicr_stride, 0);
    assert_int_equal(dt.its.base, 0x08080000);
    assert_int_equal(dt.maintenance_intid, 25);
    assert_int_equal(dt.virt_timer_intid, 27);
    assert_int_equal(dt.hyp_timer_intid, 26);
    assert_int_equal(dt.console.base, 0x09100000);
    assert_int_equal(dt.console_intid, 33);
    assert_string_equal(dt.text, "on-end=poweroff log=warn");
    assert_int_equal(dt.initrd.base, 0x44000000);
    assert_int_equal(dt.initrd.size, 0x1234);
    assert_int_equal(dt.raw_count, 4);
    assert_int_equal(dt.raw[0].kind, BOOT_REGION_RAM);
    assert_int_equal(dt.raw[1].start.v, UINT64_C(0x800000000));
    assert_int_equal(dt.raw[2].kind, BOOT_REGION_RESERVED);
    assert_int_equal(dt.raw[3].start.v, 0x48000000);
}

/* The file cut short, its header's total size lowered to match: nothing outside is read, and it is noticed.
 */
static void test_cut(void **state)
{
    uint32_t whole = tree_virt(tree);

    (void)state;
    for (uint32_t size = 0; size < whole; size++) {
        fdt_set_totalsize(tree, size);
        tree_read(tree, size, &dt);
        assert_true(dt.cpu_count == 0 || (dt.problems & DEVICETREE_DAMAGED) != 0);
    }
}

/* Any byte may be anything: whatever comes out keeps to the tables' sizes. */
static void test_bytes_changed(void **state)
{
    static const uint8_t with[] = {0x01, 0x02, 0x04, 0x80, 0xff};
    uint32_t size = tree_virt(tree);

    (void)state;
    for (uint32_t i = 0; i < size; i++)
        for (uint32_t j = 0; j < ARRAY_COUNT(with); j++) {
            tree[i] ^= with[j];
            tree_read(tree, size, &dt);
            tree[i] ^= with[j];
            assert_true(dt.cpu_count <= MAX_CPUS && dt.raw_count <= DEVICETREE_RAW);
            assert_true(dt.gicr_count <= DEVICETREE_GICR);
            assert_non_null(memchr(dt.text, 0, sizeof(dt.text)));
        }
}

static void test_not_a_tree(void **state)
{
    (void)state;
    tree_virt(tree);
    assert_int_equal(devicetree_size(NULL), 0);
    fdt_set_totalsize(tree, DEVICETREE_MAX_SIZE + 1);
    assert_int_equal(devicetree_size(tree), 0);
    fdt_set_totalsize(tree, DEVICETREE_HEADER - 1);
    assert_int_equal(devicetree_size(tree), 0);
    tree_virt(tree);
    fdt_set_magic(tree, 0xd00dfeee);
    assert_int_equal(devicetree_size(tree), 0);
}

/* A device below two buses that move addresses, and one that no bus lets through. */
static void test_ranges(void **state)
{
    (void)state;
    tree_start(tree);
    tree_begin(tree, "soc");
    TREE_CELLS(tree, "#address-cells", 1);
    TREE_CELLS(tree, "#size-cells", 1);
    TREE_CELLS(tree, "ranges", 0x1000, 2, 0x00001000, 0x1000, 0x80000000, 1, 0, 0x1000000);
    tree_begin(tree, "apb");
    TREE_CELLS(tree, "#address-cells", 1);
    TREE_CELLS(tree, "#size-cells", 1);
    TREE_CELLS(tree, "ranges", 0, 0x80000000, 0x100000);
    tree_begin(tree, "outside@200000");
    tree_text(tree, "compatible", "arm,pl011");
    TREE_CELLS(tree, "reg", 0x200000, 0x1000);
    tree_end(tree);
    tree_begin(tree, "inside@2000");
    tree_text(tree, "compatible", "arm,pl011");
    TREE_CELLS(tree, "reg", 0x2000, 0x1000);
    tree_end(tree);
    tree_end(tree);
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
    assert_int_equal(dt.console.base, UINT64_C(0x100002000));
    assert_int_equal(dt.console_intid, 0);
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
}

static void chosen(const char *path)
{
    tree_start(tree);
    tree_console(tree, "a@9000000", 0x09000000);
    tree_console(tree, "b@9100000", 0x09100000);
    tree_begin(tree, "chosen");
    if (path != NULL)
        tree_text(tree, "stdout-path", path);
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
}

static void test_stdout(void **state)
{
    char longer[2 * DEVICETREE_PATH];

    (void)state;
    chosen(NULL);
    assert_int_equal(dt.console.base, 0x09000000);
    chosen("/b@9100000");
    assert_int_equal(dt.console.base, 0x09100000);
    chosen("/b@9100000:115200");
    assert_int_equal(dt.console.base, 0x09100000);
    chosen("serial7"); /* no aliases at all */
    assert_int_equal(dt.console.base, 0x09000000);
    memset(longer, '/', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    chosen(longer);
    assert_int_equal(dt.console.base, 0x09000000);
}

static void gic(uint32_t regions, uint32_t stride_cells)
{
    static const uint32_t strides[] = {0x40000, 0x40000};

    tree_start(tree);
    tree_begin(tree, "intc");
    tree_text(tree, "compatible", "arm,gic-v3");
    TREE_CELLS(tree, "#redistributor-regions", regions);
    if (stride_cells == 1)
        tree_cells(tree, "redistributor-stride", 1, strides);
    else if (stride_cells == 2)
        TREE_CELLS(tree, "redistributor-stride", 0, 0x40000);
    TREE_CELLS(tree, "reg", 0, 0x08000000, 0, 0x10000, 0, 0x09000000, 0, 0x40000, 0, 0x0a000000, 0, 0x80000);
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
}

static void test_gic_regions(void **state)
{
    (void)state;
    gic(2, 1);
    assert_int_equal(dt.gicr_count, 2);
    assert_int_equal(dt.gicr[1].base, 0x0a000000);
    assert_int_equal(dt.gicr_stride, 0x40000);
    gic(1, 2);
    assert_int_equal(dt.gicr_count, 1);
    assert_int_equal(dt.gicr_stride, 0x40000);
    assert_int_equal(dt.problems, 0);
    gic(3, 0); /* more than `reg` has */
    assert_int_equal(dt.gicr_count, 2);
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
    gic(9, 0);
    assert_int_equal(dt.gic_version, 0);
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
}

static void one_node(const char *compatible, const char *method)
{
    tree_start(tree);
    tree_begin(tree, "node");
    tree_text(tree, "compatible", compatible);
    if (method != NULL)
        tree_text(tree, "method", method);
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
}

static void test_lacks(void **state)
{
    (void)state;
    one_node("arm,cortex-a15-gic", NULL);
    assert_int_equal(dt.gic_version, 2);
    one_node("arm,gic-v3", NULL);
    assert_int_equal(dt.gic_version, 0);
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
    one_node("arm,psci", "smc");
    assert_int_equal(dt.psci, PSCI_NONE);
    assert_int_equal(dt.problems, DEVICETREE_OLD_PSCI);
    one_node("arm,psci-0.2", "hvc");
    assert_int_equal(dt.psci, PSCI_HVC);
    one_node("arm,psci-0.2", "telepathy");
    assert_int_equal(dt.psci, PSCI_NONE);
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
    one_node("arm,armv8-timer", NULL);
    assert_int_equal(dt.hyp_timer_intid, 0);
}

/* More reserved memory than fits: none of the RAM may be used, since some of it is somebody's. */
static void test_too_many_regions(void **state)
{
    (void)state;
    tree_start(tree);
    tree_memory(tree);
    tree_begin(tree, "reserved-memory");
    TREE_CELLS(tree, "#address-cells", 1);
    TREE_CELLS(tree, "#size-cells", 1);
    tree_require(fdt_property(tree, "ranges", NULL, 0));
    for (uint32_t i = 0; i < DEVICETREE_RAW; i++) {
        tree_begin(tree, "x");
        TREE_CELLS(tree, "reg", 0x50000000 + 0x2000 * i, 0x1000);
        tree_end(tree);
    }
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
    assert_int_equal(dt.problems, DEVICETREE_REGIONS_CUT);
    assert_int_equal(dt.raw_count, 0);
}

static void test_too_many_cpus(void **state)
{
    (void)state;
    tree_start(tree);
    tree_begin(tree, "cpus");
    TREE_CELLS(tree, "#address-cells", 1);
    TREE_CELLS(tree, "#size-cells", 0);
    for (uint32_t i = 0; i <= MAX_CPUS; i++) {
        tree_begin(tree, "c");
        tree_text(tree, "device_type", "cpu");
        TREE_CELLS(tree, "reg", i);
        tree_end(tree);
    }
    tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
    assert_int_equal(dt.cpu_count, MAX_CPUS);
    assert_false(dt.cpu_psci[0]);
    assert_int_equal(dt.problems, DEVICETREE_CPUS_CUT);
}

/* Cell counts that no address has, ranges that wrap, nodes deeper than we look. */
static void test_nonsense(void **state)
{
    (void)state;
    tree_start(tree);
    tree_begin(tree, "bus");
    TREE_CELLS(tree, "#address-cells", 0x40000000);
    TREE_CELLS(tree, "#size-cells", 0x40000000);
    tree_require(fdt_property(tree, "ranges", NULL, 0));
    tree_begin(tree, "uart");
    tree_text(tree, "compatible", "arm,pl011");
    TREE_CELLS(tree, "reg", 1, 2, 3, 4);
    tree_end(tree);
    tree_end(tree);
    tree_begin(tree, "memory@0");
    tree_text(tree, "device_type", "memory");
    TREE_CELLS(tree, "reg", 0xffffffff, 0xfffff000, 0, 0x2000);
    tree_end(tree);
    for (uint32_t i = 0; i < 3 * DEVICETREE_MAX_LEVELS; i++)
        tree_begin(tree, "deep");
    tree_text(tree, "compatible", "arm,pl011");
    for (uint32_t i = 0; i < 3 * DEVICETREE_MAX_LEVELS; i++)
        tree_end(tree);
    tree_read(tree, tree_finish(tree), &dt);
    assert_int_equal(dt.console.base, 0);
    assert_int_equal(dt.raw_count, 1); /* the reservation map's */
    assert_int_equal(dt.problems, DEVICETREE_BAD_NODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_bytes_changed),
        cmocka_unit_test(test_not_a_tree),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_stdout),
        cmocka_unit_test(test_gic_regions),
        cmocka_unit_test(test_lacks),
        cmocka_unit_test(test_too_many_regions),
        cmocka_unit_test(test_too_many_cpus),
        cmocka_unit_test(test_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
