/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's own symbol table, made by tools/symbols.py between the two links: names of functions only.
 */
#pragma once

#include <stdint.h>

/* Name of the function that holds `address`, and how far into it; NULL outside all of them. The
 * name stays until the next call; for a panic, which one CPU writes. */
const char *symbol_lookup(uintptr_t address, uintptr_t *offset);
