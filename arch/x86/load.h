/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all image loaders share: the image, the ranges of guest memory that are taken so far, the scratch
 * area, and the one form of complaint. Inside of the loaders only; others use loader.h. One load at a time
 * per VM, no lock.
 *
 * The image is untrusted: every offset, size and address that comes out of it passes load_has_bytes() or
 * load_claim() before it is used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86/guest_map.h"
#include "arch/x86/start_state.h"
#include "core/config.h"
#include "lib/addr.h"
#include "lib/bits.h"

struct vm;

#define LOAD_MAX_SEGMENTS 24
#define LOAD_MAX_RANGES   (LOAD_MAX_SEGMENTS + 2) /* and scratch area, initrd */

struct load_range {
    uint64_t start;
    uint64_t end;     /* exclusive; start < end */
    const char *what; /* for complaints */
};

struct load {
    struct vm *vm;
    const struct vm_config *config;
    const uint8_t *image;
    uint64_t size;
    struct x86_start_state *start;
    uint64_t scratch_next;
    uint32_t range_count;
    struct load_range ranges[LOAD_MAX_RANGES];
};

void load_init(struct load *load, struct vm *vm, const struct vm_config *vm_config,
               struct x86_start_state *start);

/* Prints "vm NAME: not started: ..." in one line. */
void load_complain(const struct load *load, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as an expression of value `code`. */
#define load_fail(load, code, ...) (load_complain(load, __VA_ARGS__), (code))

/* [offset, offset + size) lies inside the image. */
static inline bool load_has_bytes(const struct load *load, uint64_t offset, uint64_t size)
{
    return offset <= load->size && size <= load->size - offset;
}

/* Takes a range of guest RAM. Complains if it is not usable RAM or overlaps one taken before. Size 0: nothing
 * happens. */
MUST_CHECK int load_claim(struct load *load, const char *what, uint64_t start, uint64_t size);

/* Into guest memory; meant for claimed ranges, complains otherwise. */
MUST_CHECK int load_copy(struct load *load, uint64_t to, const void *from, uint64_t size);
MUST_CHECK int load_clear(struct load *load, uint64_t at, uint64_t size);

/* Room in the scratch area, not cleared; complains when that is full. `align` is a power of two. */
MUST_CHECK int load_scratch(struct load *load, uint64_t size, uint64_t align, uint64_t *out);

/* The same with something in it. */
MUST_CHECK int load_put(struct load *load, const void *data, uint64_t size, uint64_t align, uint64_t *out);

/*
 * The guest's command line, terminated; `with_name`: the VM's name first, as multiboot kernels expect a file
 * name. `*length` counts without the terminator.
 */
MUST_CHECK int load_put_cmdline(struct load *load, bool with_name, uint64_t *out, uint64_t *length);

/* Builds the GDT for start->segs in the scratch area and points start->gdt to it. */
MUST_CHECK int load_put_gdt(struct load *load);

/* True if the VM has an initrd with something in it. */
bool load_has_initrd(const struct load *load);

/*
 * Places and copies the initrd, page-aligned: as high as possible below `limit` (exclusive) in RAM below 4
 * GiB, or, if `above_4g`, at the end of RAM above when there is no room. `limit` may be beyond RAM.
 */
MUST_CHECK int load_initrd_high(struct load *load, uint64_t limit, bool above_4g, uint64_t *out);

/* Places and copies the initrd on the first page behind everything taken above 1 MiB. */
MUST_CHECK int load_initrd_behind(struct load *load, uint64_t *out);
