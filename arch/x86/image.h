/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the linker put the image: [image_start, text_end) code, [text_end, rodata_end) constants,
 * [rodata_end, data_end) data and zeroes, [data_end, image_end) the symbol table. All page aligned.
 */
#pragma once

#include <stdint.h>

extern const uint8_t image_start[];
extern const uint8_t text_end[];
extern const uint8_t rodata_end[];
extern const uint8_t data_end[];
extern const uint8_t image_end[];

/* TSC at the first instruction after the loader's jump. */
extern uint64_t boot_entry_tsc;
