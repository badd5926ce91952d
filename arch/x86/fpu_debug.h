/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The x87, SSE and AVX registers of held vCPUs, as GDB has them: arch_gdb_extra_get() and _set() by these
 * numbers.
 */
#pragma once

#define FPU_ST_COUNT  8
#define FPU_XMM_COUNT 16

enum fpu_reg {
    FPU_ST,
    FPU_CTRL = FPU_ST + FPU_ST_COUNT,
    FPU_STAT,
    FPU_TAG,
    FPU_ISEG,
    FPU_IOFF,
    FPU_OSEG,
    FPU_OOFF,
    FPU_OP,
    FPU_XMM,
    FPU_MXCSR = FPU_XMM + FPU_XMM_COUNT,
    FPU_YMMH, /* the upper halves */
};
