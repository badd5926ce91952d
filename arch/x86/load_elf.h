/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF files, 32 and 64 bits, as the formats that build on them need them: program headers read and checked
 * into one shape, then copied. Knows nothing about how the kernel is entered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/load.h"
#include "lib/bits.h"

/* The checked header; the program headers are read from the image again whenever they are needed. */
struct elf_image {
    bool is_64;
    uint32_t phnum;
    uint64_t phoff;
    uint64_t entry; /* as the header has it */
};

/* A part to load. memsz is not 0, the file part is inside the image, paddr + memsz does not wrap. */
struct elf_segment {
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
};

bool elf_is_elf(const struct load *load);

/* Checks everything but the place in guest memory; complains. */
MUST_CHECK int elf_parse(const struct load *load, struct elf_image *elf);

/* Claims, copies and clears every segment at its physical address; complains. */
MUST_CHECK int elf_load(struct load *load, const struct elf_image *elf);

/* The physical address of the header's entry point, which may be virtual; complains if no segment has it. */
MUST_CHECK int elf_find_entry(const struct load *load, const struct elf_image *elf, uint64_t *out);

/* True if `at` is in the file-backed part of a segment, by physical address. */
bool elf_has_code_at(const struct load *load, const struct elf_image *elf, uint64_t at);

/* First note of this owner and type: offset and size of its descriptor in the file. Malformed notes end the
 * search. */
bool elf_find_note(const struct load *load, const struct elf_image *elf, const char *owner, uint32_t type,
                   uint64_t *offset, uint64_t *size);
