/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading by the address fields of a multiboot header. */
#include "arch/x86/load_flat.h"

#include "lib/error.h"

int flat_load(struct load *load, const struct flat_image *flat, uint64_t entry)
{
    uint64_t offset, size, memory;
    int error;

    if (flat->header_addr < flat->load_addr || flat->header_addr - flat->load_addr > flat->header_offset)
        return load_fail(
            load, E_INVAL,
            "multiboot header: load_addr 0x%x does not suit header_addr 0x%x, header at file offset 0x%lx",
            flat->load_addr, flat->header_addr, flat->header_offset);
    offset = flat->header_offset - (flat->header_addr - flat->load_addr);
    if (flat->load_end_addr != 0 && flat->load_end_addr < flat->load_addr)
        return load_fail(load, E_INVAL, "multiboot header: load_end_addr 0x%x is below load_addr 0x%x",
                         flat->load_end_addr, flat->load_addr);
    size = flat->load_end_addr != 0 ? flat->load_end_addr - flat->load_addr : load->size - offset;
    if (!load_has_bytes(load, offset, size))
        return load_fail(load, E_TRUNCATED,
                         "multiboot header: 0x%lx bytes at offset 0x%lx end behind the file's end 0x%lx",
                         size, offset, load->size);
    memory = size;
    if (flat->bss_end_addr != 0) {
        if (flat->bss_end_addr < flat->load_addr + size)
            return load_fail(load, E_INVAL,
                             "multiboot header: bss_end_addr 0x%x is below the loaded end 0x%lx",
                             flat->bss_end_addr, flat->load_addr + size);
        memory = flat->bss_end_addr - flat->load_addr;
    }
    if (entry < flat->load_addr || entry - flat->load_addr >= size)
        return load_fail(load, E_INVAL, "multiboot header: entry 0x%lx is outside of what is loaded", entry);
    error = load_claim(load, "kernel", flat->load_addr, memory);
    if (error == 0)
        error = load_copy(load, flat->load_addr, load->image + offset, size);
    if (error == 0)
        error = load_clear(load, flat->load_addr + size, memory - size);
    return error;
}
