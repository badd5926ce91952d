/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GDB server's part of arm64: how GDB numbers the registers (features org.gnu.gdb.aarch64.*), and its
 * port.
 */
#include "arch/arm64/arm64_vcpu.h"
#include "core/arch.h"
#include "core/gdb_internal.h"
#include "lib/string.h"

#define CORE_COUNT 34 /* of arch_regs: x0-x30, sp, pc, cpsr */
#define REG_END    50

#define ID_FPSR 32
#define ID_FPCR 33

static const struct gdb_extra fpu[] = {
    {"v%u", "vec128", 16, 32, 0},
    {"fpsr", NULL, 4, 1, ID_FPSR},
    {"fpcr", NULL, 4, 1, ID_FPCR},
};

const struct gdb_feature arch_gdb_features[] = {
    {"org.gnu.gdb.aarch64.core", NULL, 0, CORE_COUNT, 0, NULL},
    {"org.gnu.gdb.aarch64.fpu", GDB_VEC128, 0, 0, ARRAY_COUNT(fpu), fpu},
    {"org.latch.system", NULL, CORE_COUNT, REG_END - CORE_COUNT, 0, NULL},
};
const uint32_t arch_gdb_feature_count = ARRAY_COUNT(arch_gdb_features);
const char arch_gdb_architecture[] = "aarch64";

const char *arch_gdb_name(uint32_t reg)
{
    (void)reg;
    return NULL;
}

/* FPCR and FPSR: bits that the CPU has not are not kept by it, and do no harm. */
static uint8_t *word_of(struct vcpu *core, uint32_t id)
{
    struct arm64_fpsimd *fp = &arm64_vcpu_of(core)->fp;

    if (id < ID_FPSR)
        return (uint8_t *)&fp->v[2 * id];
    return (uint8_t *)(id == ID_FPSR ? &fp->fpsr : &fp->fpcr);
}

bool arch_gdb_extra_get(struct vcpu *core, uint32_t id, uint8_t *bytes)
{
    memcpy(bytes, word_of(core, id), id < ID_FPSR ? 16 : 4);
    return true;
}

int arch_gdb_extra_set(struct vcpu *core, uint32_t id, const uint8_t *bytes)
{
    memcpy(word_of(core, id), bytes, id < ID_FPSR ? 16 : 4);
    return 0;
}

/* No board known so far has a second port for Latch. */
bool arch_gdb_port_open(const char *name)
{
    (void)name;
    return false;
}

bool arch_gdb_tx(uint8_t byte)
{
    (void)byte;
    return false;
}

bool arch_gdb_rx(uint8_t *byte)
{
    (void)byte;
    return false;
}
