/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device stands where. */
#include "arch/x86/board.h"

#include "arch/x86/guest_map.h"
#include "arch/x86/insn.h"
#include "arch/x86/tsc.h"
#include "arch/x86/x86_vm.h"
#include "core/log.h"

static uint64_t guest_tsc(struct vcpu *vcpu)
{
    return insn_rdtsc() + x86_vcpu_of(vcpu)->tsc_offset;
}

static const struct apic_bus_ops apic_ops = {.guest_tsc = guest_tsc};

int board_init(struct x86_vm *vm)
{
    struct board *board = &vm->board;
    struct bus *pio = &vm->core.buses[BUS_PIO];
    int error = board_irq_init(&board->irq, &vm->core, &apic_ops, tsc_khz() * 1000);

    if (error != 0)
        return error;
    vuart_init(&board->uart, &vm->core, board_irq_line(&board->irq, 4));
    return vuart_register(&board->uart, pio);
}

int board_write_tables(struct x86_vm *vm)
{
    return guest_map_write_bda(&vm->core);
}
