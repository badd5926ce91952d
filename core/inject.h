/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event-injection scheduler: the one place that decides which interrupt, NMI or exception a guest gets
 * and when. Pure: (state, what the hardware shows, what happened) -> (new state, actions). It calls nothing,
 * reads no clock and no register, and names no vendor; a back end fills `view` and `exit`, and carries out
 * `actions` to the letter. docs/injection.md has the rules with their manual sections.
 *
 * One round of the run loop, all by the CPU that owns the vCPU:
 *
 *     for (;;) {
 *         if (inject_has_work(inj)) {            one load, one or, one branch when nothing is pending
 *             fill view;
 *             inject_schedule(inj, &view, &actions);
 *             carry out actions;                 (in the order of the INJECT_DO_ bits, event, windows)
 *         }
 *         publish "in guest"; if inject_posted_again(): take it back and schedule again;
 *         enter the guest;
 *         if (inject_exit_has_work(inj, interrupted delivery valid) || the exit is one of inject_exit_kind)
 *             fill exit; undo = inject_after_exit(inj, &exit); carry out undo;
 *         handle the exit; it may call inject_raise();
 *     }
 *
 * inject_after_exit() comes before the exit is handled, so that inject_raise() knows which delivery it
 * interrupts. Scheduling twice without an entry in between is allowed: the event already chosen stays chosen.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inject_event.h"
#include "core/inject_log.h"
#include "core/inject_state.h"
#include "lib/bits.h"

struct inject {
    struct inject_posted posted; /* first: any CPU */
    struct inject_state state;
    struct inject_books books;
    struct inject_log log;
};

/* What the hardware shows right before an entry. */
#define INJECT_VIEW_IF           BIT(0)  /* RFLAGS.IF */
#define INJECT_VIEW_SHADOW_STI   BIT(1)  /* interrupt shadow known to come from STI */
#define INJECT_VIEW_SHADOW_MOVSS BIT(2)  /* ... from MOV SS or POP SS, or of unknown kind */
#define INJECT_VIEW_GIF_CLEAR    BIT(3)  /* the guest's global interrupt flag is 0: nothing is delivered */
#define INJECT_VIEW_NMI_MASK     BIT(4)  /* hw_mask ways: NMIs are blocked */
#define INJECT_VIEW_VNMI_PENDING BIT(5)  /* hw_slot way: the hardware slot holds an NMI */
#define INJECT_VIEW_VNMI_REFUSED BIT(6)  /* hw_slot way: slot not to be used now (a nested guest runs) */
#define INJECT_VIEW_SLOT_BUSY    BIT(7)  /* the entry slot holds an event that did not come from here */
#define INJECT_VIEW_IRQ          BIT(8)  /* irq_vector is what the interrupt controller would deliver now */
#define INJECT_VIEW_IRQ_TPR      BIT(9)  /* the controller has an interrupt held back by TPR/PPR only */
#define INJECT_VIEW_TF           BIT(10) /* RFLAGS.TF as in the hardware's guest state now */
#define INJECT_VIEW_RF           BIT(11) /* RFLAGS.RF, likewise */
#define INJECT_VIEW_DR6_BS       BIT(12) /* DR6.BS, likewise */
#define INJECT_VIEW_STEP         BIT(13) /* a debugger steps the guest: one instruction, events wait meanwhile */
#define INJECT_VIEW_BITS         FIELD(13, 0)
#define INJECT_VIEW_SHADOW       (INJECT_VIEW_SHADOW_STI | INJECT_VIEW_SHADOW_MOVSS)

struct inject_view {
    uint32_t flags;      /* INJECT_VIEW_* */
    uint32_t irq_vector; /* with INJECT_VIEW_IRQ */
    uint64_t rip;        /* guest's RIP */
    uint64_t now;        /* time in ns; only kept to tell an event's age */
};

/*
 * Things to do at once, in ascending order.
 *   MASK_SET, _CLEAR  write the hardware's NMI mask
 *   CLEAR_STI         clear the STI shadow
 *   TF_*, RF_*        write RFLAGS.TF, RFLAGS.RF: a step hides them from the guest
 *   BS_CLEAR          clear DR6.BS: it was our step's
 *   CLEAR_VNMI        take the pending NMI out of the hardware (restore, reset)
 *   SET_VNMI          set the hardware's pending NMI
 *   ACK_IRQ           `event` is irq_vector of the view: tell the controller now that it is taken. If the
 *                     controller offers another one right afterwards, inject_post_irq()
 *   SHUTDOWN          triple fault: do not enter; shutdown of the VM by its policy
 *   WARN_SOFT         soft way forced NMIs open after 1 s of guest time: warn, rate-limited
 */
#define INJECT_DO_MASK_SET   BIT(0)
#define INJECT_DO_MASK_CLEAR BIT(1)
#define INJECT_DO_CLEAR_STI  BIT(2)
#define INJECT_DO_TF_CLEAR   BIT(3)
#define INJECT_DO_TF_SET     BIT(4)
#define INJECT_DO_RF_CLEAR   BIT(5)
#define INJECT_DO_RF_SET     BIT(6)
#define INJECT_DO_BS_CLEAR   BIT(7)
#define INJECT_DO_CLEAR_VNMI BIT(8)
#define INJECT_DO_SET_VNMI   BIT(9)
#define INJECT_DO_ACK_IRQ    BIT(10)
#define INJECT_DO_SHUTDOWN   BIT(11)
#define INJECT_DO_WARN_SOFT  BIT(12)

/*
 * Exits to ask for. `windows` is always the complete set: what is not in it is to be disarmed.
 *   IRQ   when the guest could take an external interrupt (IF, shadow; TPR ignored)
 *   NMI   when the guest could take an NMI; only ways that have an NMI window
 *   IRET  before an IRET executes
 *   STEP  after one guest instruction. TF and RF are set by INJECT_DO_ bits (unless INJECT_CAP_STEP_HIDDEN).
 *         While armed the back end intercepts #DB, every exception that an instruction can raise, and task
 *         switches; for INJECT_STEP_SHADOW also PUSHF and INT n. DebugCtl.BTF is off meanwhile.
 *   TPR   when the guest lowers its TPR (or the controller model posts then)
 *   GIF   when the guest sets its global interrupt flag
 *   NOW   as soon as this entry's event is delivered, whatever RFLAGS.IF is, before the handler's first
 *         instruction
 */
#define INJECT_WIN_IRQ  BIT(0)
#define INJECT_WIN_NMI  BIT(1)
#define INJECT_WIN_IRET BIT(2)
#define INJECT_WIN_STEP BIT(3)
#define INJECT_WIN_TPR  BIT(4)
#define INJECT_WIN_GIF  BIT(5)
#define INJECT_WIN_NOW  BIT(6)

struct inject_actions {
    uint32_t flags;            /* INJECT_DO_* */
    uint32_t windows;          /* INJECT_WIN_*: complete set to be armed */
    struct inject_event event; /* if valid: goes into the entry slot; else the slot is left empty */
};

enum inject_exit_kind {
    INJECT_EXIT_OTHER, /* nothing below; reported only if inject_exit_has_work() */
    INJECT_EXIT_IRET,  /* INJECT_WIN_IRET: rip is the IRET, not yet executed */
    INJECT_EXIT_STEP,  /* INJECT_WIN_STEP: #DB with DR6.BS intercepted, or the monitor trap */
    INJECT_EXIT_FAULT, /* an exception (or, in a step, INT n) intercepted that the guest is to get: `fault`.
                        * Includes #DB without DR6.BS. The core raises it, the back end does not. */
    INJECT_EXIT_IRQ_WINDOW,
    INJECT_EXIT_NMI_WINDOW,
    INJECT_EXIT_ENTRY_FAILED, /* the entry itself failed: nothing was delivered */
    INJECT_EXIT_KINDS,
};

/*
 * Bits of inject_exit.flags, beside INJECT_VIEW_IF, _SHADOW_*, _NMI_MASK, _VNMI_PENDING as the exit left
 * them. NMI_UNBLOCKED  Intel "NMI unblocking due to IRET" in exit information or qualification; reported only
 * when no interrupted delivery is valid and the exit is not #DF FLAGS_LOADED   the stepped instruction was
 * POPF or IRET: RFLAGS.TF now is the guest's own (INJECT_STEP_SHADOW)
 */
#define INJECT_EXIT_NMI_UNBLOCKED BIT(16)
#define INJECT_EXIT_FLAGS_LOADED  BIT(17)

struct inject_exit {
    uint32_t flags;            /* INJECT_EXIT_*, INJECT_VIEW_* */
    uint16_t dr6;              /* INJECT_EXIT_STEP by #DB: DR6 bits that this #DB set; monitor trap: 0 */
    uint8_t kind;              /* enum inject_exit_kind */
    uint64_t rip;              /* guest's RIP at the exit */
    uint64_t guest_ns;         /* time from entry to exit; only needed with INJECT_WORK_BLOCKED */
    struct inject_event cut;   /* delivery that the exit interrupted (EXITINTINFO, IDT-vectoring); not valid:
                                * none.   payload 0; insn_len filled for software events */
    struct inject_event fault; /* INJECT_EXIT_FAULT only; payload as in inject_event.h if not yet in CR2 or
                                * DR6, else 0 */
};

/* DR6 in inject_exit.dr6 and in the payload of #DB. */
#define INJECT_DR6_TRAPS FIELD(3, 0) /* B0-B3 */
#define INJECT_DR6_BD    BIT(13)
#define INJECT_DR6_BS    BIT(14)
#define INJECT_DR6_BT    BIT(15)

/* Sets up an empty state. `caps`: INJECT_CAP_*. */
void inject_init(struct inject *inj, enum inject_way_id way, uint32_t caps);

/* INIT and reset: every event is dropped (counted), NMIs are not blocked. The next schedule tells the
 * hardware. */
void inject_reset(struct inject *inj);

/* Owner: an INIT whose poster called inject_post_init(). NMIs that were posted after it are kept: a processor
 * that waits for its start-up takes them once it has started. */
void inject_init_taken(struct inject *inj);

/* --- Posting: any CPU, lock-free -------------------------------------------------------------------------
 *
 * The poster adds to the word (sequentially consistent), then reads whether the vCPU is in guest mode or
 * blocked and kicks or wakes it. The owner publishes "in guest" or "blocked" (sequentially consistent), then
 * reads the word again. Each side writes before it reads, so at least one of the two sees the other's write:
 * no post is missed. core/vcpu.h owns the second variable: callers go through vcpu_request(vcpu,
 * VCPU_REQ_EVENT) after posting. Returns true if nothing was posted before: only then is a kick needed, an
 * earlier poster's still stands.
 */
static inline bool inject_post_nmi(struct inject_posted *posted)
{
    return atomic_fetch_add_explicit(&posted->word, INJECT_POSTED_NMI_ONE, memory_order_seq_cst) == 0;
}

/* The interrupt controller has changed what it would deliver. */
/* An INIT is about to be posted: NMIs that came before it go with it, those that come later wait behind it.
 * Any CPU. */
static inline void inject_post_init(struct inject_posted *posted)
{
    uint64_t before =
        atomic_fetch_and_explicit(&posted->word, ~(uint64_t)INJECT_POSTED_NMI_COUNT, memory_order_relaxed);

    atomic_fetch_add_explicit(&posted->init_nmis, before & INJECT_POSTED_NMI_COUNT, memory_order_relaxed);
}

static inline bool inject_post_irq(struct inject_posted *posted)
{
    return atomic_fetch_or_explicit(&posted->word, INJECT_POSTED_IRQ, memory_order_seq_cst) == 0;
}

/* --- The run loop: owner only ------------------------------------------------------------------------- */

static inline bool inject_has_work(const struct inject *inj)
{
    return (atomic_load_explicit(&inj->posted.word, memory_order_relaxed) | inj->state.entry_work) != 0;
}

/* After inject_schedule(), once "in guest" is published: something was posted meanwhile, schedule again. */
static inline bool inject_posted_again(const struct inject *inj)
{
    return atomic_load_explicit(&inj->posted.word, memory_order_seq_cst) != 0;
}

/* `cut_valid`: the exit interrupted a delivery. Exits of a kind other than INJECT_EXIT_OTHER are reported
 * always. */
static inline bool inject_exit_has_work(const struct inject *inj, bool cut_valid)
{
    return (inj->state.exit_work | (uint32_t)cut_valid) != 0;
}

/* Not 0: work before the next entry or after the next exit, whatever comes; posted events apart. One load. */
static inline uint32_t inject_all_work(const struct inject *inj)
{
    uint32_t both;

    __builtin_memcpy(&both, &inj->state, sizeof(both));
    return both;
}

/* Decides what the coming entry delivers and which exits are armed. Takes over everything posted. */
void inject_schedule(struct inject *inj, const struct inject_view *view, struct inject_actions *actions);

/*
 * Takes note of what became of the last entry's event and of what the exit was. Once per exit at most, and
 * before anything else reads the guest's RFLAGS or DR6: returns INJECT_DO_TF_*, _RF_* and _BS_* bits to carry
 * out at once, which remove every trace of a step. (If the step has to go on, the next schedule sets them
 * again.)
 */
MUST_CHECK uint32_t inject_after_exit(struct inject *inj, const struct inject_exit *exit);

/*
 * An exception (or software event) that handling the current exit raises for the guest, at the instruction at
 * RIP. Combines with an interrupted delivery by the rules of contributory exceptions, up to a triple fault.
 */
void inject_raise(struct inject *inj, const struct inject_event *event);

/*
 * The exit was handled by emulating the instruction at RIP and moving past it, or RIP was changed otherwise:
 * nothing that was remembered about the instruction at the old RIP holds. Call it after every such exit. An
 * emulated IRET calls inject_iret_emulated() instead, when it has completed.
 */
void inject_forget_instruction(struct inject *inj);

static inline bool inject_remembers_instruction(const struct inject *inj)
{
    uint16_t both; /* iret_at_exit and mask_set, with one load */

    __builtin_memcpy(&both, (const uint8_t *)&inj->state + offsetof(struct inject_state, iret_at_exit),
                     sizeof(both));
    return both != 0;
}

static inline void inject_skipped(struct inject *inj)
{
    if (inject_remembers_instruction(inj))
        inject_forget_instruction(inj);
}
void inject_iret_emulated(struct inject *inj);

/*
 * The vCPU is halted: call it each time before inject_wakes(). Soft way: a CPU that halts by itself would
 * count that as the guest's time, so the second after which a waiting NMI is let through passes here too.
 * Returns when to call again, in the time of view->now; INJECT_NEVER: not because of time.
 */
#define INJECT_NEVER UINT64_MAX
uint64_t inject_halted(struct inject *inj, const struct inject_view *view);

/* True if something pending would get a halted vCPU going: a deliverable interrupt, an NMI that is not
 * blocked. */
bool inject_wakes(const struct inject *inj, const struct inject_view *view);

/* NMIs blocked, as the guest would have it; `hw_mask`: what the hardware shows, for the ways where it holds
 * it. */
bool inject_nmi_masked(const struct inject_state *state, bool hw_mask);

/* posted = delivered + dropped + pending for every kind. */
bool inject_books_balance(const struct inject *inj);
