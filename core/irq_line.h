/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wire from a device model to whatever the VM's board connects it to (x86: a GSI on PIC and IOAPIC; arm64:
 * an SPI). The device knows only the level; the board's ops know the rest. Protected by the VM's device lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct irq_line;

struct irq_line_ops {
    /* Called on every change of level, and only then. */
    void (*changed)(struct irq_line *line, bool level);
};

struct irq_line {
    const struct irq_line_ops *ops;
    void *board;     /* the ops' own */
    uint32_t number; /* GSI or INTID, the ops' own numbering */
    bool level;
};

static inline void irq_line_set(struct irq_line *line, bool level)
{
    if (line->level == level)
        return;
    line->level = level;
    line->ops->changed(line, level);
}
