/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ELF program headers. Every number is checked against the file before it is used; headers are copied
 * out, so alignment of the image does not matter.
 */
#include "arch/x86/load_elf.h"

#include "arch/x86/elf.h"
#include "lib/bytes.h"
#include "lib/error.h"
#include "lib/string.h"

#define MAX_PHDRS 128

bool elf_is_elf(const struct load *load)
{
    return load_has_bytes(load, 0, sizeof(uint32_t)) && load_le32(load->image) == ELF_MAGIC;
}

static int read_header(const struct load *load, struct elf_image *elf)
{
    struct elf_ident ident;
    struct elf64_header h64;
    struct elf32_header h32;
    uint64_t entry_size;

    if (!load_has_bytes(load, 0, sizeof(h32)))
        return load_fail(load, E_TRUNCATED, "ELF file ends inside its header, after %lu bytes", load->size);
    memcpy(&ident, load->image, sizeof(ident));
    if (ident.class != ELF_CLASS_64 && ident.class != ELF_CLASS_32)
        return load_fail(load, E_INVAL, "ELF class %u at offset 4; 1 (32 bits) or 2 (64 bits) expected",
                         ident.class);
    if (ident.data != ELF_DATA_LSB || ident.version != ELF_VERSION)
        return load_fail(load, E_INVAL, "ELF data %u, version %u at offset 5; 1, 1 (little-endian) expected",
                         ident.data, ident.version);
    if (ident.machine != ELF_MACHINE_386 && ident.machine != ELF_MACHINE_X86_64)
        return load_fail(load, E_INVAL, "ELF machine %u at offset 18; 3 (i386) or 62 (x86-64) expected",
                         ident.machine);
    if (ident.type != ELF_TYPE_EXEC && ident.type != ELF_TYPE_DYN)
        return load_fail(load, E_INVAL, "ELF type %u at offset 16; 2 (executable) or 3 (shared) expected",
                         ident.type);
    if (ident.class == ELF_CLASS_64) {
        if (!load_has_bytes(load, 0, sizeof(h64)))
            return load_fail(load, E_TRUNCATED, "ELF file ends inside its header, after %lu bytes",
                             load->size);
        memcpy(&h64, load->image, sizeof(h64));
        *elf = (struct elf_image){true, h64.phnum, h64.phoff, h64.entry};
        entry_size = h64.phentsize;
    } else {
        memcpy(&h32, load->image, sizeof(h32));
        *elf = (struct elf_image){false, h32.phnum, h32.phoff, h32.entry};
        entry_size = h32.phentsize;
    }
    if (entry_size != (elf->is_64 ? sizeof(struct elf64_phdr) : sizeof(struct elf32_phdr)))
        return load_fail(load, E_INVAL, "ELF program headers of %lu bytes; %lu expected", entry_size,
                         elf->is_64 ? sizeof(struct elf64_phdr) : sizeof(struct elf32_phdr));
    if (elf->phnum == 0 || elf->phnum > MAX_PHDRS)
        return load_fail(load, E_INVAL, "%u ELF program headers; 1 to %u expected", elf->phnum, MAX_PHDRS);
    if (!load_has_bytes(load, elf->phoff, elf->phnum * entry_size))
        return load_fail(load, E_TRUNCATED, "ELF program headers at 0x%lx end behind the file's end 0x%lx",
                         elf->phoff, load->size);
    return 0;
}

/* Header `index` in the shape of a 64-bit one; it lies inside the file. */
static struct elf64_phdr read_phdr(const struct load *load, const struct elf_image *elf, uint32_t index)
{
    struct elf64_phdr wide;
    struct elf32_phdr narrow;

    if (elf->is_64) {
        memcpy(&wide, load->image + elf->phoff + index * sizeof(wide), sizeof(wide));
        return wide;
    }
    memcpy(&narrow, load->image + elf->phoff + index * sizeof(narrow), sizeof(narrow));
    return (struct elf64_phdr){
        .type = narrow.type,
        .flags = narrow.flags,
        .offset = narrow.offset,
        .vaddr = narrow.vaddr,
        .paddr = narrow.paddr,
        .filesz = narrow.filesz,
        .memsz = narrow.memsz,
        .align = narrow.align,
    };
}

static int check_segment(const struct load *load, const struct elf64_phdr *phdr, uint32_t index,
                         uint64_t address_max)
{
    if (!load_has_bytes(load, phdr->offset, phdr->filesz))
        return load_fail(load, E_TRUNCATED,
                         "ELF segment %u: 0x%lx bytes at offset 0x%lx end behind the file's end 0x%lx", index,
                         phdr->filesz, phdr->offset, load->size);
    if (phdr->type == ELF_SEGMENT_NOTE)
        return 0;
    if (phdr->filesz > phdr->memsz)
        return load_fail(load, E_INVAL, "ELF segment %u: 0x%lx bytes in the file, more than 0x%lx in memory",
                         index, phdr->filesz, phdr->memsz);
    if (phdr->memsz != 0 && phdr->memsz - 1 > address_max - phdr->paddr)
        return load_fail(load, E_INVAL, "ELF segment %u: address 0x%lx and size 0x%lx wrap around", index,
                         phdr->paddr, phdr->memsz);
    return 0;
}

int elf_parse(const struct load *load, struct elf_image *elf)
{
    uint32_t segment_count = 0;
    int error = read_header(load, elf);

    if (error != 0)
        return error;
    for (uint32_t i = 0; i < elf->phnum; i++) {
        struct elf64_phdr phdr = read_phdr(load, elf, i);

        if (phdr.type != ELF_SEGMENT_LOAD && phdr.type != ELF_SEGMENT_NOTE)
            continue;
        error = check_segment(load, &phdr, i, elf->is_64 ? UINT64_MAX : UINT32_MAX);
        if (error != 0)
            return error;
        segment_count += phdr.type == ELF_SEGMENT_LOAD && phdr.memsz != 0;
    }
    if (segment_count == 0)
        return load_fail(load, E_INVAL, "ELF file without a segment to load");
    if (segment_count > LOAD_MAX_SEGMENTS)
        return load_fail(load, E_RANGE, "%u ELF segments to load; at most %u expected", segment_count,
                         LOAD_MAX_SEGMENTS);
    return 0;
}

/* The next segment from program header `*index` on; false: no more. */
static bool next_segment(const struct load *load, const struct elf_image *elf, uint32_t *index,
                         struct elf_segment *segment)
{
    while (*index < elf->phnum) {
        struct elf64_phdr phdr = read_phdr(load, elf, (*index)++);

        if (phdr.type == ELF_SEGMENT_LOAD && phdr.memsz != 0) {
            *segment = (struct elf_segment){phdr.offset, phdr.vaddr, phdr.paddr, phdr.filesz, phdr.memsz};
            return true;
        }
    }
    return false;
}

int elf_load(struct load *load, const struct elf_image *elf)
{
    struct elf_segment segment;
    int error = 0;

    for (uint32_t i = 0; error == 0 && next_segment(load, elf, &i, &segment);)
        error = load_claim(load, "ELF segment", segment.paddr, segment.memsz);
    for (uint32_t i = 0; error == 0 && next_segment(load, elf, &i, &segment);) {
        error = load_copy(load, segment.paddr, load->image + segment.offset, segment.filesz);
        if (error == 0)
            error = load_clear(load, segment.paddr + segment.filesz, segment.memsz - segment.filesz);
    }
    return error;
}

bool elf_has_code_at(const struct load *load, const struct elf_image *elf, uint64_t at)
{
    struct elf_segment segment;

    for (uint32_t i = 0; next_segment(load, elf, &i, &segment);)
        if (at >= segment.paddr && at - segment.paddr < segment.filesz)
            return true;
    return false;
}

int elf_find_entry(const struct load *load, const struct elf_image *elf, uint64_t *out)
{
    struct elf_segment segment;

    for (uint32_t i = 0; next_segment(load, elf, &i, &segment);) {
        if (elf->entry >= segment.vaddr && elf->entry - segment.vaddr < segment.filesz) {
            *out = segment.paddr + (elf->entry - segment.vaddr);
            return 0;
        }
    }
    *out = elf->entry;
    if (elf_has_code_at(load, elf, elf->entry))
        return 0;
    return load_fail(load, E_INVAL, "ELF entry point 0x%lx is in no segment", elf->entry);
}

/* A stretch of notes in the file. */
struct note_area {
    uint64_t start;
    uint64_t end;
    uint64_t align;
};

/* One note at `at`; moves `at` behind it. False: malformed, or the area's end. */
static bool next_note(const struct load *load, const struct note_area *area, uint64_t *at,
                      struct elf_note *note, uint64_t *name, uint64_t *desc)
{
    if (area->end - *at < sizeof(*note))
        return false;
    memcpy(note, load->image + *at, sizeof(*note));
    *name = *at + sizeof(*note);
    *desc = area->start + align_up(*name + note->name_size - area->start, area->align);
    if (*desc > area->end || note->desc_size > area->end - *desc)
        return false;
    *at = min_u64(area->end, area->start + align_up(*desc + note->desc_size - area->start, area->align));
    return true;
}

bool elf_find_note(const struct load *load, const struct elf_image *elf, const char *owner, uint32_t type,
                   uint64_t *offset, uint64_t *size)
{
    uint64_t owner_size = strlen(owner) + 1;

    for (uint32_t i = 0; i < elf->phnum; i++) {
        struct elf64_phdr phdr = read_phdr(load, elf, i);
        struct note_area area = {phdr.offset, phdr.offset + phdr.filesz, phdr.align == 8 ? 8 : 4};
        uint64_t at = area.start;
        uint64_t name, desc;
        struct elf_note note;

        if (phdr.type != ELF_SEGMENT_NOTE)
            continue;
        while (next_note(load, &area, &at, &note, &name, &desc)) {
            if (note.type == type && note.name_size == owner_size &&
                memcmp(load->image + name, owner, owner_size) == 0) {
                *offset = desc;
                *size = note.desc_size;
                return true;
            }
        }
    }
    return false;
}
