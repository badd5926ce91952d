/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is wired to whom on the guest's board, and what a vCPU's interrupt input shows. The VM's device lock
 * protects everything but pic_raised; the local APICs are sent to without it mattering.
 */
#include "arch/x86/board_irq.h"

#include "core/vcpu.h"
#include "core/vm.h"
#include "lib/string.h"

#define ISA_LINES  16
#define ISA_TIMER  0
#define CASCADE    2
#define TIMER_PIN  2 /* ISA interrupt 0 on the IOAPIC */
#define EXTINT_PIN 0 /* PIC output on the IOAPIC */

static void line_changed(struct irq_line *line, bool level)
{
    struct board_irq *board = line->board;

    if (line->number == CASCADE)
        return;
    if (line->number < ISA_LINES)
        vpic_set_pin(&board->pic, line->number, level);
    vioapic_set_pin(&board->ioapic, line->number == ISA_TIMER ? TIMER_PIN : line->number, level);
}

/* To every CPU's LINT0 that listens (the boot CPU's, unless the guest does otherwise), and to the IOAPIC. */
static void pic_output_changed(struct vpic *pic, bool raised)
{
    struct board_irq *board = CONTAINER_OF(pic, struct board_irq, pic);

    /* Pairs with the acquire in x86_irq_pending(): posted after it is published. */
    atomic_store_explicit(&board->pic_raised, raised, memory_order_release);
    vioapic_set_pin(&board->ioapic, EXTINT_PIN, raised);
    for (uint32_t i = 0; raised && i < board->apics.count; i++) {
        struct vlapic *vl = board->apics.apics[i];

        if ((atomic_load_explicit(&vl->route, memory_order_relaxed) & VLAPIC_ROUTE_LINT0) != 0)
            vlapic_post_pin(vl, VLAPIC_OUT_LINT0);
    }
}

static const struct irq_line_ops line_ops = {.changed = line_changed};
static const struct vpic_output_ops pic_output_ops = {.output_changed = pic_output_changed};

int board_irq_init(struct board_irq *board, struct vm *vm, const struct apic_bus_ops *ops, uint64_t tsc_hz)
{
    int error;

    memset(board, 0, sizeof(*board));
    board->vm = vm;
    for (uint32_t i = 0; i < BOARD_GSIS; i++)
        board->lines[i] = (struct irq_line){.ops = &line_ops, .board = board, .number = i};
    apic_bus_init(&board->apics, ops, vm, tsc_hz);
    board->apics.ioapic = &board->ioapic;
    vioapic_init(&board->ioapic, &board->apics.sink);
    vpic_init(&board->pic, &pic_output_ops);
    vpit_init(&board->pit, vm, board_irq_line(board, ISA_TIMER));
    error = vpic_register(&board->pic, &vm->buses[BUS_PIO]);
    if (error == 0)
        error = vpit_register(&board->pit, &vm->buses[BUS_PIO]);
    if (error == 0)
        error = vioapic_register(&board->ioapic, &vm->buses[BUS_MMIO]);
    return error;
}

struct x86_irq x86_irq_pending_pic(struct board_irq *board, struct vlapic *vl)
{
    struct x86_irq irq = x86_irq_pending_lapic(vl); /* folds what may say that ExtINT is wanted */

    if (!vl->extint && !vlapic_takes_extint(vl))
        return irq;
    spin_lock(&board->vm->dev_lock);
    if (vpic_pending(&board->pic))
        irq = (struct x86_irq){.source = X86_IRQ_PIC, .vector = vpic_peek(&board->pic)};
    spin_unlock(&board->vm->dev_lock);
    return irq;
}

uint8_t x86_irq_ack_pic(struct board_irq *board, struct vlapic *vl)
{
    uint8_t vector;

    spin_lock(&board->vm->dev_lock);
    vl->extint = false;
    vector = vpic_ack(&board->pic);
    spin_unlock(&board->vm->dev_lock);
    vlapic_notify(vl); /* it hid what the local APIC has */
    return vector;
}

void board_irq_nmi(struct board_irq *board)
{
    for (uint32_t i = 0; i < board->apics.count; i++)
        vlapic_post_pin(board->apics.apics[i], VLAPIC_OUT_LINT1);
}
