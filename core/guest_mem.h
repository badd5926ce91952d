/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest physical memory: the RAM slots of a VM and checked copies in and out. Nothing else dereferences guest
 * memory. Other vCPUs may write it at any time: copy once, then validate the copy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

struct vm;

#define GUEST_MAX_SLOTS 8

struct guest_slot {
    gpa_t start;   /* page aligned */
    uint64_t size; /* bytes, page multiple */
    hpa_t host;    /* contiguous */
};

struct guest_mem {
    uint32_t slot_count;
    struct guest_slot slots[GUEST_MAX_SLOTS]; /* sorted, disjoint; fixed before the VM runs */
};

/* All-or-nothing copies; E_FAULT if any byte lies outside RAM (wrap-around included). A range may span slots.
 */
MUST_CHECK int guest_read(struct vm *vm, gpa_t from, void *to, size_t size);
MUST_CHECK int guest_write(struct vm *vm, gpa_t to, const void *from, size_t size);
MUST_CHECK int guest_fill(struct vm *vm, gpa_t to, uint8_t byte, size_t size);

/*
 * Compares the aligned 8 (or 4) bytes at `at` with `expected` and replaces them atomically with respect to
 * running vCPUs. 0 done, E_BUSY value differs (`*expected` updated), E_FAULT no RAM, E_INVAL misaligned.
 */
MUST_CHECK int guest_cmpxchg64(struct vm *vm, gpa_t at, uint64_t *expected, uint64_t desired);
MUST_CHECK int guest_cmpxchg32(struct vm *vm, gpa_t at, uint32_t *expected, uint32_t desired);

/*
 * Host pointer to [at, at + size) if that lies in one slot, else NULL. For loaders and vendor back ends that
 * need the address itself; the memory stays mapped for the VM's life.
 */
void *guest_ptr(struct vm *vm, gpa_t at, size_t size);

/* Adds a slot. E_INVAL (alignment, size 0, wrap), E_OVERLAP, E_NOMEM (too many). */
MUST_CHECK int guest_mem_add(struct guest_mem *mem, gpa_t start, uint64_t size, hpa_t host);
