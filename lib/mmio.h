/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way to touch device memory: one volatile access of the named width, never split or merged.
 */
#pragma once

#include <stdint.h>

#define MMIO_ACCESSORS(bits)                                                           \
    static inline uint##bits##_t mmio_read##bits(uintptr_t address)                    \
    {                                                                                  \
        return *(const volatile uint##bits##_t *)address;                              \
    }                                                                                  \
    static inline void mmio_write##bits(uintptr_t address, uint##bits##_t value)       \
    {                                                                                  \
        __asm__("" : "+r"(value)); /* else -Oz makes an AND of a 0, which reads too */ \
        *(volatile uint##bits##_t *)address = value;                                   \
    }

MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)
MMIO_ACCESSORS(64)
