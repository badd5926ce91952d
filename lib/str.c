/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The string helpers that are ours and not ISO C's; a file of their own so that host tests can link them
 * beside the C library.
 */
#include "lib/string.h"

bool str_copy(char *dst, const char *src, size_t size)
{
    size_t i = 0;

    if (size == 0)
        return false;
    for (; i < size - 1 && src[i] != '\0'; i++)
        dst[i] = src[i];
    dst[i] = '\0';
    return src[i] == '\0';
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}
