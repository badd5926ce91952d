/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoded instructions of one vCPU, for CPUs that report no next RIP, and for MMIO. Two small caches: where
 * pages of code lie in memory, and what the decoder made of 16 bytes.
 *
 * Both are exact. An instruction is used only while the 16 bytes in memory are the same. A translation, which
 * the guest may change without an exit, is used only while its key (CR3, page, mode) matches and every
 * page-table entry that the walk went through still reads as it did: a guest that remaps its code in place is
 * noticed. Latch drops it at every exit that changes how tables are read. Only the very last length is given
 * without looking at the tables again: what kind of instruction it was the exit has said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/decode.h"
#include "arch/x86/guest_walk.h"

struct x86_vcpu;

#define INSN_CACHE_ENTRIES 64
#define INSN_CACHE_PAGES   16

struct insn_cache_entry {
    uint64_t bytes[2]; /* zero in an entry never used: 00 00 is a valid instruction, but `mode` is not */
    uint64_t mode;     /* enum insn_mode */
    struct insn insn;
};

/* The last length asked for: the same place, the same first bytes. */
struct insn_cache_last {
    uint64_t linear; /* UINT64_MAX: none */
    uint64_t cr3;
    uint64_t bytes;
    const uint8_t *at;
    uint32_t mode;
    uint8_t length;
};

/* A page-table entry of the translation, where it is and what it was. */
struct insn_cache_proof {
    const void *at;
    uint64_t value;
};

/* Where a page of code lies. */
struct insn_cache_page {
    uint64_t key; /* linear page | mode; UINT64_MAX: none */
    uint64_t cr3;
    const uint8_t *at; /* host address of the 4 KiB page */
    bool proof_narrow; /* entries of four bytes */
    const struct insn_cache_proof *proof_end;
    struct insn_cache_proof proof[WALK_LEVELS_MAX]; /* none with paging off */
} __attribute__((aligned(64)));

struct insn_cache {
    struct insn_cache_last last;
    struct insn_cache_page pages[INSN_CACHE_PAGES];      /* by page number */
    struct insn_cache_entry entries[INSN_CACHE_ENTRIES]; /* by linear address */
};

/* Where the CPU fetches from; filled by the vendor. */
struct code_context {
    uint64_t linear; /* CS base applied */
    uint64_t cr3;
    uint32_t mode; /* enum insn_mode */
};

void insn_cache_flush(struct insn_cache *cache);

/*
 * The instruction at RIP, decoded; NULL if it cannot be had cheaply (page boundary, not in RAM, not
 * decodable): then the emulator's own fetch finds out what the architecture says. Good until the next call.
 */
const struct insn *insn_cache_find(struct x86_vcpu *vcpu);

/* Length of the instruction at RIP if it is the one asked for last; 0: it is not. */
static inline uint8_t insn_cache_length(const struct insn_cache *cache, struct code_context code)
{
    const struct insn_cache_last *last = &cache->last;
    uint64_t bytes;

    if (UNLIKELY(last->linear != code.linear || last->cr3 != code.cr3 || last->mode != code.mode))
        return 0;
    __builtin_memcpy(&bytes, last->at, sizeof(bytes));
    return LIKELY(bytes == last->bytes) ? last->length : 0;
}

/* Length of the instruction at RIP, `code`; 0 where insn_cache_find() gives NULL. */
uint8_t insn_cache_find_length(struct x86_vcpu *vcpu, struct insn_cache *cache,
                               const struct code_context *code);
