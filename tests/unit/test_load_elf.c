/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF parsing and the PVH loader; the dispatch between formats; the real vmlinux if it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/pvh.h"
#include "lib/addr.h"
#include "lib/error.h"
#include "load_elf_maker.h"
#include "load_fixture.h"

#define TEXT_AT 0x1000
#define NOTE_AT 0x600

static struct elf_maker maker;
static const uint32_t pvh_entry = MIB + 0x40;

static void make(bool is_64)
{
    maker_begin(&maker, is_64, 0x12345678);
    maker_segment(&maker, TEXT_AT, MIB, 0x1000, 0x1000, 0);
    maker_segment(&maker, 0x2000, 2 * MIB, 0x123, 0x5000, 0xffffffff80000000);
    maker_note(&maker, NOTE_AT, PVH_NOTE_PHYS32_ENTRY, &pvh_entry, sizeof(pvh_entry));
}

static int setup(void **state)
{
    (void)state;
    make(true);
    fixture_vm(16 * MIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_end();
    return 0;
}

static const struct pvh_start_info *info(void)
{
    return fixture_at(fixture.start.regs.gpr[X86_RBX], sizeof(struct pvh_start_info));
}

static void check_pvh(void)
{
    const struct x86_start_state *s = &fixture.start;
    const struct pvh_memmap_entry *map;
    const struct pvh_module *module;

    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_int_equal(fixture.line_count, 0);
    assert_memory_equal(fixture_at(MIB, 0x1000), maker.file + TEXT_AT, 0x1000);
    assert_memory_equal(fixture_at(2 * MIB, 0x123), maker.file + 0x2000, 0x123);
    for (uint64_t at = 0x123; at < 0x5000; at++)
        assert_int_equal(*(const uint8_t *)fixture_at(2 * MIB + at, 1), 0);
    assert_int_equal(*(const uint8_t *)fixture_at(2 * MIB + 0x5000, 1), 0xaa);
    assert_int_equal(s->mode, X86_START_FLAT32);
    assert_int_equal(s->regs.rip, pvh_entry);
    assert_int_equal(s->cr0, CR0_PE | CR0_ET);
    assert_int_equal(s->cr4, 0);
    assert_int_equal(s->efer, 0);
    assert_int_equal(s->segs[X86_CS].attr, 0xc9b);
    assert_int_equal(s->segs[X86_CS].limit, UINT32_MAX);
    assert_int_equal(s->tr.attr, 0x8b);
    assert_int_equal(s->tr.limit, 0x67);
    assert_int_equal(info()->magic, 0x336ec578);
    assert_int_equal(info()->version, 1);
    assert_int_equal(info()->rsdp, GUEST_RSDP);
    assert_string_equal(fixture_at(info()->cmdline, 4), "a=b");
    assert_int_equal(info()->module_count, 1);
    module = fixture_at(info()->modules, sizeof(*module));
    assert_int_equal(module->size, 5000);
    assert_int_equal(module->start, 16 * MIB - 8192);
    assert_true(fixture_is_initrd(module->start, 5000));
    assert_int_equal(info()->memmap_count, 4);
    map = fixture_at(info()->memmap, 4 * sizeof(*map));
    assert_int_equal(map[3].start, MIB);
    assert_int_equal(map[3].size, 15 * MIB);
    assert_int_equal(map[3].type, 1);
    assert_int_equal(map[2].type, 2);
}

static void test_pvh(void **state)
{
    (void)state;
    fixture.config.guest_cmdline = "a=b";
    fixture_initrd(5000);
    check_pvh();
    make(false);
    check_pvh();
}

static void test_truncations(void **state)
{
    (void)state;
    for (int is_64 = 0; is_64 < 2; is_64++) {
        make(is_64 != 0);
        for (size_t size = 0; size < 0x2123;
             size += size < 0x180 || (size >= 0x5f0 && size < 0x640) ? 1 : 37) {
            int error = fixture_load(maker.file, size);

            assert_in_range(-error, 1, 20);
            assert_int_equal(fixture.line_count, 1);
        }
        assert_int_equal(fixture_load(maker.file, 0x2123), 0);
    }
    fixture_refuses(maker.file, 51, E_TRUNCATED, "inside its header");
    fixture_refuses(maker.file, 0x2122, E_TRUNCATED, "ELF segment 1: 0x123 bytes at offset 0x2000");
}

static void test_bad_headers(void **state)
{
    struct elf64_header *h = (struct elf64_header *)(void *)maker.file;

    (void)state;
    h->ident.class = 3;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "ELF class 3 at offset 4");
    setup(NULL);
    h->ident.data = 2;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "ELF data 2");
    setup(NULL);
    h->ident.machine = 183;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "ELF machine 183");
    setup(NULL);
    h->ident.type = 1;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "ELF type 1");
    setup(NULL);
    h->phentsize = 32;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "headers of 32 bytes; 56");
    setup(NULL);
    h->phnum = 0;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "0 ELF program headers");
    h->phnum = UINT16_MAX;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "65535 ELF program headers");
    setup(NULL);
    h->phoff = UINT64_MAX - 10;
    fixture_refuses(maker.file, MAKER_SIZE, E_TRUNCATED, "ELF program headers at 0xfffffffffffffff5");
    h->phoff = MAKER_SIZE - 3 * sizeof(struct elf64_phdr) + 1;
    fixture_refuses(maker.file, MAKER_SIZE, E_TRUNCATED, "ELF program headers");
}

static struct elf64_phdr *phdr(uint32_t index)
{
    return (struct elf64_phdr *)(void *)(maker.file + MAKER_PHDRS_AT) + index;
}

static void test_bad_segments(void **state)
{
    (void)state;
    phdr(1)->filesz = 0x5001;
    fixture_refuses(maker.file, MAKER_SIZE, E_TRUNCATED, "ELF segment 1: 0x5001 bytes");
    phdr(1)->memsz = 0x122;
    phdr(1)->filesz = 0x123;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL,
                    "ELF segment 1: 0x123 bytes in the file, more than 0x122");
    setup(NULL);
    phdr(1)->offset = UINT64_MAX - 0x10;
    fixture_refuses(maker.file, MAKER_SIZE, E_TRUNCATED, "at offset 0xffffffffffffffef");
    setup(NULL);
    phdr(1)->paddr = UINT64_MAX - 0x1000;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "address 0xffffffffffffefff and size 0x5000 wrap");
    setup(NULL);
    phdr(1)->memsz = UINT64_MAX;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "wrap around");
    setup(NULL);
    phdr(1)->paddr = MIB + 0xfff;
    fixture_refuses(maker.file, MAKER_SIZE, E_OVERLAP,
                    "ELF segment at 0x100fff overlaps ELF segment at 0x100000");
    phdr(1)->paddr = MIB - 0x1000;
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "ELF segment at 0xff000, 20 KiB, does not fit");
    phdr(1)->paddr = 16 * MIB - 0x4fff;
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "ELF segment at 0xffb001");
    phdr(1)->paddr = 0x9b000;
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "does not fit");
    phdr(1)->paddr = 0x7f000;
    fixture_refuses(maker.file, MAKER_SIZE, E_OVERLAP, "overlaps Latch's boot information at 0x80000");
    phdr(1)->paddr = 0;
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    phdr(1)->type = 0;
    phdr(0)->memsz = 0;
    phdr(0)->filesz = 0;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "without a segment");
}

/* What would fit 64-bit arithmetic wraps in a 32-bit file. */
static void test_wrap_32(void **state)
{
    struct elf32_phdr *p = (struct elf32_phdr *)(void *)(maker.file + MAKER_PHDRS_AT);

    (void)state;
    fixture_vm(3 * GIB + 64 * MIB);
    make(false);
    p[1].paddr = UINT32_MAX - 0x1000;
    p[1].memsz = 0x3000;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "wrap around");
    p[1].paddr = (uint32_t)(3 * GIB);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "at 0xc0000000");
}

static void test_many_segments(void **state)
{
    (void)state;
    maker_begin(&maker, true, 0);
    for (uint32_t i = 0; i < 24; i++)
        maker_segment(&maker, TEXT_AT, MIB + i * 0x1000, 0x1000, 0x1000, 0);
    phdr(23)->type = ELF_SEGMENT_NOTE;
    phdr(23)->offset = NOTE_AT;
    phdr(23)->filesz = 0;
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "neither a multiboot header nor a PVH entry note");
    maker_segment(&maker, TEXT_AT, 2 * MIB, 1, 1, 0);
    maker_segment(&maker, TEXT_AT, 3 * MIB, 1, 1, 0);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "25 ELF segments to load; at most 24");
}

static void test_high_segment(void **state)
{
    (void)state;
    fixture_vm(3 * GIB + 64 * MIB);
    phdr(1)->paddr = 4 * GIB + MIB;
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_memory_equal(fixture_at(4 * GIB + MIB, 0x123), maker.file + 0x2000, 0x123);
}

static void refuses_note(const void *desc, uint32_t size, const char *text)
{
    maker_begin(&maker, true, 0);
    maker_segment(&maker, TEXT_AT, MIB, 0x1000, 0x1000, 0);
    maker_note(&maker, NOTE_AT, PVH_NOTE_PHYS32_ENTRY, desc, size);
    fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, text);
}

static void test_notes(void **state)
{
    uint64_t wide = MIB + 8;

    (void)state;
    refuses_note(&wide, 3, "has 3 bytes; 4 or 8");
    wide = BIT(32) + MIB;
    refuses_note(&wide, 8, "PVH entry point 0x100100000");
    wide = MIB + 0x1000;
    refuses_note(&wide, 8, "PVH entry point 0x101000");
    wide = MIB + 0xfff;
    maker_begin(&maker, true, 0);
    maker_segment(&maker, TEXT_AT, MIB, 0x1000, 0x1000, 0);
    maker_note(&maker, NOTE_AT, 5, "other", 5);
    maker_note(&maker, NOTE_AT + 0x100, PVH_NOTE_PHYS32_ENTRY, &wide, 8);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_int_equal(fixture.start.regs.rip, wide);
    /* Sizes that lead out of the area end the search. */
    for (uint32_t field = 0; field < 2; field++) {
        memset(maker.file + NOTE_AT + 0x100 + 4 * field, 0xff, 4);
        fixture_refuses(maker.file, MAKER_SIZE, E_INVAL, "neither");
    }
}

/* Two notes in one area, with padding; first wrong, then right. */
static void test_note_padding(void **state)
{
    struct elf_note note = {6, 1, PVH_NOTE_PHYS32_ENTRY};
    uint8_t *at = maker.file + NOTE_AT;

    (void)state;
    for (uint64_t align = 4; align <= 8; align += 4) {
        uint64_t first = align_up(12 + 6, align);
        uint64_t second = align_up(first + 1, align);

        maker_begin(&maker, true, 0);
        maker_segment(&maker, TEXT_AT, MIB, 0x1000, 0x1000, 0);
        memcpy(at, &note, sizeof(note));
        memcpy(at + 12, "Other", 6);
        memcpy(at + second, &(struct elf_note){4, 4, PVH_NOTE_PHYS32_ENTRY}, sizeof(note));
        memcpy(at + second + 12, "Xen", 4);
        memcpy(at + second + 16, &pvh_entry, 4);
        maker_add(&maker,
                  (struct elf64_phdr){
                      .type = ELF_SEGMENT_NOTE, .offset = NOTE_AT, .filesz = second + 20, .align = align});
        assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
        assert_int_equal(fixture.start.regs.rip, pvh_entry);
    }
}

static void test_initrd_too_large(void **state)
{
    (void)state;
    fixture_initrd(15 * MIB);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "initrd of 15360 KiB finds no room");
    fixture_initrd(20 * MIB);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "initrd of 20480 KiB finds no room");
    fixture_initrd(13 * MIB);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
}

static void test_no_kernels(void **state)
{
    static const char text[] = "#!/bin/sh\necho this is no kernel\n";

    (void)state;
    fixture_refuses(text, sizeof(text), E_INVAL,
                    "none of bzImage, ELF with PVH note, multiboot, multiboot2; it "
                    "begins with 23 21 2f 62");
    fixture_refuses("", 0, E_TRUNCATED, "kernel file of 0 bytes");
    fixture_refuses("ab", 2, E_TRUNCATED, "kernel file of 2 bytes");
    fixture_refuses("\x1f\x8b\x08\x00\x00", 5, E_INVAL, "a gzip file");
    fixture_refuses("070701000", 9, E_INVAL, "a cpio archive");
    fixture_refuses("MZxxxxxx", 8, E_INVAL, "an EFI program");
}

static void test_smallest_vm(void **state)
{
    (void)state;
    fixture_vm(MIB);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "mem=1024K");
    phdr(0)->paddr = 0x1000;
    phdr(1)->paddr = 0x10000;
    memcpy(maker.file + NOTE_AT + 16, &(uint32_t){0x1040}, 4);
    assert_int_equal(fixture_load(maker.file, MAKER_SIZE), 0);
    assert_int_equal(info()->memmap_count, 3);
    fixture_initrd(1);
    fixture_refuses(maker.file, MAKER_SIZE, E_RANGE, "initrd of 1 KiB finds no room");
}

static void test_vmlinux(void **state)
{
    size_t size;
    void *file = fixture_read_file("build/guests/x86/vmlinux", &size);

    (void)state;
    if (file == NULL) {
        print_message("skipped: no build/guests/x86/vmlinux (make run fetches it)\n");
        skip();
    }
    fixture_vm(128 * MIB);
    fixture_initrd(2 * MIB);
    assert_int_equal(fixture_load(file, size), 0);
    assert_in_range(fixture.start.regs.rip, 16 * MIB, 64 * MIB);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pvh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrap_32, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_high_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_note_padding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_initrd_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_kernels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smallest_vm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vmlinux, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
