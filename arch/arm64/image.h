/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the linker put the image: [image_start, text_end) code, [text_end, rodata_end) constants,
 * [rodata_end, data_end) data, [data_end, symbols_end) symbol table, [bss_start, image_end) zeroes. All page
 * aligned.
 */
#pragma once

#include <stdint.h>

extern const uint8_t image_start[];
extern const uint8_t text_end[];
extern const uint8_t rodata_end[];
extern const uint8_t data_end[];
extern const uint8_t symbols_end[];
extern const uint8_t bss_start[];
extern const uint8_t image_end[];
extern const uint8_t build_id[];
