/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that the boot assembly, the linker script and C share.
 */
#pragma once

/* Where the image is linked. It may be loaded at any multiple of 2 MiB and is relocated by its entry code. */
#define IMAGE_BASE     0x40200000
#define IMAGE_MAX_SIZE 0x400000 /* the whole of what Latch may take, bss included */

#define IMAGE_HEADER_SIZE 64
