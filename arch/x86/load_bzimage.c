/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux bzImage by the 64-bit boot protocol: the protected-mode part at its preferred address, boot
 * parameters, command line, page tables and GDT in the scratch area, the initrd as high as the kernel accepts
 * it.
 */
#include "arch/x86/load_formats.h"

#include "arch/x86/linux_boot.h"
#include "core/guest_mem.h"
#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define HEADER_MAGIC_OFFSET (LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, header))
#define VERSION_OFFSET      (LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, version))
#define BOOT_FLAG_OFFSET    (LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, boot_flag))
#define JUMP_END_OFFSET     (LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, header))

/* Long-mode page tables: 2 MiB pages over the first 4 GiB. */
#define PTE_PRESENT   BIT(0)
#define PTE_WRITE     BIT(1)
#define PTE_LARGE     BIT(7)
#define TABLE_ENTRIES 512
#define IDENTITY_GIBS 4
#define LARGE_PAGE    (2 * MIB)

struct payload {
    uint64_t offset; /* in the image */
    uint64_t size;
};

bool bzimage_matches(const struct load *load)
{
    return load_has_bytes(load, HEADER_MAGIC_OFFSET, sizeof(uint32_t)) &&
           load_le16(load->image + BOOT_FLAG_OFFSET) == LINUX_BOOT_FLAG &&
           load_le32(load->image + HEADER_MAGIC_OFFSET) == LINUX_HEADER_MAGIC;
}

/* Copies the setup header and checks it as far as this is possible without the VM. */
static int read_header(const struct load *load, struct linux_setup_header *header)
{
    uint64_t end;

    memset(header, 0, sizeof(*header));
    if (!load_has_bytes(load, VERSION_OFFSET, sizeof(header->version)))
        return load_fail(load, E_TRUNCATED, "bzImage ends inside its setup header, after %lu bytes",
                         load->size);
    memcpy(&header->version, load->image + VERSION_OFFSET, sizeof(header->version));
    if (header->version < LINUX_VERSION_NEEDED)
        return load_fail(load, E_NOTSUP, "bzImage: boot protocol %u.%02u at 0x206; 2.12 or later expected",
                         header->version >> 8, header->version & 0xffu);
    end = JUMP_END_OFFSET + load->image[JUMP_END_OFFSET - 1];
    if (end < LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, handover_offset))
        return load_fail(load, E_INVAL,
                         "bzImage: setup header ends at 0x%lx (byte 0x201); at least 0x264 expected", end);
    end = min_u64(end, LINUX_SETUP_HEADER_OFFSET + sizeof(*header));
    if (!load_has_bytes(load, 0, end))
        return load_fail(load, E_TRUNCATED, "bzImage ends inside its setup header, after %lu bytes",
                         load->size);
    memcpy(header, load->image + LINUX_SETUP_HEADER_OFFSET, end - LINUX_SETUP_HEADER_OFFSET);
    if ((header->xloadflags & LINUX_XLF_KERNEL_64) == 0)
        return load_fail(load, E_NOTSUP,
                         "bzImage: no 64-bit entry (xloadflags 0x%x at 0x236); bit 0 expected",
                         header->xloadflags);
    if ((header->loadflags & LINUX_LOADED_HIGH) == 0)
        return load_fail(load, E_NOTSUP, "bzImage: loads low (loadflags 0x%x at 0x211); bit 0 expected",
                         header->loadflags);
    if (!is_power_of_two(header->kernel_alignment) || header->pref_address % header->kernel_alignment != 0)
        return load_fail(
            load, E_INVAL,
            "bzImage: pref_address 0x%lx at 0x258 is no multiple of kernel_alignment 0x%x at 0x230",
            header->pref_address, header->kernel_alignment);
    return 0;
}

static int find_payload(const struct load *load, const struct linux_setup_header *header,
                        struct payload *payload)
{
    uint64_t sectors = header->setup_sects != 0 ? header->setup_sects : LINUX_SETUP_SECTS_DEFAULT;

    payload->offset = (sectors + 1) * LINUX_SECTOR_SIZE;
    payload->size = (uint64_t)header->syssize * 16;
    if (payload->size <= LINUX_ENTRY_64)
        return load_fail(load, E_INVAL,
                         "bzImage: kernel of 0x%lx bytes (syssize at 0x1f4) has no 64-bit entry",
                         payload->size);
    if (!load_has_bytes(load, payload->offset, payload->size))
        return load_fail(
            load, E_TRUNCATED,
            "bzImage: kernel at 0x%lx, size 0x%lx (syssize at 0x1f4), ends behind the file's end 0x%lx",
            payload->offset, payload->size, load->size);
    if (header->init_size < payload->size)
        return load_fail(load, E_INVAL,
                         "bzImage: init_size 0x%x at 0x260 is less than the kernel's 0x%lx bytes",
                         header->init_size, payload->size);
    return 0;
}

/* PML4, PDPT, four page directories, next to each other; the PML4's address comes back. */
static int put_page_tables(struct load *load, uint64_t *cr3)
{
    uint64_t *table;
    uint64_t directories;
    int error = load_scratch(load, (2 + IDENTITY_GIBS) * PAGE_SIZE, PAGE_SIZE, cr3);

    if (error != 0)
        return error;
    table = guest_ptr(load->vm, gpa(*cr3), (2 + IDENTITY_GIBS) * PAGE_SIZE);
    if (table == NULL)
        return load_fail(load, E_FAULT, "no contiguous memory for page tables at 0x%lx", *cr3);
    memset(table, 0, 2 * PAGE_SIZE);
    table[0] = (*cr3 + PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
    directories = *cr3 + 2 * PAGE_SIZE;
    for (uint64_t i = 0; i < IDENTITY_GIBS; i++)
        table[TABLE_ENTRIES + i] = (directories + i * PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
    for (uint64_t i = 0; i < IDENTITY_GIBS * TABLE_ENTRIES; i++)
        table[2 * TABLE_ENTRIES + i] = (i * LARGE_PAGE) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
    return 0;
}

static int put_cmdline(struct load *load, struct linux_boot_params *params)
{
    uint32_t max = params->hdr.cmdline_size != 0 ? params->hdr.cmdline_size : LINUX_CMDLINE_MAX_DEFAULT;
    uint64_t at, length;
    int error = load_put_cmdline(load, false, &at, &length);

    if (error != 0)
        return error;
    if (length > max)
        return load_fail(load, E_RANGE,
                         "command line of %lu characters; this kernel takes %u (cmdline_size at 0x238)",
                         length, max);
    params->hdr.cmd_line_ptr = (uint32_t)at;
    return 0;
}

static int put_initrd(struct load *load, struct linux_boot_params *params)
{
    bool above_4g = (params->hdr.xloadflags & LINUX_XLF_CAN_BE_LOADED_ABOVE_4G) != 0;
    uint64_t limit = above_4g ? GUEST_HIGH_START : (uint64_t)params->hdr.initrd_addr_max + 1;
    uint64_t size = load->config->initrd.size;
    uint64_t at;
    int error;

    if (!load_has_initrd(load))
        return 0;
    error = load_initrd_high(load, limit, above_4g, &at);
    if (error != 0)
        return error;
    params->hdr.ramdisk_image = (uint32_t)at;
    params->hdr.ramdisk_size = (uint32_t)size;
    params->ext_ramdisk_image = (uint32_t)(at >> 32);
    params->ext_ramdisk_size = (uint32_t)(size >> 32);
    return 0;
}

static void fill_params(const struct load *load, struct linux_boot_params *params)
{
    struct linux_setup_header *header = &params->hdr;

    header->type_of_loader = LINUX_LOADER_UNDEFINED;
    header->vid_mode = LINUX_VGA_NORMAL;
    header->code32_start = (uint32_t)header->pref_address;
    header->ramdisk_image = 0;
    header->ramdisk_size = 0;
    header->setup_data = 0;
    params->acpi_rsdp_addr = GUEST_RSDP;
    params->alt_mem_k = (uint32_t)((guest_map_low_end(load->config->mem) - MIB) / KIB);
    params->e820_entries = (uint8_t)guest_map_e820(load->config->mem, params->e820_table);
}

/* Everything behind the checks of the image itself; `params` is the guest's page, no vCPU runs yet. */
static int place(struct load *load, struct linux_boot_params *params, const struct payload *payload)
{
    const struct linux_setup_header *header = &params->hdr;
    int error;

    if (header->pref_address >= GUEST_HIGH_START - header->init_size)
        return load_fail(load, E_RANGE, "bzImage: pref_address 0x%lx at 0x258 is not below 4 GiB",
                         header->pref_address);
    error = load_claim(load, "kernel with its working memory (init_size)", header->pref_address,
                       header->init_size);
    if (error == 0)
        error = put_cmdline(load, params);
    if (error == 0)
        error = put_initrd(load, params);
    if (error == 0)
        error = load_copy(load, header->pref_address, load->image + payload->offset, payload->size);
    return error;
}

int bzimage_load(struct load *load)
{
    struct linux_setup_header header;
    struct linux_boot_params *params;
    struct payload payload;
    uint64_t params_at, cr3;
    int error = read_header(load, &header);

    if (error == 0)
        error = find_payload(load, &header, &payload);
    if (error == 0)
        error = load_scratch(load, sizeof(*params), PAGE_SIZE, &params_at);
    if (error == 0)
        error = put_page_tables(load, &cr3);
    if (error != 0)
        return error;
    params = guest_ptr(load->vm, gpa(params_at), sizeof(*params));
    if (params == NULL)
        return load_fail(load, E_FAULT, "no memory for boot parameters at 0x%lx", params_at);
    memset(params, 0, sizeof(*params));
    params->hdr = header;
    fill_params(load, params);
    error = place(load, params, &payload);
    if (error != 0)
        return error;
    start_state_long64(load->start, header.pref_address + LINUX_ENTRY_64, cr3);
    load->start->regs.gpr[X86_RSI] = params_at;
    return load_put_gdt(load);
}
