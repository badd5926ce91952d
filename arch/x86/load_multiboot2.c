/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2 kernels, in 32-bit protected mode: ELF files by their program headers, others by the address
 * tag. The information tags are written one behind the other into the scratch area.
 */
#include "arch/x86/load_formats.h"

#include "arch/x86/load_flat.h"
#include "arch/x86/multiboot2.h"
#include "arch/x86/multiboot2_header.h"
#include "core/guest_mem.h"
#include "lib/addr.h"
#include "lib/error.h"
#include "lib/string.h"

#define LOADER_NAME "Latch"
#define MODULE_NAME "initrd"

/* ACPI specification, "Root System Description Pointer". */
#define RSDP_SIGNATURE       "RSD PTR "
#define RSDP_SIGNATURE_SIZE  8
#define RSDP_REVISION_OFFSET 15
#define RSDP_SIZE_1          20
#define RSDP_SIZE_2          36

bool multiboot2_matches(const struct load *load)
{
    uint64_t offset;

    return multiboot2_find_header(load, &offset);
}

static int load_by_addresses(struct load *load, const struct multiboot2_request *request)
{
    struct flat_image flat = {
        .header_offset = request->offset,
        .header_addr = request->addresses.header_addr,
        .load_addr = request->addresses.load_addr,
        .load_end_addr = request->addresses.load_end_addr,
        .bss_end_addr = request->addresses.bss_end_addr,
    };

    if (!request->has_entry)
        return load_fail(load, E_INVAL,
                         "multiboot2 header at 0x%lx: address tag without an entry address tag",
                         request->offset);
    return flat_load(load, &flat, request->entry);
}

static int load_by_elf(struct load *load, const struct multiboot2_request *request, uint64_t *entry)
{
    struct elf_image elf;
    int error;

    if (!elf_is_elf(load))
        return load_fail(load, E_INVAL, "multiboot2 header without an address tag, and not an ELF file");
    error = elf_parse(load, &elf);
    if (error != 0)
        return error;
    if (!request->has_entry)
        error = elf_find_entry(load, &elf, entry);
    else if (!elf_has_code_at(load, &elf, *entry))
        error = load_fail(load, E_INVAL, "multiboot2 header: entry 0x%lx is in no segment", *entry);
    if (error == 0 && *entry > UINT32_MAX)
        error = load_fail(load, E_RANGE, "entry point 0x%lx is not below 4 GiB", *entry);
    return error != 0 ? error : elf_load(load, &elf);
}

/* Tags begin on multiples of 8, and nothing else uses the scratch area until they are complete. */
static int put_tag(struct load *load, uint32_t type, const void *payload, uint64_t size)
{
    struct multiboot2_tag tag = {.type = type, .size = (uint32_t)(sizeof(tag) + size)};
    uint64_t at;
    int error = load_put(load, &tag, sizeof(tag), MULTIBOOT2_ALIGN, &at);

    return error != 0 || size == 0 ? error : load_put(load, payload, size, 1, &at);
}

static int put_cmdline(struct load *load)
{
    struct multiboot2_tag tag = {.type = MULTIBOOT2_CMDLINE};
    uint64_t at, text, length;
    int error = load_scratch(load, sizeof(tag), MULTIBOOT2_ALIGN, &at);

    if (error == 0)
        error = load_put_cmdline(load, true, &text, &length);
    if (error != 0)
        return error;
    tag.size = (uint32_t)(text + length + 1 - at);
    return load_copy(load, at, &tag, sizeof(tag));
}

static int put_module(struct load *load, uint64_t initrd)
{
    struct {
        struct multiboot2_module module;
        char name[sizeof(MODULE_NAME)];
    } tag = {
        .module = {(uint32_t)initrd, (uint32_t)(initrd + load->config->initrd.size)},
        .name = MODULE_NAME,
    };

    return put_tag(load, MULTIBOOT2_MODULE, &tag, sizeof(tag.module) + sizeof(tag.name));
}

static int put_memory(struct load *load)
{
    struct multiboot2_memory memory = {
        .lower = (uint32_t)(GUEST_EBDA_START / KIB),
        .upper = (uint32_t)((guest_map_low_end(load->config->mem) - GUEST_BIOS_END) / KIB),
    };
    struct {
        struct multiboot2_mmap head;
        struct multiboot2_mmap_entry entries[GUEST_E820_ENTRIES];
    } map = {.head = {.entry_size = sizeof(map.entries[0])}};
    struct e820_entry e820[GUEST_E820_ENTRIES];
    uint32_t count = guest_map_e820(load->config->mem, e820);
    int error;

    for (uint32_t i = 0; i < count; i++)
        map.entries[i] = (struct multiboot2_mmap_entry){
            .start = e820[i].start,
            .length = e820[i].size,
            .type = e820[i].type,
        };
    error = put_tag(load, MULTIBOOT2_MEMORY, &memory, sizeof(memory));
    return error != 0
               ? error
               : put_tag(load, MULTIBOOT2_MMAP, &map, sizeof(map.head) + count * sizeof(map.entries[0]));
}

/* A copy of the guest's own RSDP, if its tables are there. */
static int put_rsdp(struct load *load)
{
    uint8_t rsdp[RSDP_SIZE_2];

    if (guest_read(load->vm, gpa(GUEST_RSDP), rsdp, sizeof(rsdp)) != 0 ||
        memcmp(rsdp, RSDP_SIGNATURE, RSDP_SIGNATURE_SIZE) != 0)
        return 0;
    if (rsdp[RSDP_REVISION_OFFSET] < 2)
        return put_tag(load, MULTIBOOT2_RSDP_1, rsdp, RSDP_SIZE_1);
    return put_tag(load, MULTIBOOT2_RSDP_2, rsdp, RSDP_SIZE_2);
}

static int put_info(struct load *load, uint64_t *info_at)
{
    struct multiboot2_info info = {0};
    uint64_t initrd = 0;
    int error = load_has_initrd(load) ? load_initrd_behind(load, &initrd) : 0;

    if (error == 0)
        error = load_scratch(load, sizeof(info), MULTIBOOT2_ALIGN, info_at);
    if (error == 0)
        error = put_cmdline(load);
    if (error == 0)
        error = put_tag(load, MULTIBOOT2_LOADER_NAME, LOADER_NAME, sizeof(LOADER_NAME));
    if (error == 0 && initrd != 0)
        error = put_module(load, initrd);
    if (error == 0)
        error = put_memory(load);
    if (error == 0)
        error = put_rsdp(load);
    if (error == 0)
        error = put_tag(load, MULTIBOOT2_END, NULL, 0);
    if (error != 0)
        return error;
    info.size = (uint32_t)(load->scratch_next - *info_at);
    return load_copy(load, *info_at, &info, sizeof(info));
}

int multiboot2_load(struct load *load)
{
    struct multiboot2_request request;
    uint64_t entry, info;
    int error = multiboot2_read_header(load, &request);

    if (error != 0)
        return error;
    entry = request.entry;
    error = request.has_addresses ? load_by_addresses(load, &request) : load_by_elf(load, &request, &entry);
    if (error == 0)
        error = put_info(load, &info);
    if (error != 0)
        return error;
    start_state_flat32(load->start, (uint32_t)entry);
    load->start->regs.gpr[X86_RAX] = MULTIBOOT2_LOADER_MAGIC;
    load->start->regs.gpr[X86_RBX] = info;
    return load_put_gdt(load);
}
