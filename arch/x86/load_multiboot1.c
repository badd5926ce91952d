/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot (version 1) kernels: ELF files by their program headers, other files by the addresses in the
 * header. Entered in flat 32-bit mode with EBX at the information.
 */
#include "arch/x86/load_formats.h"

#include "arch/x86/load_flat.h"
#include "arch/x86/multiboot1.h"
#include "core/log.h"
#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define LOADER_NAME "Latch"
#define MODULE_NAME "initrd"

/* Offset of the header; false if there is none. */
static bool find_header(const struct load *load, uint64_t *offset)
{
    uint64_t end = min_u64(load->size, MULTIBOOT1_HEADER_SEARCH);

    for (uint64_t at = 0; at + MULTIBOOT1_HEADER_SIZE_SHORT <= end; at += MULTIBOOT1_HEADER_ALIGN) {
        const uint8_t *header = load->image + at;

        if (load_le32(header) == MULTIBOOT1_HEADER_MAGIC &&
            load_le32(header) + load_le32(header + 4) + load_le32(header + 8) == 0) {
            *offset = at;
            return true;
        }
    }
    return false;
}

bool multiboot1_matches(const struct load *load)
{
    uint64_t offset;

    return find_header(load, &offset);
}

static int read_header(const struct load *load, struct multiboot1_header *header, uint64_t *offset)
{
    uint64_t unknown;

    if (!find_header(load, offset))
        return load_fail(load, E_INVAL, "no multiboot header");
    memset(header, 0, sizeof(*header));
    memcpy(header, load->image + *offset, MULTIBOOT1_HEADER_SIZE_SHORT);
    unknown = header->flags & MULTIBOOT1_MUST_KNOW & ~MULTIBOOT1_KNOWN;
    if (unknown != 0)
        return load_fail(load, E_NOTSUP, "multiboot header at 0x%lx: unknown requirements 0x%lx in its flags",
                         *offset, unknown);
    if ((header->flags & MULTIBOOT1_WANT_VIDEO) != 0)
        log_warn("vm %s: kernel asks for a video mode; there is no display", load->config->name);
    if ((header->flags & MULTIBOOT1_HAS_ADDRESSES) == 0)
        return 0;
    if (!load_has_bytes(load, *offset, sizeof(*header)))
        return load_fail(load, E_TRUNCATED, "file ends inside the multiboot header at 0x%lx", *offset);
    memcpy(header, load->image + *offset, sizeof(*header));
    return 0;
}

static int load_by_addresses(struct load *load, const struct multiboot1_header *header, uint64_t offset,
                             uint64_t *entry)
{
    struct flat_image flat = {
        .header_offset = offset,
        .header_addr = header->header_addr,
        .load_addr = header->load_addr,
        .load_end_addr = header->load_end_addr,
        .bss_end_addr = header->bss_end_addr,
    };

    *entry = header->entry_addr;
    return flat_load(load, &flat, *entry);
}

static int load_by_elf(struct load *load, uint64_t *entry)
{
    struct elf_image elf;
    int error;

    if (!elf_is_elf(load))
        return load_fail(load, E_INVAL,
                         "multiboot header without load addresses (flags bit 16), and not an ELF file");
    error = elf_parse(load, &elf);
    if (error == 0)
        error = elf_find_entry(load, &elf, entry);
    if (error == 0 && *entry > UINT32_MAX)
        error = load_fail(load, E_RANGE, "entry point 0x%lx is not below 4 GiB", *entry);
    return error != 0 ? error : elf_load(load, &elf);
}

static int put_modules(struct load *load, struct multiboot1_info *info)
{
    struct multiboot1_module module = {0};
    uint64_t start, name, at;
    int error;

    info->flags |= (uint32_t)MULTIBOOT1_INFO_MODULES;
    if (!load_has_initrd(load))
        return 0;
    error = load_initrd_behind(load, &start);
    if (error == 0)
        error = load_put(load, MODULE_NAME, sizeof(MODULE_NAME), 4, &name);
    if (error != 0)
        return error;
    module.start = (uint32_t)start;
    module.end = (uint32_t)(start + load->config->initrd.size);
    module.cmdline = (uint32_t)name;
    error = load_put(load, &module, sizeof(module), 4, &at);
    info->modules = (uint32_t)at;
    info->module_count = 1;
    return error;
}

static int put_memory(struct load *load, struct multiboot1_info *info)
{
    struct e820_entry e820[GUEST_E820_ENTRIES];
    struct multiboot1_mmap_entry mmap[GUEST_E820_ENTRIES];
    uint32_t count = guest_map_e820(load->config->mem, e820);
    uint64_t at;
    int error;

    for (uint32_t i = 0; i < count; i++)
        mmap[i] = (struct multiboot1_mmap_entry){
            .size = sizeof(mmap[0]) - sizeof(mmap[0].size),
            .start = e820[i].start,
            .length = e820[i].size,
            .type = e820[i].type,
        };
    error = load_put(load, mmap, count * sizeof(mmap[0]), 4, &at);
    info->flags |= (uint32_t)(MULTIBOOT1_INFO_MEMORY | MULTIBOOT1_INFO_MMAP);
    info->mem_lower = (uint32_t)(GUEST_EBDA_START / KIB);
    info->mem_upper = (uint32_t)((guest_map_low_end(load->config->mem) - GUEST_BIOS_END) / KIB);
    info->mmap = (uint32_t)at;
    info->mmap_size = count * (uint32_t)sizeof(mmap[0]);
    return error;
}

static int put_texts(struct load *load, struct multiboot1_info *info)
{
    uint64_t cmdline, length, name;
    int error = load_put_cmdline(load, true, &cmdline, &length);

    if (error == 0)
        error = load_put(load, LOADER_NAME, sizeof(LOADER_NAME), 4, &name);
    if (error != 0)
        return error;
    info->flags |= (uint32_t)(MULTIBOOT1_INFO_CMDLINE | MULTIBOOT1_INFO_LOADER_NAME);
    info->cmdline = (uint32_t)cmdline;
    info->loader_name = (uint32_t)name;
    return 0;
}

int multiboot1_load(struct load *load)
{
    struct multiboot1_header header;
    struct multiboot1_info info = {0};
    uint64_t offset, entry, at;
    int error = read_header(load, &header, &offset);

    if (error == 0)
        error = (header.flags & MULTIBOOT1_HAS_ADDRESSES) != 0
                    ? load_by_addresses(load, &header, offset, &entry)
                    : load_by_elf(load, &entry);
    if (error == 0)
        error = put_texts(load, &info);
    if (error == 0)
        error = put_modules(load, &info);
    if (error == 0)
        error = put_memory(load, &info);
    if (error == 0)
        error = load_put(load, &info, sizeof(info), 8, &at);
    if (error != 0)
        return error;
    start_state_flat32(load->start, (uint32_t)entry);
    load->start->regs.gpr[X86_RAX] = MULTIBOOT1_LOADER_MAGIC;
    load->start->regs.gpr[X86_RBX] = at;
    return load_put_gdt(load);
}
