/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF kernels with a PVH entry note, an uncompressed Linux among them. */
#include "arch/x86/load_formats.h"

#include "arch/x86/pvh.h"
#include "lib/bytes.h"
#include "lib/error.h"

bool pvh_matches(const struct load *load, const struct elf_image *elf)
{
    uint64_t offset, size;

    return elf_find_note(load, elf, PVH_NOTE_OWNER, PVH_NOTE_PHYS32_ENTRY, &offset, &size);
}

static int find_entry(const struct load *load, const struct elf_image *elf, uint32_t *entry)
{
    uint64_t offset, size;
    uint64_t value = 0;

    if (!elf_find_note(load, elf, PVH_NOTE_OWNER, PVH_NOTE_PHYS32_ENTRY, &offset, &size))
        return load_fail(load, E_INVAL, "ELF file without a PVH entry note");
    if (size == sizeof(uint32_t))
        value = load_le32(load->image + offset);
    else if (size == sizeof(uint64_t))
        value = load_le64(load->image + offset);
    else
        return load_fail(load, E_INVAL, "PVH entry note at 0x%lx has %lu bytes; 4 or 8 expected", offset,
                         size);
    if (value > UINT32_MAX || !elf_has_code_at(load, elf, value))
        return load_fail(load, E_INVAL, "PVH entry point 0x%lx (note at 0x%lx) is in no segment", value,
                         offset);
    *entry = (uint32_t)value;
    return 0;
}

static int put_memmap(struct load *load, struct pvh_start_info *info)
{
    struct e820_entry e820[GUEST_E820_ENTRIES];
    struct pvh_memmap_entry memmap[GUEST_E820_ENTRIES];

    info->memmap_count = guest_map_e820(load->config->mem, e820);
    for (uint32_t i = 0; i < info->memmap_count; i++)
        memmap[i] =
            (struct pvh_memmap_entry){.start = e820[i].start, .size = e820[i].size, .type = e820[i].type};
    return load_put(load, memmap, info->memmap_count * sizeof(memmap[0]), 8, &info->memmap);
}

static int put_module(struct load *load, struct pvh_start_info *info)
{
    struct pvh_module module = {.size = load->config->initrd.size};
    int error;

    if (!load_has_initrd(load))
        return 0;
    error = load_initrd_high(load, GUEST_HIGH_START, false, &module.start);
    if (error != 0)
        return error;
    info->module_count = 1;
    return load_put(load, &module, sizeof(module), 8, &info->modules);
}

int pvh_load(struct load *load, const struct elf_image *elf)
{
    struct pvh_start_info info = {
        .magic = PVH_START_MAGIC,
        .version = PVH_START_VERSION,
        .rsdp = GUEST_RSDP,
    };
    uint32_t entry;
    uint64_t at, length;
    int error = find_entry(load, elf, &entry);

    if (error == 0)
        error = elf_load(load, elf);
    if (error == 0)
        error = load_put_cmdline(load, false, &info.cmdline, &length);
    if (error == 0)
        error = put_module(load, &info);
    if (error == 0)
        error = put_memmap(load, &info);
    if (error == 0)
        error = load_put(load, &info, sizeof(info), 8, &at);
    if (error != 0)
        return error;
    start_state_flat32(load->start, entry);
    load->start->regs.gpr[X86_RBX] = at;
    return load_put_gdt(load);
}
