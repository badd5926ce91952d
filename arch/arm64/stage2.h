/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's stage 2 translation: guest-physical to host-physical addresses, 4 KiB granule, 40 bits. Built from
 * the RAM slots before the VM runs: an entry goes from invalid to valid once. While it runs only access flag
 * and dirty state change, by hardware and by stage2_look(); neither needs break-before-make. What has no RAM
 * behind it stays invalid and exits.
 * Arm ARM, "The AArch64 Virtual Memory System Architecture".
 */
#pragma once

#include "core/guest_mem.h"
#include "lib/addr.h"
#include "lib/bits.h"

#define STAGE2_IPA_BITS_MAX 40

/* Width of guest-physical addresses on this machine, and VTCR_EL2 for it. */
struct stage2_format {
    uint32_t ipa_bits;
    uint64_t vtcr;
    bool notes; /* hardware keeps access flag and dirty state */
};

/* From ID_AA64MMFR0_EL1 and ID_AA64MMFR1_EL1. E_NOTSUP: no 4 KiB granule for stage 2, or fewer than 36 bits
 * of address. */
MUST_CHECK int stage2_choose(uint64_t mmfr0, uint64_t mmfr1, struct stage2_format *out);

/* Tables for all slots of `mem`; every slot lies below 2^ipa_bits. 0 or E_NOMEM. */
MUST_CHECK int stage2_create(const struct guest_mem *mem, hpa_t *root);

/* The entry at one level on the way to a guest-physical address; false: the way ends before. */
bool stage2_entry(hpa_t root, gpa_t at, uint32_t level, uint64_t *entry);

/* The leaf for a guest-physical address, 0: none; `*level` gets its level, 1 (1 GiB) to 3 (4 KiB). */
uint64_t stage2_lookup(hpa_t root, gpa_t at, uint32_t *level);

/* What arch_nested_look() is to find, NESTED_*; for formats with `notes`. */
uint32_t stage2_look(hpa_t root, gpa_t at, uint64_t *size);
