/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoded instructions of one vCPU, for CPUs that report no next RIP, and for MMIO. Two small caches: where
 * the page of code at RIP lies in memory, and what the decoder made of 16 bytes.
 *
 * The second is exact: an entry is used only while the 16 bytes in memory are the same. The first is a
 * translation that the guest may have changed without an exit. Before it is used again its key (CR3, page,
 * mode) must match; a guest that remaps a code page in place under the same CR3 is noticed only by the bytes.
 * Latch drops it at every exit that changes paging. It never makes Latch read anything but this guest's own
 * memory.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/decode.h"

struct x86_vcpu;

#define INSN_CACHE_ENTRIES 16

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

struct insn_cache {
    struct insn_cache_last last;
    uint64_t page_key; /* linear page | key bits; UINT64_MAX: none */
    uint64_t page_cr3;
    const uint8_t *page; /* host address of the 4 KiB page */
    struct insn_cache_entry entries[INSN_CACHE_ENTRIES];
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

/* The general case of insn_cache_length(). */
uint8_t insn_cache_find_length(struct x86_vcpu *vcpu, struct insn_cache *cache,
                               const struct code_context *code);

/* Length of the instruction at RIP, 0 where insn_cache_find() gives NULL. */
static inline uint8_t insn_cache_length(struct x86_vcpu *vcpu, struct insn_cache *cache,
                                        struct code_context code)
{
    const struct insn_cache_last *last = &cache->last;
    uint64_t bytes;

    if (LIKELY(last->linear == code.linear && last->cr3 == code.cr3 && last->mode == code.mode)) {
        __builtin_memcpy(&bytes, last->at, sizeof(bytes));
        if (LIKELY(bytes == last->bytes))
            return last->length;
    }
    return insn_cache_find_length(vcpu, cache, &code);
}
