/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare-metal model. Deliberately shares nothing with the scheduler or with the processor model.
 */
#include "tests/model/bare.h"

struct bare_rules bare_rules;

void bare_start(struct bare *b)
{
    *b = (struct bare){.interrupts = true, .gif = true};
}

void bare_post_nmi(struct bare *b)
{
    b->nmi_waiting++;
}

void bare_post_irq(struct bare *b, unsigned line)
{
    b->irq_waiting = (uint8_t)(b->irq_waiting | 1u << line);
}

void bare_told(struct bare *b)
{
    b->nmi_known = b->nmi_waiting;
    b->irq_known = b->irq_waiting;
}

static bool nmi_blocked(const struct bare *b)
{
    return b->nmi_mask || b->shadow != SHADOW_NONE || !b->gif;
}

static bool irq_blocked(const struct bare *b)
{
    return !b->interrupts || b->shadow != SHADOW_NONE || !b->gif;
}

void bare_acknowledge(struct bare *b, unsigned line)
{
    unsigned bit = 1u << line;

    if ((b->irq_waiting & bit) == 0 || b->tpr_high)
        broken("acknowledge of an interrupt that the controller does not offer");
    if (b->nmi_known != 0 && !nmi_blocked(b))
        broken("interrupt chosen before an NMI");
    b->irq_waiting = (uint8_t)(b->irq_waiting & ~bit);
    b->irq_known = (uint8_t)(b->irq_known & ~bit);
    b->irq_taken = (uint8_t)(b->irq_taken | bit);
}

/* One NMI can be handled and one wait; two at once only if neither has been delivered. */
void bare_collapse(struct bare *b, unsigned count, bool excused)
{
    unsigned keep = b->nmi_mask || excused ? 1 : 2;

    if (count != 0 && b->nmi_waiting < keep + count)
        broken("NMI collapsed although there was room for it");
    b->nmi_waiting = (uint8_t)(b->nmi_waiting - count);
    if (b->nmi_known > b->nmi_waiting)
        b->nmi_known = b->nmi_waiting;
}

void bare_sleep(const struct bare *b, bool excused)
{
    unsigned offered = b->irq_taken | (b->tpr_high ? 0u : b->irq_known);

    if (!b->halted)
        broken("asleep without HLT");
    if (b->due != EV_NONE || (b->nmi_known != 0 && !nmi_blocked(b) && !excused) ||
        (offered != 0 && !irq_blocked(b)))
        broken("not woken from HLT");
}

/* At an instruction boundary where the guest executes on: nothing may be due. */
static void nothing_due(const struct bare *b, bool excused)
{
    unsigned offered = b->irq_taken | (b->tpr_high ? 0u : b->irq_known);

    if (b->halted)
        broken("instruction executed behind a HLT that nothing ended");
    if (b->due != EV_NONE)
        broken("instruction executed before a due exception");
    if (b->nmi_known != 0 && !nmi_blocked(b) && !excused)
        broken("NMI late: an instruction executed first");
    if (offered != 0 && !irq_blocked(b))
        broken("interrupt late: an instruction executed first");
}

static void pop_frame(struct bare *b)
{
    b->depth--;
    b->interrupts = (b->frames_if >> b->depth & 1) != 0;
    b->tf = (b->frames_tf >> b->depth & 1) != 0;
    b->nmi_mask = false;
}

void bare_execute(struct bare *b, enum insn insn, bool excused)
{
    bool trap = b->tf;

    nothing_due(b, excused);
    b->shadow = SHADOW_NONE;
    if (insn == INSN_STI && !b->interrupts)
        b->shadow = SHADOW_STI;
    if (insn == INSN_MOVSS)
        b->shadow = SHADOW_MOVSS;
    if (insn == INSN_STI || insn == INSN_CLI)
        b->interrupts = insn == INSN_STI;
    if (insn == INSN_SET_TF || insn == INSN_CLEAR_TF)
        b->tf = insn == INSN_SET_TF;
    if (insn == INSN_TPR_UP || insn == INSN_TPR_DOWN)
        b->tpr_high = insn == INSN_TPR_UP;
    if (insn == INSN_CLGI || insn == INSN_STGI)
        b->gif = insn == INSN_STGI;
    if (insn == INSN_IRET)
        pop_frame(b);
    b->halted = insn == INSN_HLT;
    if (trap) {
        b->due = EV_DB;
        b->bs = true;
    }
}

void bare_fault(struct bare *b, enum insn insn, enum ev exception, bool excused)
{
    nothing_due(b, excused);
    b->due = (uint8_t)exception;
    if (insn == INSN_IRET && bare_rules.faulting_iret_unmasks)
        b->nmi_mask = false;
}

/* `exception` arises while something else is being delivered. */
void bare_interrupted_by(struct bare *b, enum ev exception)
{
    if (b->due == EV_PF || (b->due == EV_GP && exception == EV_GP))
        b->due = EV_DF;
    else
        b->due = (uint8_t)exception;
}

static void enter_nmi(struct bare *b)
{
    bool nests = bare_rules.nmi_may_nest && b->opened;

    if (b->nmi_known == 0)
        broken("NMI out of nowhere");
    if (b->nmi_mask && !nests)
        broken("NMI inside an NMI handler");
    if (!b->gif || b->shadow == SHADOW_MOVSS || (b->shadow == SHADOW_STI && !bare_rules.nmi_in_sti_shadow))
        broken("NMI in a shadow or with GIF clear");
    b->nmi_known--;
    b->nmi_waiting--;
    b->nmi_mask = true;
    b->opened = false;
    b->unbooked++;
}

static void enter_irq(struct bare *b, unsigned line)
{
    if ((b->irq_taken >> line & 1) == 0)
        broken("interrupt out of nowhere");
    if (irq_blocked(b))
        broken("interrupt while interrupts are blocked");
    b->irq_taken = (uint8_t)(b->irq_taken & ~(1u << line));
}

void bare_enter(struct bare *b, enum ev ev, bool pushed_if, bool pushed_tf)
{
    if (b->due != EV_NONE && b->due != ev)
        broken("another event before a due exception");
    if (ev == EV_NMI)
        enter_nmi(b);
    else if (ev == EV_IRQ_A || ev == EV_IRQ_B)
        enter_irq(b, ev == EV_IRQ_B);
    else if (b->due != ev)
        broken("exception out of nowhere");
    if (pushed_if != b->interrupts || pushed_tf != b->tf)
        broken("foreign flags in a handler's frame");
    b->due = EV_NONE;
    if (b->depth == DEPTH_MAX)
        prune_depth();
    b->frames_if = (uint8_t)((b->frames_if & ~(1u << b->depth)) | (unsigned)b->interrupts << b->depth);
    b->frames_tf = (uint8_t)((b->frames_tf & ~(1u << b->depth)) | (unsigned)b->tf << b->depth);
    b->depth++;
    b->halted = false;
    b->interrupts = false;
    b->tf = false;
    b->shadow = SHADOW_NONE;
}
