/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scheduler's unit tests share: one vCPU, one round of the run loop in a line.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/inject.h"

#define OPEN      ((uint32_t)INJECT_VIEW_IF)
#define IRET_RIP  UINT64_C(0x1000)
#define OTHER_RIP UINT64_C(0x2000)

struct fixture {
    struct inject inj;
    struct inject_actions act;
    uint32_t undo;
    uint8_t irq; /* offered by the controller, 0: none */
    uint64_t rip;
};

static inline void start(struct fixture *f, enum inject_way_id way, uint32_t caps)
{
    memset(f, 0, sizeof(*f));
    inject_init(&f->inj, way, caps);
    f->rip = OTHER_RIP;
}

static inline void post_nmis(struct fixture *f, unsigned count)
{
    while (count-- > 0)
        (void)inject_post_nmi(&f->inj.posted);
}

static inline void schedule(struct fixture *f, uint64_t flags)
{
    struct inject_view view = {.flags = (uint32_t)flags, .irq_vector = f->irq, .rip = f->rip};

    if (f->irq != 0)
        view.flags |= (uint32_t)INJECT_VIEW_IRQ;
    inject_schedule(&f->inj, &view, &f->act);
    if ((f->act.flags & INJECT_DO_ACK_IRQ) != 0)
        f->irq = 0;
    assert_true(inject_books_balance(&f->inj));
}

static inline void leave(struct fixture *f, struct inject_exit exit)
{
    exit.rip = f->rip;
    f->undo = inject_after_exit(&f->inj, &exit);
    assert_true(inject_books_balance(&f->inj));
}

static inline void leave_plain(struct fixture *f, uint64_t flags)
{
    leave(f, (struct inject_exit){.kind = INJECT_EXIT_OTHER, .flags = (uint32_t)flags});
}

static inline void leave_kind(struct fixture *f, enum inject_exit_kind kind)
{
    leave(f, (struct inject_exit){.kind = (uint8_t)kind});
}

static inline void leave_cut(struct fixture *f, struct inject_event cut)
{
    cut.flags |= INJECT_EVENT_VALID;
    leave(f, (struct inject_exit){.kind = INJECT_EXIT_OTHER, .cut = cut});
}

static inline void leave_fault(struct fixture *f, struct inject_event fault)
{
    leave(f, (struct inject_exit){.kind = INJECT_EXIT_FAULT, .fault = fault});
}

static inline void expect_event(const struct fixture *f, enum inject_type type, uint8_t vector)
{
    assert_true(inject_event_valid(&f->act.event));
    assert_int_equal(f->act.event.type, type);
    assert_int_equal(f->act.event.vector, vector);
}

static inline void expect_nothing(const struct fixture *f)
{
    assert_false(inject_event_valid(&f->act.event));
}

#define EXPECT_NMI(f) expect_event(f, INJECT_TYPE_NMI, INJECT_VEC_NMI)
#define NMI_CUT       ((struct inject_event){.type = INJECT_TYPE_NMI, .vector = INJECT_VEC_NMI})
#define IRQ_CUT(v)    ((struct inject_event){.type = INJECT_TYPE_IRQ, .vector = (v)})
