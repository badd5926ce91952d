/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From boot modules to a guest that can start: where kernel, initrd and device tree go, and copying them.
 * Formats: the arm64 Image ("Booting AArch64 Linux"), and anything else as a raw image that begins with its
 * first instruction. Both start at EL1 with the MMU off and x0 = device tree. Placement in
 * docs/arm64-guests.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

struct vm;
struct vm_config;

struct guest_layout {
    const char *format;
    uint64_t kernel; /* guest-physical; also the entry */
    uint64_t initrd_start, initrd_end;
    uint64_t dtb;
};

/*
 * Where everything goes in the VM's RAM; reads only the first bytes of the kernel. On failure one line was
 * printed: E_TRUNCATED, E_INVAL (a file of another kind), E_RANGE (does not fit the memory). Pure but for
 * that.
 */
MUST_CHECK int guest_layout_plan(const struct vm_config *wanted, const void *kernel,
                                 struct guest_layout *out);

/* Copies kernel, initrd and the tree (of `dtb_size` bytes) to their places. Repeatable. */
MUST_CHECK int guest_load_images(struct vm *vm, const struct guest_layout *layout, const void *dtb,
                                 uint32_t dtb_size);
