/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bare metal: what a guest may observe, said as simply as possible and without a thought for how a hypervisor
 * gets there. It watches what the guest executes and which handlers it enters, and objects when no processor
 * could have done that: a handler entered too early, too late, twice, or with other flags in its frame.
 */
#pragma once

#include "tests/model/event.h"

struct bare_rules {
    bool faulting_iret_unmasks; /* Intel; AMD: only a completed IRET unmasks */
    bool nmi_in_sti_shadow;     /* an NMI may, but need not, be delivered there */
    bool nmi_may_nest;          /* processor without NMI tracking: documented exception */
};

struct bare {
    bool interrupts; /* RFLAGS.IF */
    bool gif, tf, bs, tpr_high, nmi_mask;
    bool halted; /* HLT: executes on only in a handler */
    uint8_t shadow;
    uint8_t depth;
    uint8_t frames_if, frames_tf; /* bit per nested handler: flags in its frame */
    uint8_t nmi_waiting;          /* posted, neither delivered nor collapsed */
    uint8_t nmi_known;            /* ... of which the vCPU has been told */
    uint8_t irq_waiting;          /* bit 0: A, bit 1: B; not taken from the controller */
    uint8_t irq_known;
    uint8_t irq_taken; /* acknowledged, to be delivered */
    uint8_t due;       /* enum ev: exception that comes before anything else */
    uint8_t unbooked;  /* NMI handlers entered that the hypervisor has not yet counted */
    bool opened;       /* nmi_may_nest: the guest could take interrupts, or 1 s passed, since the NMI */
};

extern struct bare_rules bare_rules;

void bare_start(struct bare *b);

/* Something happened outside: arrival, the vCPU's taking note, the acknowledge. */
void bare_post_nmi(struct bare *b);
void bare_post_irq(struct bare *b, unsigned line);
void bare_told(struct bare *b);
void bare_acknowledge(struct bare *b, unsigned line);
/* `excused`: the processor without NMI tracking may take NMIs for blocked, hold one back or collapse it. */
void bare_collapse(struct bare *b, unsigned count, bool excused);

void bare_execute(struct bare *b, enum insn insn, bool excused);
void bare_fault(struct bare *b, enum insn insn, enum ev exception, bool excused);
void bare_interrupted_by(struct bare *b, enum ev exception);

/* The halted vCPU is left halted: nothing may be there that ends HLT. */
void bare_sleep(const struct bare *b, bool excused);

/* A handler is entered; the flags are those found in its frame. */
void bare_enter(struct bare *b, enum ev ev, bool pushed_if, bool pushed_tf);
