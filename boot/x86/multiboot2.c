/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2 information → struct boot_info. Pure and bounded: a tag is looked at only after its size has
 * been checked against the structure, its fields only after they have been checked against the tag.
 */
#include "boot/x86/multiboot2.h"

#include <stdbool.h>

#include "core/boot_regions.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define INFO_HEADER 8
#define TAG_HEADER  8
#define TAG_ALIGN   8

enum tag_type {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

#define MODULE_START 8 /* offsets in the module tag */
#define MODULE_END   12
#define MODULE_TEXT  16

#define MMAP_ENTRY_SIZE 8 /* offsets in the memory map tag */
#define MMAP_ENTRIES    16

#define ENTRY_BASE   0 /* offsets in a memory map entry */
#define ENTRY_LENGTH 8
#define ENTRY_TYPE   16
#define ENTRY_MIN    24

#define RSDP_OLD_SIZE 20

struct parser {
    struct boot_info *out;
    struct multiboot2_copies *copies;
    uint64_t problems;
};

static bool is_grub_escape(const uint8_t *text, uint32_t limit)
{
    return limit >= 2 && text[0] == '\\' && (text[1] == '\\' || text[1] == '"' || text[1] == '\'');
}

/*
 * Copies a text of at most `limit` bytes; what does not fit the pool is cut. GRUB puts a backslash before
 * every quote and backslash of a command line; it is undone here, so that guests get the words that were
 * written.
 */
static const char *copy_text(struct parser *p, const uint8_t *text, uint32_t limit)
{
    struct multiboot2_copies *c = p->copies;
    char *start = &c->text[c->text_used];

    for (uint32_t i = 0; i < limit && text[i] != 0; i++) {
        if (c->text_used + 1 >= MULTIBOOT2_TEXT) {
            p->problems |= MULTIBOOT2_TEXT_CUT;
            break;
        }
        if (is_grub_escape(text + i, limit - i))
            i++;
        c->text[c->text_used++] = (char)text[i];
    }
    c->text[c->text_used] = '\0';
    if (c->text_used + 1 < MULTIBOOT2_TEXT)
        c->text_used++;
    return start;
}

/*
 * The specification leaves open whether the text begins with the file name. GRUB leaves it out, others do
 * not. No word of ours begins with a slash or a parenthesis or holds "://", file names of loaders do.
 */
static const char *skip_file_name(const char *text)
{
    const char *end = text;
    bool is_file = *text == '/' || *text == '(';

    for (; *end != '\0' && *end != ' '; end++)
        is_file = is_file || str_starts(end, "://");
    if (!is_file)
        return text;
    while (*end == ' ')
        end++;
    return end;
}

static void add_module(struct parser *p, const uint8_t *tag, uint32_t size)
{
    uint32_t start = load_le32(tag + MODULE_START);
    uint32_t end = load_le32(tag + MODULE_END);
    struct boot_module *module;

    if (end < start) {
        p->problems |= MULTIBOOT2_BAD_TAG;
        return;
    }
    if (p->out->module_count == BOOT_MAX_MODULES) {
        p->problems |= MULTIBOOT2_MODULES_CUT;
        return;
    }
    module = &p->out->modules[p->out->module_count++];
    module->start = hpa(start);
    module->size = end - start;
    module->cmdline = skip_file_name(copy_text(p, tag + MODULE_TEXT, size - MODULE_TEXT));
}

static enum boot_region_kind region_kind(uint32_t type)
{
    switch (type) {
    case 1:
        return BOOT_REGION_RAM;
    case 3:
        return BOOT_REGION_ACPI;
    case 5:
        return BOOT_REGION_BAD;
    default:
        return BOOT_REGION_RESERVED;
    }
}

static void add_memory_map(struct parser *p, const uint8_t *tag, uint32_t size)
{
    uint32_t entry_size = load_le32(tag + MMAP_ENTRY_SIZE);
    struct multiboot2_copies *c = p->copies;

    if (entry_size < ENTRY_MIN || entry_size > size) {
        p->problems |= MULTIBOOT2_BAD_TAG;
        return;
    }
    for (uint32_t at = MMAP_ENTRIES; size - at >= entry_size; at += entry_size) {
        const uint8_t *entry = tag + at;

        if (c->raw_count == MULTIBOOT2_RAW) {
            p->problems |= MULTIBOOT2_REGIONS_CUT;
            return;
        }
        c->raw[c->raw_count++] =
            (struct boot_region){hpa(load_le64(entry + ENTRY_BASE)), load_le64(entry + ENTRY_LENGTH),
                                 region_kind(load_le32(entry + ENTRY_TYPE))};
    }
}

/* The new root pointer is better than the old one, whatever their order. */
static void add_rsdp(struct parser *p, const uint8_t *tag, uint32_t size)
{
    uint32_t bytes = (uint32_t)min_u64(size - TAG_HEADER, MULTIBOOT2_RSDP);

    if (bytes < p->copies->rsdp_size)
        return;
    memcpy(p->copies->rsdp, tag + TAG_HEADER, bytes);
    p->copies->rsdp_size = bytes;
    p->out->rsdp = hpa((uintptr_t)p->copies->rsdp);
}

static uint32_t tag_min_size(uint32_t type)
{
    switch (type) {
    case TAG_MODULE:
    case TAG_MMAP:
        return MODULE_TEXT;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        return TAG_HEADER + RSDP_OLD_SIZE;
    default:
        return TAG_HEADER;
    }
}

static void add_tag(struct parser *p, uint32_t type, const uint8_t *tag, uint32_t size)
{
    if (size < tag_min_size(type)) {
        p->problems |= MULTIBOOT2_BAD_TAG;
        return;
    }
    switch (type) {
    case TAG_CMDLINE:
        p->out->cmdline = skip_file_name(copy_text(p, tag + TAG_HEADER, size - TAG_HEADER));
        break;
    case TAG_LOADER_NAME:
        p->out->loader_name = copy_text(p, tag + TAG_HEADER, size - TAG_HEADER);
        break;
    case TAG_MODULE:
        add_module(p, tag, size);
        break;
    case TAG_MMAP:
        add_memory_map(p, tag, size);
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        add_rsdp(p, tag, size);
        break;
    default:
        break;
    }
}

uint32_t multiboot2_size(const void *info)
{
    uint32_t size = load_le32(info);

    return size < INFO_HEADER + TAG_HEADER || size > MULTIBOOT2_MAX_SIZE ? 0 : size;
}

int multiboot2_parse(const void *info, struct boot_info *out, struct multiboot2_copies *copies,
                     uint64_t *problems)
{
    struct parser p = {out, copies, MULTIBOOT2_UNENDED};
    uint32_t total = multiboot2_size(info);
    const uint8_t *bytes = info;
    uint32_t at = INFO_HEADER;

    *problems = 0;
    out->cmdline = "";
    out->loader_name = "";
    if (total == 0)
        return E_INVAL;
    while (total - at >= TAG_HEADER) {
        uint32_t type = load_le32(bytes + at);
        uint32_t size = load_le32(bytes + at + 4);

        if (type == TAG_END) {
            p.problems &= ~MULTIBOOT2_UNENDED;
            break;
        }
        if (size < TAG_HEADER || size > total - at)
            break;
        add_tag(&p, type, bytes + at, size);
        size = (uint32_t)align_up(size, TAG_ALIGN);
        if (size > total - at)
            break;
        at += size;
    }
    if (boot_regions_resolve(copies->raw, copies->raw_count, out) != 0)
        p.problems |= MULTIBOOT2_REGIONS_CUT;
    *problems = p.problems;
    return boot_regions_ram(out) == 0 ? E_NOENT : 0;
}
