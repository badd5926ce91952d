/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Image loaders under libFuzzer. The input bends a well-formed image: byte 0 chooses the format, bytes 1-2
 * cut the file, byte 3 gives an initrd, and each following 6 bytes overwrite 4 bytes at an offset. Format 6
 * takes the input as it is. Checked on top of the sanitizers: one line exactly on failure, none on success,
 * and an entry point in RAM.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/linux_boot.h"
#include "arch/x86/loader.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/bytes.h"
#include "tests/unit/load_elf_maker.h"

#define MEM        (4 * MIB)
#define IMAGE_SIZE MAKER_SIZE
#define FORMATS    7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lines;

void log_error(const char *format, ...)
{
    (void)format;
    lines++;
}

void log_warn(const char *format, ...)
{
    (void)format;
}

_Noreturn void panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "property violated: %s\n", what);
    abort();
}

static struct vm vm;

static void make_vm(void)
{
    struct guest_range ranges[GUEST_RAM_RANGES];
    uint32_t count = guest_map_ram(MEM, ranges);

    if (vm.mem.slot_count != 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        vm.mem.slots[i] =
            (struct guest_slot){gpa(ranges[i].start), ranges[i].size, ptr_to_hpa(calloc(1, ranges[i].size))};
    vm.mem.slot_count = count;
}

static void make_bzimage(uint8_t *image)
{
    struct linux_setup_header header = {
        .setup_sects = 3,
        .syssize = 0x200,
        .boot_flag = LINUX_BOOT_FLAG,
        .jump = 0xeb,
        .jump_distance = 0x26c - 0x202,
        .header = LINUX_HEADER_MAGIC,
        .version = 0x020f,
        .loadflags = 1,
        .initrd_addr_max = 0x7fffffff,
        .kernel_alignment = 0x100000,
        .relocatable_kernel = 1,
        .xloadflags = 0x7f,
        .cmdline_size = 2047,
        .pref_address = 0x100000,
        .init_size = 0x100000,
    };

    memset(image, 0, IMAGE_SIZE);
    memcpy(image + LINUX_SETUP_HEADER_OFFSET, &header, sizeof(header));
}

static void make_elf(uint8_t *image, bool is_64, bool with_note)
{
    static struct elf_maker maker;
    uint32_t entry = 0x100040;

    maker_begin(&maker, is_64, entry);
    maker_segment(&maker, 0x1000, 0x100000, 0x1000, 0x2000, 0);
    maker_segment(&maker, 0x2000, 0x200000, 0x123, 0x5000, 0);
    if (with_note)
        maker_note(&maker, 0x600, 18, &entry, sizeof(entry));
    memcpy(image, maker.file, IMAGE_SIZE);
}

/* Both kinds of multiboot header, each with everything it can hold. */
static void put_multiboot1(uint8_t *image, bool with_addresses)
{
    uint32_t flags = with_addresses ? 0x10003 : 3;
    uint32_t words[] = {0x1badb002, flags, 0u - 0x1badb002u - flags, 0x100700, 0x100000, 0, 0, 0x100800};

    memcpy(image + 0x700, words, sizeof(words));
}

static void put_multiboot2(uint8_t *image)
{
    uint32_t words[] = {0xe85250d6, 0,  72,       0u - 0xe85250d6u - 72u,
                        1,          16, 4,        6,
                        2,          24, 0x100700, 0x100000,
                        0,          0,  3,        12,
                        0x100800,   0,  0,        8};

    words[2] = sizeof(words);
    words[3] = 0u - words[0] - words[2];
    memcpy(image + 0x700, words, sizeof(words));
}

static void make_image(uint8_t *image, unsigned int format)
{
    switch (format) {
    case 0:
        make_bzimage(image);
        break;
    case 1:
    case 2:
        make_elf(image, format == 2, true);
        break;
    case 3:
        make_elf(image, false, false);
        put_multiboot1(image, false);
        break;
    case 4:
        memset(image, 0, IMAGE_SIZE);
        put_multiboot1(image, true);
        break;
    default:
        memset(image, 0, IMAGE_SIZE);
        put_multiboot2(image);
        break;
    }
}

static void run(const uint8_t *image, size_t size, size_t initrd_size)
{
    struct x86_start_state start;
    uint8_t *exact = malloc(size + 1);
    uint8_t *initrd = calloc(1, initrd_size + 1);
    struct vm_config vm_config = {
        .name = "fuzz",
        .valid = true,
        .cpus = 1,
        .mem = MEM,
        .guest_cmdline = "console=ttyS0",
        .kernel = {ptr_to_hpa(exact), size, "fuzz:kernel"},
        .has_initrd = initrd_size != 0,
        .initrd = {ptr_to_hpa(initrd), initrd_size, "fuzz:initrd"},
    };
    int error;

    exact = realloc(exact, size != 0 ? size : 1);
    vm_config.kernel.start = ptr_to_hpa(exact);
    memcpy(exact, image, size);
    vm.config = &vm_config;
    lines = 0;
    error = x86_load_image(&vm, &vm_config, &start);
    expect(lines == (error != 0), "one line on failure, none on success");
    if (error == 0) {
        expect(guest_map_is_usable(MEM, start.regs.rip, 1), "the entry point is RAM");
        expect(guest_map_is_usable(MEM, start.gdt.base, start.gdt.limit + 1u), "the GDT is RAM");
    }
    free(exact);
    free(initrd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t image[IMAGE_SIZE];
    size_t length = IMAGE_SIZE;

    make_vm();
    if (size < 4)
        return 0;
    if (data[0] % FORMATS == FORMATS - 1) {
        run(data + 4, size - 4, data[3] * 100u);
        return 0;
    }
    make_image(image, data[0] % FORMATS);
    if (load_le16(data + 1) != 0)
        length = load_le16(data + 1) % (IMAGE_SIZE + 1);
    for (size_t at = 4; at + 6 <= size; at += 6) {
        size_t offset = load_le16(data + at) % (IMAGE_SIZE - 4);

        memcpy(image + offset, data + at + 2, 4);
    }
    run(image, length, data[3] < 250 ? data[3] * 100u : data[3] * 20000u);
    return 0;
}
