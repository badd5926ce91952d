/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC board's interrupt wiring: device lines to PIC and IOAPIC, PIC output to every CPU's LINT0 and to
 * IOAPIC pin 0, the timer to IRQ 0, and the two questions that the run loop asks. Lines, PIC, IOAPIC and PIT
 * are under the VM's device lock; the PIC's output is published in `pic_raised`, so that asking takes no
 * lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/apic_bus.h"
#include "arch/x86/vlapic.h"
#include "core/irq_line.h"
#include "lib/bits.h"
#include "vdev/vioapic.h"
#include "vdev/vpic.h"
#include "vdev/vpit.h"

#define BOARD_GSIS 24

struct board_irq {
    struct vm *vm;
    struct apic_bus apics;
    struct vioapic ioapic;
    struct vpic pic;
    struct vpit pit;
    struct irq_line lines[BOARD_GSIS];
    _Atomic bool pic_raised;
};

/* Builds and registers the devices. The vCPUs' APICs follow with vlapic_init(&board->apics). */
MUST_CHECK int board_irq_init(struct board_irq *board, struct vm *vm, const struct apic_bus_ops *ops,
                              uint64_t tsc_hz);

/*
 * The line for ISA interrupt 0..15 or GSI 16..23. ISA 0 is PIC input 0 and IOAPIC pin 2 (as the MADT's source
 * override says), the others have the same number on both; 2 is not connected.
 */
static inline struct irq_line *board_irq_line(struct board_irq *board, unsigned int number)
{
    return &board->lines[number];
}

enum x86_irq_source {
    X86_IRQ_NONE,
    X86_IRQ_HELD, /* a request waits for TPR only */
    X86_IRQ_PIC,  /* from here on: deliverable now */
    X86_IRQ_LAPIC,
};

/* What the CPU's interrupt input shows: fits inject_view's IRQ, irq_vector and IRQ_TPR. */
struct x86_irq {
    uint32_t source; /* enum x86_irq_source */
    uint32_t vector; /* of what is deliverable; for the PIC: what it would answer */
};

/* Neither controller has anything for this vCPU, held back or not. Its owner. */
static inline bool x86_irq_none(const struct board_irq *board, const struct vlapic *vl)
{
    return !vlapic_has_request(vl) && !vl->extint &&
           atomic_load_explicit(&vl->posted.outstanding, memory_order_relaxed) == 0 &&
           !atomic_load_explicit(&board->pic_raised, memory_order_acquire);
}

/* The same with the PIC's output raised: what it has for this CPU goes first. Takes the device lock. */
struct x86_irq x86_irq_pending_pic(struct board_irq *board, struct vlapic *vl);

/* What the local APIC alone shows. */
static inline struct x86_irq x86_irq_pending_lapic(struct vlapic *vl)
{
    struct x86_irq irq = {.source = X86_IRQ_LAPIC};
    int vector = vlapic_deliverable(vl);

    if (LIKELY(vector >= 0))
        irq.vector = (uint32_t)vector;
    else
        irq.source = vlapic_has_masked_by_tpr(vl) ? X86_IRQ_HELD : X86_IRQ_NONE;
    return irq;
}

/* Owner of the vCPU. Lock-free unless the PIC has something for this CPU. */
static inline struct x86_irq x86_irq_pending(struct board_irq *board, struct vlapic *vl)
{
    if (UNLIKELY(atomic_load_explicit(&board->pic_raised, memory_order_acquire)))
        return x86_irq_pending_pic(board, vl);
    return x86_irq_pending_lapic(vl);
}

uint8_t x86_irq_ack_pic(struct board_irq *board, struct vlapic *vl);

/* The CPU takes it. Returns the vector to deliver: from the PIC it may differ from what x86_irq_pending()
 * showed. */
static inline uint8_t x86_irq_ack(struct board_irq *board, struct vlapic *vl, struct x86_irq irq)
{
    if (UNLIKELY(irq.source != X86_IRQ_LAPIC))
        return x86_irq_ack_pic(board, vl);
    vlapic_ack(vl, (uint8_t)irq.vector);
    return (uint8_t)irq.vector;
}

/* The board's NMI button: LINT1 of every CPU. Any CPU. */
void board_irq_nmi(struct board_irq *board);
