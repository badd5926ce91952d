/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest page-table walk in software: guest-virtual to guest-physical, with the checks, the error code and the
 * accessed/dirty updates the CPU would make. Used where an exit leaves only a guest-virtual address:
 * instruction fetch, the second operand of a string move, an access that crosses a page.
 *
 * Tables live in guest memory and may change under us: every entry is read once, checked, and updated only by
 * compare-and-exchange. The walk is a loop of at most five levels, with a bounded number of restarts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu_mode.h"
#include "lib/addr.h"

/* The kind of access, in the bits of the page-fault error code; other bits qualify it. */
enum walk_access {
    WALK_READ = 0,
    WALK_WRITE = 1u << 1,
    WALK_USER = 1u << 2,  /* access at CPL 3 */
    WALK_FETCH = 1u << 4, /* instruction fetch */
    WALK_AC = 1u << 8,    /* RFLAGS.AC is set: explicit supervisor accesses pass SMAP */
    WALK_IMPLICIT =
        1u << 9, /* supervisor access the CPU makes by itself (descriptor tables, TSS): ignores AC */
    WALK_NO_AD = 1u << 10, /* leave accessed and dirty bits alone (debugger, trace) */
};

enum walk_status {
    WALK_OK = 0,
    WALK_PAGE_FAULT,    /* inject #PF with `error_code` and CR2 = the address */
    WALK_NON_CANONICAL, /* inject #GP(0), or #SS(0) for a stack access */
    WALK_BAD_TABLE,     /* a table lies outside guest RAM */
    WALK_RETRY,         /* tables kept changing: enter the guest again */
};

/*
 * How software reaches a guest. None of the calls crosses a 4 KiB page. `ctx` is the caller's own.
 * ram_*: 0, or E_FAULT where the address is not RAM (for writes and exchanges: not writable RAM).
 */
struct guest_access_ops {
    int (*ram_read)(void *ctx, gpa_t gpa, void *dst, uint32_t size);
    int (*ram_write)(void *ctx, gpa_t gpa, const void *src, uint32_t size);
    /*
     * Atomic compare-and-exchange of `size` (4 or 8) naturally aligned bytes. 0: exchanged. E_BUSY: the value
     * differed, `*expected` now holds it. E_FAULT: no writable RAM.
     */
    int (*ram_cmpxchg)(void *ctx, gpa_t gpa, uint32_t size, uint64_t *expected, uint64_t desired);
    /* Devices: `size` is 1, 2, 4 or 8 and `gpa` a multiple of it. Where no device answers, reads give all
     * ones. */
    uint64_t (*mmio_read)(void *ctx, gpa_t gpa, uint32_t size);
    void (*mmio_write)(void *ctx, gpa_t gpa, uint32_t size, uint64_t value);
    /* Ports, for INS and OUTS: `size` is 1, 2 or 4. */
    uint32_t (*port_read)(void *ctx, uint16_t port, uint32_t size);
    void (*port_write)(void *ctx, uint16_t port, uint32_t size, uint32_t value);
};

#define WALK_LEVELS_MAX 5

struct walk_entry {
    gpa_t at;
    uint64_t value;
};

struct guest_walk {
    /* In: */
    const struct x86_cpu_mode *mode;
    const struct guest_access_ops *ops;
    void *ctx;
    const uint64_t
        *pdptes;       /* the four PDPTE registers (VMX); NULL: read them from memory at each walk (SVM) */
    uint8_t phys_bits; /* guest's physical address width; address bits above are reserved in entries */
    bool has_1g_pages; /* guest CPUID 8000_0001 EDX[26] */
    /* Out: */
    gpa_t gpa;
    uint64_t page_size;  /* bytes mapped by the leaf; 4 GiB with paging off */
    uint32_t error_code; /* for WALK_PAGE_FAULT */
    uint8_t path_count;  /* entries from the root to the leaf, as the walk left them; 0 with paging off */
    uint8_t entry_size;  /* 4 or 8 bytes */
    struct walk_entry path[WALK_LEVELS_MAX];
};

/* Translate `gva` for `access` (enum walk_access bits). Only for WALK_OK is `gpa` valid. */
enum walk_status guest_walk(struct guest_walk *walk, gva_t gva, uint32_t access);
