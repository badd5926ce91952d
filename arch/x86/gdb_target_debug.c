/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How GDB numbers the registers of an x86-64 target (its features org.gnu.gdb.i386.*).
 */
#include "arch/x86/fpu_debug.h"
#include "core/gdb_internal.h"
#include "lib/bits.h"

#define CORE_COUNT 24 /* of arch_regs, x86_inspect.c */
#define REG_RFLAGS 17
#define REG_FSBASE 24
#define REG_GSBASE 25
#define REG_OTHERS 26
#define REG_END    41

static const struct gdb_extra x87[] = {
    {"st%u", "i387_ext", 10, FPU_ST_COUNT, FPU_ST},
    {"fctrl", NULL, 4, 1, FPU_CTRL},
    {"fstat", NULL, 4, 1, FPU_STAT},
    {"ftag", NULL, 4, 1, FPU_TAG},
    {"fiseg", NULL, 4, 1, FPU_ISEG},
    {"fioff", NULL, 4, 1, FPU_IOFF},
    {"foseg", NULL, 4, 1, FPU_OSEG},
    {"fooff", NULL, 4, 1, FPU_OOFF},
    {"fop", NULL, 4, 1, FPU_OP},
};

static const struct gdb_extra sse[] = {
    {"xmm%u", "vec128", 16, FPU_XMM_COUNT, FPU_XMM},
    {"mxcsr", NULL, 4, 1, FPU_MXCSR},
};

static const struct gdb_extra avx[] = {
    {"ymm%uh", "uint128", 16, FPU_XMM_COUNT, FPU_YMMH},
};

const struct gdb_feature arch_gdb_features[] = {
    {"org.gnu.gdb.i386.core", NULL, 0, CORE_COUNT, ARRAY_COUNT(x87), x87},
    {"org.gnu.gdb.i386.sse", GDB_VEC128, 0, 0, ARRAY_COUNT(sse), sse},
    {"org.gnu.gdb.i386.segments", NULL, REG_FSBASE, 2, 0, NULL},
    {"org.latch.system", NULL, REG_OTHERS, REG_END - REG_OTHERS, 0, NULL},
    {"org.gnu.gdb.i386.avx", NULL, 0, 0, ARRAY_COUNT(avx), avx},
};
const uint32_t arch_gdb_feature_count = ARRAY_COUNT(arch_gdb_features);
const char arch_gdb_architecture[] = "i386:x86-64";

const char *arch_gdb_name(uint32_t reg)
{
    switch (reg) {
    case REG_RFLAGS:
        return "eflags";
    case REG_FSBASE:
        return "fs_base";
    case REG_GSBASE:
        return "gs_base";
    default:
        return NULL;
    }
}
