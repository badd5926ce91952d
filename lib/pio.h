/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86 I/O ports: one access of the named width each. The counterpart of lib/mmio.h for drivers.
 */
#pragma once

#include <stdint.h>

#define PIO_ACCESSORS(bits, suffix, reg)                                                       \
    static inline uint##bits##_t pio_read##bits(uint16_t port)                                 \
    {                                                                                          \
        uint##bits##_t value;                                                                  \
                                                                                               \
        __asm__ volatile("in" suffix " %1, %" reg "0" : "=a"(value) : "Nd"(port) : "memory");  \
        return value;                                                                          \
    }                                                                                          \
    static inline void pio_write##bits(uint16_t port, uint##bits##_t value)                    \
    {                                                                                          \
        __asm__ volatile("out" suffix " %" reg "0, %1" : : "a"(value), "Nd"(port) : "memory"); \
    }

PIO_ACCESSORS(8, "b", "b")
PIO_ACCESSORS(16, "w", "w")
PIO_ACCESSORS(32, "l", "k")
