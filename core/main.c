/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_main: bring-up version that shows the memory and powers off.
 */
#include "core/arch.h"
#include "core/boot_info.h"
#include "core/boot_regions.h"
#include "core/log.h"
#include "core/pmem.h"
#include "lib/assert.h"

struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count;

void core_main(const struct boot_info *info)
{
    log_info("memory %lu KiB, free %lu KiB", boot_regions_ram(info) / KIB,
             pmem_free_pages() * (PAGE_SIZE / KIB));
    arch_machine_poweroff();
    panic("the machine has no power-off");
}
