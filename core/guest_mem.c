/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest physical memory: slot look-up and checked copies. The slots are fixed before the VM runs, so no lock.
 * The guest's vCPUs may write the same memory at any time; copies promise nothing but their bounds.
 */
#include "core/guest_mem.h"

#include "core/pmem.h"
#include "core/vm.h"
#include "lib/error.h"
#include "lib/string.h"

/* Bytes of RAM from `at` to the end of its slot, `*host` the pointer to the first; 0: no RAM there. */
static uint64_t slot_run(const struct guest_mem *mem, uint64_t at, uint8_t **host)
{
    for (uint32_t i = 0; i < mem->slot_count; i++) {
        const struct guest_slot *slot = &mem->slots[i];
        uint64_t offset = at - slot->start.v;

        if (offset < slot->size) {
            *host = (uint8_t *)hpa_to_ptr(slot->host) + offset;
            return slot->size - offset;
        }
    }
    return 0;
}

/* All of [at, at + size) is RAM, possibly in several slots. */
static bool is_ram(const struct guest_mem *mem, uint64_t at, uint64_t size)
{
    uint8_t *host;

    if (size != 0 && at + (size - 1) < at)
        return false;
    while (size != 0) {
        uint64_t run = slot_run(mem, at, &host);

        if (run == 0)
            return false;
        if (run >= size)
            return true;
        at += run;
        size -= run;
    }
    return true;
}

enum copy_kind {
    COPY_READ,
    COPY_WRITE,
    COPY_FILL,
};

static inline void copy_run(enum copy_kind kind, uint8_t *host, uint8_t *buffer, uint8_t byte, size_t size)
{
    if (kind == COPY_READ)
        memcpy(buffer, host, size);
    else if (kind == COPY_WRITE)
        memcpy(host, buffer, size);
    else
        memset(host, byte, size);
}

/* `buffer` is only read for COPY_WRITE and only written for COPY_READ. */
static int copy_range(struct vm *vm, enum copy_kind kind, uint64_t at, uint8_t *buffer, uint8_t byte,
                      size_t size)
{
    uint8_t *host;
    uint64_t run = slot_run(&vm->mem, at, &host);

    if (LIKELY(run >= size)) {
        if (size != 0)
            copy_run(kind, host, buffer, byte, size);
        return 0;
    }
    if (!is_ram(&vm->mem, at, size))
        return E_FAULT;
    while (size != 0) {
        size_t part = (size_t)min_u64(slot_run(&vm->mem, at, &host), size);

        copy_run(kind, host, buffer, byte, part);
        at += part;
        if (kind != COPY_FILL)
            buffer += part;
        size -= part;
    }
    return 0;
}

int guest_read(struct vm *vm, gpa_t from, void *to, size_t size)
{
    return copy_range(vm, COPY_READ, from.v, to, 0, size);
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t size)
{
    return copy_range(vm, COPY_WRITE, to.v, (uint8_t *)(uintptr_t)from, 0, size);
}

int guest_fill(struct vm *vm, gpa_t to, uint8_t byte, size_t size)
{
    return copy_range(vm, COPY_FILL, to.v, NULL, byte, size);
}

void *guest_ptr(struct vm *vm, gpa_t at, size_t size)
{
    uint8_t *host;
    uint64_t run = slot_run(&vm->mem, at.v, &host);

    return run != 0 && run >= size ? host : NULL;
}

/* Slots are page aligned, so an aligned word lies in one slot. */
int guest_cmpxchg64(struct vm *vm, gpa_t at, uint64_t *expected, uint64_t desired)
{
    uint64_t *word = guest_ptr(vm, at, sizeof(*word));

    if (!is_aligned(at.v, sizeof(*word)))
        return E_INVAL;
    if (word == NULL)
        return E_FAULT;
    /* The guest's own locked operations are the partners; they need no particular order from us. */
    return __atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
               ? 0
               : E_BUSY;
}

int guest_cmpxchg32(struct vm *vm, gpa_t at, uint32_t *expected, uint32_t desired)
{
    uint32_t *word = guest_ptr(vm, at, sizeof(*word));

    if (!is_aligned(at.v, sizeof(*word)))
        return E_INVAL;
    if (word == NULL)
        return E_FAULT;
    return __atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
               ? 0
               : E_BUSY;
}

int guest_mem_add(struct guest_mem *mem, gpa_t start, uint64_t size, hpa_t host)
{
    uint64_t last = start.v + (size - 1);
    uint32_t at = 0;

    if (size == 0 || last < start.v || host.v + (size - 1) < host.v ||
        !is_aligned(start.v | size | host.v, PAGE_SIZE))
        return E_INVAL;
    while (at < mem->slot_count && mem->slots[at].start.v + (mem->slots[at].size - 1) < start.v)
        at++;
    if (at < mem->slot_count && mem->slots[at].start.v <= last)
        return E_OVERLAP;
    if (mem->slot_count == GUEST_MAX_SLOTS)
        return E_NOMEM;
    for (uint32_t i = mem->slot_count; i > at; i--)
        mem->slots[i] = mem->slots[i - 1];
    mem->slots[at] = (struct guest_slot){.start = start, .size = size, .host = host};
    mem->slot_count++;
    return 0;
}
