/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event state of one vCPU: everything the scheduler remembers between two calls. Only the physical CPU
 * that owns the vCPU touches it, `struct inject_posted` excepted. A plain value: copying it copies the state.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/inject_event.h"

/*
 * What others may write. One word, so that the owner's test for work is one load: NMIs posted in the low
 * half, request bits in the high half.
 */
struct inject_posted {
    _Atomic uint64_t
        word; /* adds, ors, inject_post_init(): any CPU; exchange with 0: owner (inject_schedule) */
    _Atomic uint64_t init_nmis; /* NMIs that an INIT on its way has taken out of it; adds: any CPU */
};

#define INJECT_POSTED_NMI_ONE   UINT64_C(1)
#define INJECT_POSTED_NMI_COUNT FIELD(31, 0)
#define INJECT_POSTED_IRQ       BIT(32) /* ask the guest's interrupt controller again */

/*
 * How this CPU keeps track of "NMIs are blocked until IRET" and which exit it can give us when they no longer
 * are.
 */
enum inject_way_id {
    INJECT_WAY_SLOT,   /* hardware holds one pending NMI and the mask (AMD "NMI virtualization") */
    INJECT_WAY_IRET,   /* neither: mask in software, IRET intercept, single step over the IRET */
    INJECT_WAY_WINDOW, /* hardware holds the mask and offers an NMI window (Intel "virtual NMIs") */
    INJECT_WAY_SOFT,   /* nothing at all: blocked flag in software, opened by interrupt window or time */
    INJECT_WAY_COUNT,
};

struct inject_way {
    const char *name;       /* as in the boot option nmi= */
    uint8_t id;             /* enum inject_way_id */
    bool hw_slot;           /* hardware takes one pending NMI from us (INJECT_DO_SET_VNMI) */
    bool hw_mask;           /* INJECT_VIEW_NMI_MASK is the mask; else it is ours */
    bool tracks_iret;       /* the mask is ours and ends exactly when an IRET completes */
    uint16_t masked_window; /* window to ask for when an NMI waits for the mask */
    uint16_t shadow_window; /* ... for the end of an interrupt shadow */
    uint16_t busy_window;   /* ... because another event goes first */
};

extern const struct inject_way inject_ways[INJECT_WAY_COUNT];

/*
 * Abilities of the CPU beside its NMI way; constant for a vCPU's life.
 *   SOFT_REINJECT  software events can be injected with an instruction length (or next RIP); without it an
 *                  interrupted INT n is executed again instead
 *   NMI_IN_STI     the manual lets an NMI be delivered in the shadow of STI; the back end then clears the
 *                  shadow as it injects (INJECT_DO_CLEAR_STI)
 *   STEP_HIDDEN    INJECT_WIN_STEP needs no RFLAGS.TF (Intel "monitor trap flag")
 *   SHADOW_LOST    an entry forgets the interrupt shadow (an emulator): an interrupt, too, is got out of it
 *                  by a step and not by its window. The back end shows the shadow again at an exit that
 *                  comes before the instruction in it has run
 */
#define INJECT_CAP_SOFT_REINJECT 0x01
#define INJECT_CAP_NMI_IN_STI    0x02
#define INJECT_CAP_STEP_HIDDEN   0x04
#define INJECT_CAP_SHADOW_LOST   0x08

/* Which of our slots the entry slot was filled from, until the exit tells what became of it. */
enum inject_slot {
    INJECT_SLOT_NONE,
    INJECT_SLOT_EXCEPTION, /* `exception`; also software events */
    INJECT_SLOT_NMI,       /* `nmi_injected` */
    INJECT_SLOT_IRQ,       /* `irq` */
    INJECT_SLOT_COUNT,
};

/* Stepping over one guest instruction. */
enum inject_step {
    INJECT_STEP_NONE,
    INJECT_STEP_IRET,   /* to learn that the IRET at step_rip has completed */
    INJECT_STEP_SHADOW, /* to get out of an interrupt shadow with an NMI waiting */
};

/* What became of events that were not delivered one by one. */
enum inject_drop {
    INJECT_DROP_MASKED,   /* NMI collapsed: one is being handled, one waits already */
    INJECT_DROP_INFLIGHT, /* NMI collapsed: one is being delivered, one waits already */
    INJECT_DROP_FULL,     /* NMI collapsed: more than two at once */
    INJECT_DROP_HW_SLOT,  /* NMI collapsed: the hardware slot is the one that waits */
    INJECT_DROP_RESET,    /* INIT, reset or restore threw it away */
    INJECT_DROP_MERGED,   /* exception became part of #DF or a triple fault */
    INJECT_DROP_REPLACED, /* exception or software event whose instruction will raise it again */
    INJECT_DROP_COUNT,
};

enum inject_kind {
    INJECT_KIND_NMI,
    INJECT_KIND_IRQ,
    INJECT_KIND_EXCEPTION,
    INJECT_KIND_COUNT,
};

/* The books: for each kind posted = delivered + sum(dropped) + pending, see inject_books_balance(). */
struct inject_books {
    uint64_t
        posted[INJECT_KIND_COUNT]; /* NMI: accepted from the posted word; IRQ: taken from the controller;
                                    * exception: raised by emulation, or its delivery found interrupted */
    uint64_t delivered[INJECT_KIND_COUNT];
    uint64_t dropped[INJECT_KIND_COUNT][INJECT_DROP_COUNT];
    uint64_t redone[INJECT_KIND_COUNT]; /* deliveries that an exit cut short and that were put back */
    uint64_t irq_windows, nmi_windows;  /* exits because a window opened */
    uint64_t iret_intercepts, steps;    /* exits at an IRET, exits after one stepped instruction */
    uint64_t soft_forced;               /* soft way: blocked flag opened by time */
};

/* Bits of entry_work and exit_work. */
#define INJECT_WORK_PENDING  0x0001 /* entry: an event waits in one of the slots */
#define INJECT_WORK_RECHECK  0x0002 /* entry: windows or mask must be written again */
#define INJECT_WORK_INFLIGHT 0x0001 /* exit: an event was put into the entry slot */
#define INJECT_WORK_VNMI     0x0002 /* exit: the hardware slot was filled by us and not yet seen empty */
#define INJECT_WORK_STEP     0x0004 /* exit: a step is under way */
#define INJECT_WORK_BLOCKED  0x0008 /* exit: soft way, blocked flag set: time and RFLAGS.IF are looked at */

struct inject_state {
    uint16_t entry_work; /* not 0: call inject_schedule() before the next entry */
    uint16_t exit_work;  /* not 0: call inject_after_exit() after the next exit */
    uint8_t way;         /* enum inject_way_id */
    uint8_t caps;        /* INJECT_CAP_* */
    uint8_t slot;        /* enum inject_slot: what this entry delivers */
    uint8_t step;        /* enum inject_step: what this entry steps over */

    uint8_t nmi_pending; /* 0..2: accepted and handed neither to hardware nor to the entry slot */
    uint8_t irq_vector;  /* with irq_held */
    bool nmi_injected;   /* being delivered by this entry, or cut short and to be redone */
    bool nmi_masked;     /* ways without hw_mask only */
    bool vnmi_handed;    /* one NMI was put into the hardware slot and not yet seen to leave it */
    bool irq_held;       /* acknowledged at the controller and not yet delivered */
    bool exception_cut;  /* `exception` is a delivery that was cut short */
    bool iret_at_exit;   /* the guest stands before the IRET at step_rip, its intercept was taken */
    bool mask_set;       /* the next schedule sets the hardware's mask ... */
    bool mask_clear;     /* ... or clears it */
    bool vnmi_purge;     /* the next schedule empties the hardware slot first */
    bool shutdown;       /* triple fault: the next schedule says so */
    bool soft_warn;      /* soft way: forced open, not yet reported */

    uint32_t windows;    /* INJECT_WIN_* armed by the last schedule */
    uint32_t step_saved; /* guest's own INJECT_VIEW_TF, _RF, _DR6_BS while a step covers them */
    uint64_t step_rip;   /* RIP of the IRET; of the stepped instruction */
    uint64_t blocked_ns; /* soft way: guest time with the blocked flag set */
    uint64_t halted_at;  /* soft way: halted, and blocked_ns counted up to here; 0: not */

    struct inject_event exception; /* new or cut short; also software events */

    uint64_t
        since[INJECT_KIND_COUNT]; /* view.now when the oldest pending one was seen; for inject_why() only */
};
