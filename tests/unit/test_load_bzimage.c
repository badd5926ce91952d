/* SPDX-License-Identifier: BSD-2-Clause */
/* bzImage loader: synthetic images, every truncation, every checked field; the real Debian kernel if it is
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/linux_boot.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/error.h"
#include "load_fixture.h"

#define SETUP_SECTS  3
#define PAYLOAD_AT   ((SETUP_SECTS + 1) * 512)
#define PAYLOAD_SIZE 0x2000
#define IMAGE_SIZE   (PAYLOAD_AT + PAYLOAD_SIZE)
#define KERNEL_AT    (2 * MIB)
#define INIT_SIZE    (3 * MIB)

static uint8_t image[IMAGE_SIZE + 64];

static struct linux_setup_header *header(void)
{
    return (struct linux_setup_header *)(void *)(image + LINUX_SETUP_HEADER_OFFSET);
}

static int setup(void **state)
{
    struct linux_setup_header *h = header();

    (void)state;
    for (size_t i = 0; i < sizeof(image); i++)
        image[i] = (uint8_t)(i * 13 + (i >> 8));
    memset(image, 0, 1024);
    h->setup_sects = SETUP_SECTS;
    h->syssize = PAYLOAD_SIZE / 16;
    h->boot_flag = LINUX_BOOT_FLAG;
    h->jump = 0xeb;
    h->jump_distance = 0x26c - 0x202;
    h->header = LINUX_HEADER_MAGIC;
    h->version = 0x020f;
    h->loadflags = LINUX_LOADED_HIGH;
    h->initrd_addr_max = 0x7fffffff;
    h->kernel_alignment = 2 * MIB;
    h->relocatable_kernel = 1;
    h->xloadflags = 0x7f;
    h->cmdline_size = 2047;
    h->pref_address = KERNEL_AT;
    h->init_size = INIT_SIZE;
    fixture_vm(16 * MIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end();
    return 0;
}

static const struct linux_boot_params *params(void)
{
    return fixture_at(fixture.start.regs.gpr[X86_RSI], sizeof(struct linux_boot_params));
}

/* Walks the guest's page tables for a 2 MiB page. */
static uint64_t translate(uint64_t address)
{
    uint64_t pml4e = fixture_u64(fixture.start.cr3 + 8 * (address >> 39));
    uint64_t pdpte = fixture_u64((pml4e & FIELD(51, 12)) + 8 * ((address >> 30) & 511));
    uint64_t pde = fixture_u64((pdpte & FIELD(51, 12)) + 8 * ((address >> 21) & 511));

    assert_int_equal(pml4e & 3, 3);
    assert_int_equal(pdpte & 0x83, 3);
    assert_int_equal(pde & 0x83, 0x83);
    return (pde & FIELD(51, 21)) | (address & FIELD(20, 0));
}

static void test_loads(void **state)
{
    const struct linux_boot_params *p;

    (void)state;
    fixture.config.guest_cmdline = "console=ttyS0 quiet";
    fixture_initrd(10000);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(fixture.line_count, 0);
    assert_memory_equal(fixture_at(KERNEL_AT, PAYLOAD_SIZE), image + PAYLOAD_AT, PAYLOAD_SIZE);
    p = params();
    assert_string_equal(fixture_at(p->hdr.cmd_line_ptr, 20), "console=ttyS0 quiet");
    assert_int_equal(p->ext_cmd_line_ptr, 0);
    assert_int_equal(p->hdr.type_of_loader, 0xff);
    assert_int_equal(p->hdr.version, 0x020f);
    assert_int_equal(p->hdr.setup_data, 0);
    assert_int_equal(p->acpi_rsdp_addr, GUEST_RSDP);
    assert_int_equal(p->sentinel, 0);
    assert_int_equal(p->hdr.ramdisk_size, 10000);
    assert_int_equal(p->hdr.ramdisk_image, 16 * MIB - 12288);
    assert_int_equal(p->ext_ramdisk_image, 0);
    assert_true(fixture_is_initrd(p->hdr.ramdisk_image, 10000));
    assert_int_equal(p->e820_entries, 4);
    assert_int_equal(p->e820_table[0].start, 0);
    assert_int_equal(p->e820_table[0].size, 0x9fc00);
    assert_int_equal(p->e820_table[3].start, MIB);
    assert_int_equal(p->e820_table[3].size, 15 * MIB);
    assert_int_equal(p->e820_table[3].type, E820_RAM);
    assert_int_equal(p->alt_mem_k, 15 * 1024);
}

static void test_entry_state(void **state)
{
    const struct x86_start_state *s = &fixture.start;

    (void)state;
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(s->mode, X86_START_LONG64);
    assert_int_equal(s->regs.rip, KERNEL_AT + 0x200);
    assert_int_equal(s->regs.rflags, 2);
    assert_int_equal(s->cr0, CR0_PE | CR0_PG | CR0_ET);
    assert_int_equal(s->cr4, CR4_PAE);
    assert_int_equal(s->efer, EFER_LME | EFER_LMA);
    assert_int_equal(s->segs[X86_CS].selector, 0x10);
    assert_int_equal(s->segs[X86_CS].attr, 0xa9b);
    assert_int_equal(s->segs[X86_DS].selector, 0x18);
    assert_int_equal(s->segs[X86_SS].attr, 0xc93);
    assert_int_equal(s->gdt.limit, 31);
    assert_int_equal(fixture_u64(s->gdt.base), 0);
    assert_int_equal(fixture_u64(s->gdt.base + 0x10), 0x00af9b000000ffff);
    assert_int_equal(fixture_u64(s->gdt.base + 0x18), 0x00cf93000000ffff);
    for (uint64_t at = 0x1234; at < 4 * GIB; at += 97 * MIB)
        assert_int_equal(translate(at), at);
    assert_int_equal(translate(s->regs.rip), s->regs.rip);
    assert_int_equal(fixture_u32(0x400) & 0xffff, 0x3f8);
    assert_int_equal(fixture_u32(0x413) & 0xffff, 639);
}

/* No cut leaves a kernel that starts; the sanitizer watches the reads. */
static void test_truncations(void **state)
{
    (void)state;
    for (size_t size = 0; size < IMAGE_SIZE; size += size < 0x280 || size > IMAGE_SIZE - 20 ? 1 : 61) {
        int error = fixture_load(image, size);

        assert_in_range(-error, 1, 20);
        assert_int_equal(fixture.line_count, 1);
    }
    fixture_refuses(image, 0, E_TRUNCATED, "0 bytes");
    fixture_refuses(image, 0x207, E_TRUNCATED, "inside its setup header");
    fixture_refuses(image, 0x26b, E_TRUNCATED, "inside its setup header");
    fixture_refuses(image, 0x26c, E_TRUNCATED, "ends behind the file's end 0x26c");
    fixture_refuses(image, IMAGE_SIZE - 1, E_TRUNCATED, "ends behind the file's end");
    assert_int_equal(fixture_load(image, IMAGE_SIZE + 5), 0);
}

static void test_bad_headers(void **state)
{
    (void)state;
    header()->version = 0x020b;
    fixture_refuses(image, IMAGE_SIZE, E_NOTSUP, "boot protocol 2.11 at 0x206; 2.12 or later");
    setup(NULL);
    header()->jump_distance = 0x50;
    fixture_refuses(image, IMAGE_SIZE, E_INVAL, "setup header ends at 0x252");
    setup(NULL);
    header()->xloadflags = 2;
    fixture_refuses(image, IMAGE_SIZE, E_NOTSUP, "no 64-bit entry (xloadflags 0x2 at 0x236)");
    setup(NULL);
    header()->loadflags = 0;
    fixture_refuses(image, IMAGE_SIZE, E_NOTSUP, "loads low");
    setup(NULL);
    header()->kernel_alignment = 3 * MIB;
    fixture_refuses(image, IMAGE_SIZE, E_INVAL, "kernel_alignment 0x300000");
    header()->kernel_alignment = 0;
    fixture_refuses(image, IMAGE_SIZE, E_INVAL, "kernel_alignment 0x0");
    setup(NULL);
    header()->syssize = 0x20;
    fixture_refuses(image, IMAGE_SIZE, E_INVAL, "syssize at 0x1f4");
    header()->syssize = UINT32_MAX;
    fixture_refuses(image, IMAGE_SIZE, E_TRUNCATED, "size 0xffffffff0");
    setup(NULL);
    header()->init_size = PAYLOAD_SIZE - 1;
    fixture_refuses(image, IMAGE_SIZE, E_INVAL, "init_size 0x1fff at 0x260");
}

static void test_places(void **state)
{
    (void)state;
    header()->init_size = 15 * MIB;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "does not fit into the RAM of mem=16384K");
    header()->init_size = UINT32_MAX;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "not below 4 GiB");
    setup(NULL);
    header()->pref_address = UINT64_MAX - 2 * MIB + 1;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "not below 4 GiB");
    header()->pref_address = 64 * MIB;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "kernel with its working memory (init_size) at 0x4000000");
    header()->pref_address = 0;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "at 0x0");
}

/* The default when the field is 0: four setup sectors. */
static void test_setup_sects_default(void **state)
{
    (void)state;
    header()->setup_sects = 0;
    header()->syssize = (IMAGE_SIZE - 5 * 512) / 16;
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_memory_equal(fixture_at(KERNEL_AT, 64), image + 5 * 512, 64);
}

static void test_cmdline_limit(void **state)
{
    char text[2049];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[2047] = '\0';
    fixture.config.guest_cmdline = text;
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_string_equal(fixture_at(params()->hdr.cmd_line_ptr, 2048), text);
    text[2047] = 'x';
    text[2048] = '\0';
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "command line of 2048 characters; this kernel takes 2047");
    header()->cmdline_size = 0;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "this kernel takes 255");
}

static void test_huge_cmdline(void **state)
{
    size_t size = 200 * KIB;
    char *text = malloc(size);

    (void)state;
    memset(text, 'x', size);
    text[size - 1] = '\0';
    fixture.config.guest_cmdline = text;
    header()->cmdline_size = UINT32_MAX;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "need more than 112 KiB");
    free(text);
}

static void test_initrd_limits(void **state)
{
    (void)state;
    fixture_initrd(17 * MIB);
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "initrd of 17408 KiB finds no room beside the kernel");
    fixture_initrd(12 * MIB);
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "initrd of 12288 KiB finds no room");
    fixture_initrd(11 * MIB);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(params()->hdr.ramdisk_image, 5 * MIB);
    header()->xloadflags = LINUX_XLF_KERNEL_64;
    header()->initrd_addr_max = 8 * MIB + 99;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "below 0x800064");
    fixture_initrd(3 * MIB);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(params()->hdr.ramdisk_image, 5 * MIB);
    /* Below the kernel when that is the only gap. */
    header()->initrd_addr_max = 5 * MIB;
    fixture_initrd(MIB - 100);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(params()->hdr.ramdisk_image, MIB);
    header()->initrd_addr_max = 0;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "below 0x1 in");
}

static void test_initrd_above_4g(void **state)
{
    (void)state;
    fixture_vm(3 * GIB + 64 * MIB);
    header()->pref_address = 4 * MIB;
    header()->init_size = (uint32_t)(3 * GIB - 4 * MIB - 4096);
    fixture_initrd(5 * MIB);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(params()->hdr.ramdisk_image, 59 * MIB);
    assert_int_equal(params()->ext_ramdisk_image, 1);
    assert_true(fixture_is_initrd(4 * GIB + 59 * MIB, 5 * MIB));
    assert_int_equal(params()->e820_entries, 5);
    assert_int_equal(params()->e820_table[4].start, 4 * GIB);
    assert_int_equal(params()->e820_table[4].size, 64 * MIB);
    header()->xloadflags = LINUX_XLF_KERNEL_64;
    header()->initrd_addr_max = UINT32_MAX;
    fixture_refuses(image, IMAGE_SIZE, E_RANGE, "initrd of 5120 KiB");
}

static void test_reload(void **state)
{
    (void)state;
    fixture_initrd(4096);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_int_equal(fixture_load(image, IMAGE_SIZE), 0);
    assert_true(fixture_is_initrd(16 * MIB - 4096, 4096));
}

static void test_debian(void **state)
{
    size_t size;
    void *file = fixture_read_file("build/guests/x86/vmlinuz", &size);

    (void)state;
    if (file == NULL) {
        print_message("skipped: no build/guests/x86/vmlinuz (make run fetches it)\n");
        skip();
    }
    fixture_vm(128 * MIB);
    fixture_initrd(2 * MIB);
    assert_int_equal(fixture_load(file, size), 0);
    assert_int_equal(fixture.start.regs.rip, 16 * MIB + 0x200);
    fixture_vm(64 * MIB);
    fixture_refuses(file, size, E_RANGE, "init_size");
    for (size_t cut = 0; cut < size; cut += cut < 0x300 ? 7 : size / 50)
        assert_int_not_equal(fixture_load(file, cut), 0);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entry_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_setup_sects_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cmdline_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_cmdline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_initrd_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_initrd_above_4g, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_debian, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
