/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of bytes over storage of a power of two; the owner's lock protects it. Indices run freely and are
 * masked on use, so that even a damaged ring never leads outside its storage.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct byte_ring {
    uint8_t *bytes;
    uint32_t mask; /* size - 1 */
    uint32_t head; /* next to take */
    uint32_t tail; /* next free */
};

/* `size` must be a power of two. */
static inline void byte_ring_init(struct byte_ring *ring, uint8_t *bytes, uint32_t size)
{
    *ring = (struct byte_ring){.bytes = bytes, .mask = size - 1};
}

static inline uint32_t byte_ring_used(const struct byte_ring *ring)
{
    return ring->tail - ring->head;
}

static inline uint32_t byte_ring_room(const struct byte_ring *ring)
{
    return ring->mask + 1 - byte_ring_used(ring);
}

/* Only with room. */
static inline void byte_ring_push(struct byte_ring *ring, uint8_t byte)
{
    ring->bytes[ring->tail++ & ring->mask] = byte;
}

/* Only when not empty; likewise below. */
static inline uint8_t byte_ring_peek(const struct byte_ring *ring)
{
    return ring->bytes[ring->head & ring->mask];
}

/* The newest one. */
static inline uint8_t byte_ring_last(const struct byte_ring *ring)
{
    return ring->bytes[(ring->tail - 1) & ring->mask];
}

static inline uint8_t byte_ring_pop(struct byte_ring *ring)
{
    return ring->bytes[ring->head++ & ring->mask];
}

static inline void byte_ring_clear(struct byte_ring *ring)
{
    ring->head = ring->tail;
}
