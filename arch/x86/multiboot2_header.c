/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tags of a kernel's multiboot2 header. Optional tags that mean nothing here are skipped; so are those for
 * loaders that run on EFI or may move the kernel.
 */
#include "arch/x86/multiboot2_header.h"

#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

bool multiboot2_find_header(const struct load *load, uint64_t *offset)
{
    uint64_t end = min_u64(load->size, MULTIBOOT2_HEADER_SEARCH);

    for (uint64_t at = 0; at + sizeof(struct multiboot2_header) <= end; at += MULTIBOOT2_ALIGN) {
        const uint8_t *header = load->image + at;

        if (load_le32(header) == MULTIBOOT2_HEADER_MAGIC && load_le32(header + 4) == MULTIBOOT2_ARCH_I386 &&
            load_le32(header) + load_le32(header + 4) + load_le32(header + 8) + load_le32(header + 12) == 0) {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* A list of information tags that the kernel must have: we give, or could give, those of the specification.
 */
static int check_request(const struct load *load, uint64_t at, uint64_t size)
{
    for (uint64_t i = 0; i + sizeof(uint32_t) <= size; i += sizeof(uint32_t)) {
        uint32_t type = load_le32(load->image + at + i);

        if (type >= MULTIBOOT2_TAG_TYPES)
            return load_fail(load, E_NOTSUP,
                             "multiboot2 header at 0x%lx requires unknown information, type %u", at, type);
    }
    return 0;
}

/* One tag whose payload of `size` bytes at `at` lies inside the image. */
static int take_tag(const struct load *load, struct multiboot2_request *request,
                    const struct multiboot2_header_tag *tag, uint64_t at, uint64_t size)
{
    uint64_t needed = tag->type == MULTIBOOT2_HEADER_ADDRESS ? sizeof(request->addresses)
                      : tag->type == MULTIBOOT2_HEADER_ENTRY ? sizeof(request->entry)
                                                             : 0;
    bool optional = (tag->flags & MULTIBOOT2_TAG_OPTIONAL) != 0;

    if (size < needed)
        return load_fail(load, E_INVAL, "multiboot2 header tag %u at 0x%lx has %lu bytes; %lu expected",
                         tag->type, at - sizeof(*tag), size + sizeof(*tag), needed + sizeof(*tag));
    switch ((enum multiboot2_header_tag_type)tag->type) {
    case MULTIBOOT2_HEADER_REQUEST:
        return optional ? 0 : check_request(load, at, size);
    case MULTIBOOT2_HEADER_ADDRESS:
        memcpy(&request->addresses, load->image + at, sizeof(request->addresses));
        request->has_addresses = true;
        return 0;
    case MULTIBOOT2_HEADER_ENTRY:
        request->entry = load_le32(load->image + at);
        request->has_entry = true;
        return 0;
    case MULTIBOOT2_HEADER_END:
    case MULTIBOOT2_HEADER_CONSOLE:
    case MULTIBOOT2_HEADER_FRAMEBUFFER:
    case MULTIBOOT2_HEADER_ALIGN_MODULES:
    case MULTIBOOT2_HEADER_EFI_SERVICES:
    case MULTIBOOT2_HEADER_EFI_ENTRY_32:
    case MULTIBOOT2_HEADER_EFI_ENTRY_64:
    case MULTIBOOT2_HEADER_RELOCATABLE:
        return 0;
    }
    if (!optional)
        return load_fail(load, E_NOTSUP, "multiboot2 header tag at 0x%lx: unknown requirement, type %u",
                         at - sizeof(*tag), tag->type);
    return 0;
}

int multiboot2_read_header(const struct load *load, struct multiboot2_request *request)
{
    struct multiboot2_header header;
    struct multiboot2_header_tag tag;
    uint64_t at, end;

    memset(request, 0, sizeof(*request));
    if (!multiboot2_find_header(load, &request->offset))
        return load_fail(load, E_INVAL, "no multiboot2 header");
    memcpy(&header, load->image + request->offset, sizeof(header));
    if (header.length < sizeof(header) || !load_has_bytes(load, request->offset, header.length))
        return load_fail(load, E_TRUNCATED,
                         "multiboot2 header at 0x%lx: length 0x%x ends behind the file's end 0x%lx",
                         request->offset, header.length, load->size);
    end = request->offset + header.length;
    for (at = request->offset + sizeof(header); at < end && end - at >= sizeof(tag);
         at += align_up(tag.size, MULTIBOOT2_ALIGN)) {
        int error;

        memcpy(&tag, load->image + at, sizeof(tag));
        if (tag.type == MULTIBOOT2_HEADER_END)
            return 0;
        if (tag.size < sizeof(tag) || tag.size > end - at)
            return load_fail(load, E_INVAL,
                             "multiboot2 header tag %u at 0x%lx: size 0x%x leads out of the header", tag.type,
                             at, tag.size);
        error = take_tag(load, request, &tag, at + sizeof(tag), tag.size - sizeof(tag));
        if (error != 0)
            return error;
    }
    return load_fail(load, E_INVAL, "multiboot2 header at 0x%lx has no end tag", request->offset);
}
