/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which format an image has. A file may qualify for several: bzImage first, then multiboot2, multiboot, PVH.
 */
#include "arch/x86/loader.h"

#include "arch/x86/load_formats.h"
#include "lib/bytes.h"
#include "lib/error.h"

/* First bytes of files that are no kernels but often given as one. */
struct known_file {
    uint32_t magic;
    uint32_t mask;
    const char *what;
};

static const struct known_file known_files[] = {
    {0x00008b1f, 0x0000ffff, "a gzip file; unpack it first"},
    {0x587a37fd, 0xffffffff, "an xz file; unpack it first"},
    {0xfd2fb528, 0xffffffff, "a zstd file; unpack it first"},
    {0x37303730, 0xffffffff, "a cpio archive; is it the initrd?"},
    {0x00005a4d, 0x0000ffff, "an EFI program and no bzImage"},
};

static int fail_unknown(const struct load *load)
{
    uint32_t magic;

    if (load->size < sizeof(magic))
        return load_fail(load, E_TRUNCATED, "kernel file of %lu bytes", load->size);
    magic = load_le32(load->image);
    for (size_t i = 0; i < ARRAY_COUNT(known_files); i++)
        if ((magic & known_files[i].mask) == known_files[i].magic)
            return load_fail(load, E_INVAL, "kernel file is %s", known_files[i].what);
    return load_fail(
        load, E_INVAL,
        "kernel file is none of bzImage, ELF with PVH note, multiboot, multiboot2; it begins with "
        "%02x %02x %02x %02x",
        load->image[0], load->image[1], load->image[2], load->image[3]);
}

static int load_elf(struct load *load)
{
    struct elf_image elf;
    int error = elf_parse(load, &elf);

    if (error != 0)
        return error;
    if (!pvh_matches(load, &elf))
        return load_fail(load, E_INVAL, "ELF file with neither a multiboot header nor a PVH entry note");
    return pvh_load(load, &elf);
}

/* Format by format; the first that fits. */
static int load_by_format(struct load *load, const char **format)
{
    if (bzimage_matches(load)) {
        *format = "bzImage";
        return bzimage_load(load);
    }
    if (multiboot2_matches(load)) {
        *format = "multiboot2";
        return multiboot2_load(load);
    }
    if (multiboot1_matches(load)) {
        *format = "multiboot";
        return multiboot1_load(load);
    }
    if (elf_is_elf(load)) {
        *format = "ELF with PVH note";
        return load_elf(load);
    }
    return fail_unknown(load);
}

int x86_load_image(struct vm *vm, const struct vm_config *vm_config, struct x86_start_state *start)
{
    const char *format = NULL;
    struct load load;
    int error;

    load_init(&load, vm, vm_config, start);
    if (guest_map_write_bda(vm) != 0)
        return load_fail(&load, E_FAULT, "no memory at the BIOS data area");
    error = load_by_format(&load, &format);
    start->format = format;
    return error;
}
