/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk of a guest's first-stage tables in software, for people and debuggers: all three granules, 48 bits.
 * Nothing is marked as accessed, and rights are not looked at. Arm ARM, "The AArch64 Virtual Memory System
 * Architecture". The registers are in memory, the guest may change its tables meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/arm64/arm64_vcpu.h"
#include "lib/addr.h"

#define GUEST_WALK_LAST 3

struct guest_walk {
    struct vm *vm;
    uint64_t address; /* what is left of it: without the bits that chose the table and the tag */
    uint32_t granule; /* bits of a page's offset; 0: no translation, addresses are what they are */
    uint32_t level;   /* of the step just done */
    uint32_t next;    /* level of the next step */
    gpa_t table;
    gpa_t entry_at; /* of the step just done */
    uint64_t entry;
    gpa_t result; /* valid when the walk is over and `error` is 0 */
    int error;    /* E_FAULT: no translation, or a table outside RAM */
};

void guest_walk_begin(struct guest_walk *walk, struct vm *vm, const struct arm64_context *sys, gva_t at);

/* One level. False: the walk is over. At most four steps. */
bool guest_walk_step(struct guest_walk *walk);
