/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte-wise memory and string functions. memcpy and memset use the string instructions where the compiler's
 * builtin cannot: see the architecture's own copy if this one ever shows in a profile. */
#include "lib/string.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    while (size >= sizeof(unsigned long)) {
        unsigned long word;

        __builtin_memcpy(&word, s, sizeof(word));
        __builtin_memcpy(d, &word, sizeof(word));
        d += sizeof(word);
        s += sizeof(word);
        size -= sizeof(word);
    }
    while (size-- > 0)
        *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    if (d <= s || d >= s + size)
        return memcpy(dst, src, size);
    while (size-- > 0)
        d[size] = s[size];
    return dst;
}

void *memset(void *dst, int byte, size_t size)
{
    unsigned char *d = dst;
    unsigned long word = ~0UL / 0xff * (unsigned char)byte;

    while (size >= sizeof(word)) {
        __builtin_memcpy(d, &word, sizeof(word));
        d += sizeof(word);
        size -= sizeof(word);
    }
    while (size-- > 0)
        *d++ = (unsigned char)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    for (; size > 0; size--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    size_t length = 0;

    while (s[length] != '\0')
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (; size > 0; size--, a++, b++)
        if (*a != *b || *a == '\0')
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}
