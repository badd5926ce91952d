/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first kind of error: our own bug. ASSERT is compiled into every build and ends in panic(), which the
 * architecture completes with registers and a backtrace. panic() never returns and takes no lock.
 */
#pragma once

#include "lib/bits.h"

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define ASSERT(cond)                                                         \
    do {                                                                     \
        if (UNLIKELY(!(cond)))                                               \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
    } while (0)
