/* SPDX-License-Identifier: BSD-2-Clause */
/* A PC's memory: below the hole of the devices under 4 GiB and above it, without the VGA window. */
#include "arch/x86/guest_ram.h"

#include "arch/x86/guest_map.h"
#include "core/guest_ram.h"
#include "core/vm.h"

enum { BELOW_4G, ABOVE_4G, RANGES };

static void ranges_of(const struct vm *vm, struct guest_ram_range ranges[RANGES])
{
    uint64_t low_end = guest_map_low_end(vm->config->mem);

    ranges[BELOW_4G] =
        (struct guest_ram_range){.size = low_end, .hole_start = GUEST_VGA_START, .hole_end = GUEST_VGA_END};
    ranges[ABOVE_4G] = (struct guest_ram_range){.start = GUEST_HIGH_START, .size = vm->config->mem - low_end};
}

void guest_ram_free(struct vm *vm)
{
    struct guest_ram_range ranges[RANGES];

    ranges_of(vm, ranges);
    guest_ram_give_back(vm, ranges, RANGES);
}

int guest_ram_alloc(struct vm *vm)
{
    struct guest_ram_range ranges[RANGES];

    ranges_of(vm, ranges);
    return guest_ram_take(vm, ranges, RANGES);
}
