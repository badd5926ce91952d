/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes small ELF files for the loader tests: header, program headers, then contents that follow a pattern.
 * The caller may bend any field afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arch/x86/elf.h"

#define MAKER_SIZE     0x3000
#define MAKER_PHDRS_AT 0x40

struct elf_maker {
    uint8_t file[MAKER_SIZE];
    bool is_64;
    uint16_t count;
};

static inline void maker_begin(struct elf_maker *maker, bool is_64, uint64_t entry)
{
    struct elf_ident ident = {
        .magic = ELF_MAGIC,
        .class = is_64 ? ELF_CLASS_64 : ELF_CLASS_32,
        .data = ELF_DATA_LSB,
        .version = ELF_VERSION,
        .type = ELF_TYPE_EXEC,
        .machine = is_64 ? ELF_MACHINE_X86_64 : ELF_MACHINE_386,
        .version_again = ELF_VERSION,
    };

    for (size_t i = 0; i < MAKER_SIZE; i++)
        maker->file[i] = (uint8_t)(i * 11 + (i >> 8));
    memset(maker->file, 0, 0x800);
    maker->is_64 = is_64;
    maker->count = 0;
    if (is_64) {
        struct elf64_header h = {.ident = ident, .entry = entry, .phoff = MAKER_PHDRS_AT};

        h.phentsize = sizeof(struct elf64_phdr);
        memcpy(maker->file, &h, sizeof(h));
    } else {
        struct elf32_header h = {.ident = ident, .entry = (uint32_t)entry, .phoff = MAKER_PHDRS_AT};

        h.phentsize = sizeof(struct elf32_phdr);
        memcpy(maker->file, &h, sizeof(h));
    }
}

static inline void maker_add(struct elf_maker *maker, struct elf64_phdr p)
{
    struct elf32_phdr narrow = {
        .type = p.type,
        .offset = (uint32_t)p.offset,
        .vaddr = (uint32_t)p.vaddr,
        .paddr = (uint32_t)p.paddr,
        .filesz = (uint32_t)p.filesz,
        .memsz = (uint32_t)p.memsz,
        .align = (uint32_t)p.align,
    };
    size_t size = maker->is_64 ? sizeof(p) : sizeof(narrow);

    memcpy(maker->file + MAKER_PHDRS_AT + maker->count * size, maker->is_64 ? (void *)&p : (void *)&narrow,
           size);
    maker->count++;
    memcpy(maker->file +
               (maker->is_64 ? offsetof(struct elf64_header, phnum) : offsetof(struct elf32_header, phnum)),
           &maker->count, sizeof(maker->count));
}

/* A segment whose file part lies at `offset`; virtual address = physical address + `bias`. */
static inline void maker_segment(struct elf_maker *maker, uint64_t offset, uint64_t paddr, uint64_t filesz,
                                 uint64_t memsz, uint64_t bias)
{
    maker_add(maker, (struct elf64_phdr){.type = ELF_SEGMENT_LOAD,
                                         .offset = offset,
                                         .vaddr = paddr + bias,
                                         .paddr = paddr,
                                         .filesz = filesz,
                                         .memsz = memsz});
}

/* One note at `offset` and its program header. */
static inline void maker_note(struct elf_maker *maker, uint64_t offset, uint32_t type, const void *desc,
                              uint32_t desc_size)
{
    struct elf_note note = {4, desc_size, type};

    memcpy(maker->file + offset, &note, sizeof(note));
    memcpy(maker->file + offset + sizeof(note), "Xen", 4);
    memcpy(maker->file + offset + sizeof(note) + 4, desc, desc_size);
    maker_add(maker, (struct elf64_phdr){.type = ELF_SEGMENT_NOTE,
                                         .offset = offset,
                                         .filesz = sizeof(note) + 4 + desc_size,
                                         .align = 4});
}
