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

struct insn_cache_page;

/* An instruction, good while its page's epoch is the same and its bytes are. */
struct insn_cache_entry {
    uint64_t linear;
    uint64_t epoch;                     /* 0, which no page has: nothing is here */
    const struct insn_cache_page *page; /* never NULL */
    const uint8_t *at;
    uint64_t bytes[2];
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
    uint64_t epoch;      /* changes with anything of this but the guest's own writes */
    const uint8_t *at;   /* host address of the 4 KiB page */
    uint32_t mode;       /* enum insn_mode */
    bool proof_oddly;    /* not just the first four of `proof`, of eight bytes each */
    bool proof_narrow;   /* entries of four bytes */
    uint8_t proof_count; /* none with paging off */
    struct insn_cache_proof proof[WALK_LEVELS_MAX]; /* behind proof_count: always true */
} __attribute__((aligned(64)));

struct insn_cache {
    struct insn_cache_last last;
    uint64_t epoch;                                      /* the last one given to a page */
    struct insn_cache_page pages[INSN_CACHE_PAGES];      /* by page number */
    struct insn_cache_entry entries[INSN_CACHE_ENTRIES]; /* by linear address */
};

/* Where the CPU fetches from; filled by the vendor. */
struct code_context {
    uint64_t linear; /* CS base applied */
    uint64_t cr3;
    uint32_t mode; /* enum insn_mode */
};

/* Of zeroed memory. */
void insn_cache_init(struct insn_cache *cache);

void insn_cache_flush(struct insn_cache *cache);

/*
 * The instruction at RIP, decoded; NULL if it cannot be had cheaply (page boundary, not in RAM, not
 * decodable): then the emulator's own fetch finds out what the architecture says. Good until the next call.
 */
const struct insn *insn_cache_find(struct x86_vcpu *vcpu);

/* Is the instruction at RIP the one whose length was asked for last? Then that is cache->last.length. */
static inline bool insn_cache_is_last(const struct insn_cache *cache, struct code_context code)
{
    const struct insn_cache_last *last = &cache->last;
    uint64_t bytes;

    if (UNLIKELY(last->linear != code.linear || last->cr3 != code.cr3 || last->mode != code.mode))
        return false;
    __builtin_memcpy(&bytes, last->at, sizeof(bytes));
    return LIKELY(bytes == last->bytes);
}

/* That length; 0: it is another. */
static inline uint8_t insn_cache_length(const struct insn_cache *cache, struct code_context code)
{
    return insn_cache_is_last(cache, code) ? cache->last.length : 0;
}

/* Length of the instruction at RIP, `code`; 0 where insn_cache_find() gives NULL. */
uint8_t insn_cache_find_length(struct x86_vcpu *vcpu, struct insn_cache *cache,
                               const struct code_context *code);
