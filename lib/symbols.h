/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's own symbol table, made by tools/symbols.py between the two links: names of functions only.
 */
#pragma once

#include <stdint.h>

/* Name of the function that holds `address`, and how far into it; NULL outside all of them. */
const char *symbol_lookup(uintptr_t address, uintptr_t *offset);
