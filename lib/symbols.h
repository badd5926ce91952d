/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's own symbol table, made by tools/symbols.py between the two links: names of functions only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Name of the function that holds `address`, and how far into it; NULL outside all of them. The
 * name stays until the next call; for a panic, which one CPU writes. */
const char *symbol_lookup(uintptr_t address, uintptr_t *offset);

/* The other way round; `name` need not be terminated. False: no such function. */
bool symbol_find(const char *name, size_t length, uintptr_t *address);
