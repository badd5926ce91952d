/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GDB server's part of arm64: how GDB numbers the registers (feature org.gnu.gdb.aarch64.core), and its
 * port.
 */
#include "core/arch.h"
#include "core/gdb_internal.h"

#define CORE_COUNT 34 /* of arch_regs: x0-x30, sp, pc, cpsr */

const struct gdb_feature arch_gdb_features[] = {
    {"org.gnu.gdb.aarch64.core", 0, CORE_COUNT, 0, NULL},
};
const uint32_t arch_gdb_feature_count = ARRAY_COUNT(arch_gdb_features);
const char arch_gdb_architecture[] = "aarch64";

const char *arch_gdb_name(uint32_t reg)
{
    (void)reg;
    return NULL;
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
