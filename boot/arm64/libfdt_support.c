/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Debian's libfdt.a expects of a C library, beyond lib/string.h: three string functions, and the stack
 * protector it was compiled with. The guard's value protects nobody's secret: it turns an overflow into a
 * panic.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/assert.h"
#include "lib/string.h"

void *memchr(const void *s, int byte, size_t size);
char *strrchr(const char *s, int byte);
size_t strnlen(const char *s, size_t size);
_Noreturn void __stack_chk_fail(void);

extern const uintptr_t __stack_chk_guard;
const uintptr_t __stack_chk_guard = 0x00a5c3690ff0963c;

void __stack_chk_fail(void)
{
    panic("libfdt: stack overwritten");
}

void *memchr(const void *s, int byte, size_t size)
{
    const uint8_t *at = s;

    for (; size > 0; size--, at++)
        if (*at == (uint8_t)byte)
            return (void *)(uintptr_t)at;
    return NULL;
}

char *strrchr(const char *s, int byte)
{
    const char *found = NULL;

    for (;; s++) {
        if (*s == (char)byte)
            found = s;
        if (*s == '\0')
            return (char *)(uintptr_t)found;
    }
}

size_t strnlen(const char *s, size_t size)
{
    size_t length = 0;

    while (length < size && s[length] != '\0')
        length++;
    return length;
}
