/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Linux program of one purpose: prints "guest-tsc n", the processor's time stamp counter in decimal, for
 * timing how long a system took to get here. Static, no library.
 */
#include <stddef.h>
#include <stdint.h>

#define SYS_WRITE 1
#define SYS_EXIT  60
#define STDOUT    1

static long system_call(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

_Noreturn void _start(void);

_Noreturn void _start(void)
{
    char text[40] = "guest-tsc ";
    char digits[20];
    size_t count = 0;
    size_t length = sizeof("guest-tsc ") - 1;
    uint32_t low, high;
    uint64_t tsc;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    tsc = (uint64_t)high << 32 | low;
    do {
        digits[count++] = (char)('0' + tsc % 10);
        tsc /= 10;
    } while (tsc != 0);
    while (count > 0)
        text[length++] = digits[--count];
    text[length++] = '\n';
    system_call(SYS_WRITE, STDOUT, (long)(uintptr_t)text, (long)length);
    for (;;)
        system_call(SYS_EXIT, 0, 0, 0);
}
