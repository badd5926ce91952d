/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How GDB numbers the registers of an x86-64 target (its features org.gnu.gdb.i386.*). It takes a description
 * only with the x87 registers in it, which stay in the hardware's own format here: they are listed as
 * unavailable.
 */
#include "core/gdb_internal.h"
#include "lib/bits.h"

#define CORE_COUNT 24 /* of arch_regs, x86_inspect.c */
#define REG_RFLAGS 17
#define REG_FSBASE 24
#define REG_GSBASE 25
#define REG_OTHERS 26
#define REG_END    41

static const struct gdb_absent x87[] = {
    {"st0", "i387_ext", 10}, {"st1", "i387_ext", 10}, {"st2", "i387_ext", 10}, {"st3", "i387_ext", 10},
    {"st4", "i387_ext", 10}, {"st5", "i387_ext", 10}, {"st6", "i387_ext", 10}, {"st7", "i387_ext", 10},
    {"fctrl", NULL, 4},      {"fstat", NULL, 4},      {"ftag", NULL, 4},       {"fiseg", NULL, 4},
    {"fioff", NULL, 4},      {"foseg", NULL, 4},      {"fooff", NULL, 4},      {"fop", NULL, 4},
};

const struct gdb_feature arch_gdb_features[] = {
    {"org.gnu.gdb.i386.core", 0, CORE_COUNT, ARRAY_COUNT(x87), x87},
    {"org.gnu.gdb.i386.segments", REG_FSBASE, 2, 0, NULL},
    {"org.latch.system", REG_OTHERS, REG_END - REG_OTHERS, 0, NULL},
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
