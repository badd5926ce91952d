/* SPDX-License-Identifier: BSD-2-Clause */
/* vdev/vfwcfg: every key as a small kernel reads it, ends of items, wrong accesses. */
#include "tests/unit/fake_machine.h"

#include "lib/bytes.h"
#include "vdev/vfwcfg.h"

static struct vfwcfg cfg;
static const uint8_t kernel[100] = {0x7f, 'E', 'L', 'F'};
static const uint8_t e820[40] = {1, 2, 3};

static int setup(void **state)
{
    struct vfwcfg_params params = {
        .cpu_count = 3,
        .cpu_count_most = 5,
        .ram_size = UINT64_C(0x123456000),
        .cmdline = "kernel arg",
        .kernel_addr = 0x100000,
        .kernel_entry = 0x100010,
        .cmdline_addr = 0x9000,
        .kernel = {kernel, sizeof(kernel)},
        .e820 = {e820, sizeof(e820)},
    };

    (void)state;
    fake_machine_init();
    vfwcfg_init(&cfg, &params);
    return vfwcfg_register(&cfg, fake_bus());
}

static void read_key(uint16_t key, void *to, size_t size)
{
    uint8_t *bytes = to;

    out16(0x510, key);
    while (size-- != 0)
        *bytes++ = in8(0x511);
}

static uint64_t number(uint16_t key)
{
    uint8_t bytes[8];

    read_key(key, bytes, sizeof(bytes));
    return load_le64(bytes);
}

static void test_keys(void **state)
{
    char text[16];
    uint8_t bytes[100];

    (void)state;
    assert_int_equal(in8(0x511), 'Q'); /* the signature is selected after reset */
    read_key(VFWCFG_SIGNATURE, text, 5);
    assert_memory_equal(text, "QEMU\0", 5);
    assert_int_equal(number(VFWCFG_ID), 1);
    assert_int_equal(number(VFWCFG_NB_CPUS), 3);
    assert_int_equal(number(VFWCFG_MAX_CPUS), 5);
    assert_true(number(VFWCFG_RAM_SIZE) == UINT64_C(0x123456000));
    assert_int_equal(number(VFWCFG_KERNEL_SIZE), 100);
    assert_int_equal(number(VFWCFG_KERNEL_ADDR), 0x100000);
    assert_int_equal(number(VFWCFG_KERNEL_ENTRY), 0x100010);
    assert_int_equal(number(VFWCFG_INITRD_SIZE), 0);
    assert_int_equal(number(VFWCFG_INITRD_DATA), 0);
    assert_int_equal(number(VFWCFG_CMDLINE_SIZE), 11);
    read_key(VFWCFG_CMDLINE_DATA, text, 11);
    assert_string_equal(text, "kernel arg");
    read_key(VFWCFG_KERNEL_DATA, bytes, 100);
    assert_memory_equal(bytes, kernel, 100);
    assert_int_equal(in8(0x511), 0);
    assert_int_equal(number(0x7777), 0);
    assert_int_equal(number(VFWCFG_NB_CPUS | 0x4000), 3);
}

static void test_directory(void **state)
{
    uint8_t directory[VFWCFG_DIR_SIZE], bytes[40];

    (void)state;
    read_key(VFWCFG_FILE_DIR, directory, sizeof(directory));
    assert_int_equal(directory[3], 1);
    assert_int_equal(directory[7], 40);
    assert_string_equal((char *)directory + 12, "etc/e820");
    read_key((uint16_t)(directory[8] << 8 | directory[9]), bytes, sizeof(bytes));
    assert_memory_equal(bytes, e820, sizeof(bytes));
}

static void test_wrong_accesses(void **state)
{
    (void)state;
    out16(0x510, VFWCFG_NB_CPUS);
    out8(0x510, VFWCFG_RAM_SIZE); /* not a selector write */
    out8(0x511, 9);
    assert_int_equal(in16(0x510), 0);
    assert_int_equal(in8(0x510), 0);
    assert_int_equal(in8(0x511), 3);
    fake_storm(0x50c, 0x514, 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys, setup),
        cmocka_unit_test_setup(test_directory, setup),
        cmocka_unit_test_setup(test_wrong_accesses, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
