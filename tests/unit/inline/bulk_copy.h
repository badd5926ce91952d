/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: the same through the C library, so that the sanitizers see every byte. */
#pragma once

#include <stddef.h>

#include "lib/string.h"

static inline void bulk_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

static inline void bulk_clear(void *at, size_t size)
{
    memset(at, 0, size);
}
