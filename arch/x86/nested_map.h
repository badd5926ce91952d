/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's nested page tables; what the vendors' formats differ in.
 */
#pragma once

#include "arch/x86/x86_vm.h"

struct nested_format {
    uint64_t table;       /* rights of an entry that points to a table */
    uint64_t leaf;        /* rights and memory type of one that maps RAM */
    uint64_t accessed;    /* accessed flag of a leaf, 0: not offered; the dirty flag is the bit above */
    unsigned int largest; /* leaf level: 1: 2 MiB, 2: 1 GiB */
};

/* Fills vm->nested_root from vm->core.mem. 0 or E_NOMEM. */
MUST_CHECK int nested_map_create(struct x86_vm *vm, const struct nested_format *format);

#define NESTED_LEVELS 4

/* For people: where the entries on the way to `at` are, the root's first; how many there are is returned.
 * `host` is 0 where no RAM is. */
uint32_t nested_map_walk(const struct x86_vm *vm, gpa_t at, uint64_t *path[NESTED_LEVELS], hpa_t *host);
