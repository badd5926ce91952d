/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree that a guest gets: what there is, where, and what the loader left. Written with libfdt, and
 * only while the VM is built: the library's code uses FP registers, which belong to guests once they run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

struct guest_dtb_params {
    uint32_t cpu_count;
    bool msi_test;
    uint64_t ram_size;
    uint64_t initrd_start, initrd_end; /* equal: none */
    const char *cmdline;
};

#define GUEST_DTB_SIZE UINT64_C(0x8000) /* at most; for 64 CPUs and a long command line */

/* Writes the tree into `buffer` of GUEST_DTB_SIZE bytes; `*size` gets its length. E_RANGE: too large. */
MUST_CHECK int guest_dtb_write(const struct guest_dtb_params *params, void *buffer, uint32_t *size);
