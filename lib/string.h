/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few memory and string functions that a freestanding C program needs; same contracts as ISO C.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);

/* Copies at most size-1 bytes of `src` and always terminates; true if all of it fitted. */
bool str_copy(char *dst, const char *src, size_t size);
bool str_starts(const char *s, const char *prefix);
