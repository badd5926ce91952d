/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of an ELF file that a loader needs (System V ABI, "ELF Header", "Program Header", "Note
 * Section").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELF_MAGIC UINT32_C(0x464c457f) /* "\177ELF" */

#define ELF_CLASS_32       1
#define ELF_CLASS_64       2
#define ELF_DATA_LSB       1
#define ELF_VERSION        1
#define ELF_TYPE_EXEC      2
#define ELF_TYPE_DYN       3
#define ELF_MACHINE_386    3
#define ELF_MACHINE_X86_64 62

#define ELF_SEGMENT_LOAD 1
#define ELF_SEGMENT_NOTE 4

/* The same in both classes. */
struct elf_ident {
    uint32_t magic;
    uint8_t class;
    uint8_t data;
    uint8_t version;
    uint8_t abi;
    uint8_t reserved_0x08[8];
    uint16_t type;
    uint16_t machine;
    uint32_t version_again;
};

struct elf32_header {
    struct elf_ident ident;
    uint32_t entry;
    uint32_t phoff;
    uint32_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

struct elf64_header {
    struct elf_ident ident;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

struct elf32_phdr {
    uint32_t type;
    uint32_t offset;
    uint32_t vaddr;
    uint32_t paddr;
    uint32_t filesz;
    uint32_t memsz;
    uint32_t flags;
    uint32_t align;
};

struct elf64_phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

struct elf_note {
    uint32_t name_size;
    uint32_t desc_size;
    uint32_t type;
};

_Static_assert(sizeof(struct elf_ident) == 24, "both headers begin with it");
_Static_assert(sizeof(struct elf32_header) == 52, "ELF32 header");
_Static_assert(sizeof(struct elf64_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf32_phdr) == 32, "ELF32 program header");
_Static_assert(sizeof(struct elf64_phdr) == 56, "ELF64 program header");
_Static_assert(offsetof(struct elf64_header, phentsize) == 54, "ELF64 header");
