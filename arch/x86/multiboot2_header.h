/* SPDX-License-Identifier: BSD-2-Clause */
/* The multiboot2 header of a kernel, found and read. Pure but for complaints. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/load.h"
#include "arch/x86/multiboot2.h"
#include "lib/bits.h"

struct multiboot2_request {
    uint64_t offset; /* of the header in the file */
    bool has_addresses;
    bool has_entry;
    struct multiboot2_header_address addresses;
    uint32_t entry;
};

/* Offset of a header with the right checksum for this architecture; false if there is none. */
bool multiboot2_find_header(const struct load *load, uint64_t *offset);

/* Reads all tags; complains about damage and about requirements that nobody here can meet. */
MUST_CHECK int multiboot2_read_header(const struct load *load, struct multiboot2_request *request);
