/* SPDX-License-Identifier: BSD-2-Clause */
/* One range of RAM, and what a guest that begins with its caches off has to find there. */
#include "arch/arm64/guest_ram.h"

#include "arch/arm64/guest_context.h"
#include "arch/arm64/guest_map.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/guest_ram.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/error.h"

static struct guest_ram_range range_of(const struct vm *vm)
{
    return (struct guest_ram_range){.start = GUEST_RAM_BASE, .size = vm->config->mem};
}

void guest_ram_free(struct vm *vm)
{
    struct guest_ram_range range = range_of(vm);

    guest_ram_give_back(vm, &range, 1);
}

int guest_ram_alloc(struct vm *vm)
{
    struct guest_ram_range range = range_of(vm);
    uint64_t most = BIT(guest_ipa_bits()) - GUEST_RAM_BASE;

    if (range.size <= most)
        return guest_ram_take(vm, &range, 1);
    log_error("vm %s: mem=%luM: guests of this machine reach %luM", vm->config->name, range.size / MIB,
              most / MIB);
    return E_RANGE;
}

void guest_ram_clean(struct vm *vm)
{
    /* Bytes of the smallest data cache line of all levels (Arm ARM, "CTR_EL0"). */
    uint64_t line = UINT64_C(4) << field_get(SYSREG_READ(ctr_el0), CTR_DMINLINE);

    for (uint32_t i = 0; i < vm->mem.slot_count; i++) {
        uint64_t at = vm->mem.slots[i].host.v;
        uint64_t end = at + vm->mem.slots[i].size;

        for (; at < end; at += line)
            insn_dc_civac(at);
    }
    insn_dsb_sy();
    insn_ic_ialluis();
    insn_dsb_ish();
    insn_isb();
}
