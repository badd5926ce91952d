/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions that meet: the rules of contributory exceptions up to #DF and triple fault ("#DF: Double-Fault
 * Exception", AMD volume 2; "Interrupt 8: Double Fault Exception", Intel volume 3), and what a new exception
 * does to the delivery that it interrupted.
 */
#include "core/inject_internal.h"

enum exception_class {
    CLASS_BENIGN,
    CLASS_CONTRIBUTORY,
    CLASS_PAGE_FAULT,
    CLASS_DOUBLE_FAULT,
};

static enum exception_class class_of(const struct inject_event *event)
{
    if (event->type != INJECT_TYPE_EXCEPTION)
        return CLASS_BENIGN;
    switch (event->vector) {
    case INJECT_VEC_DE:
    case INJECT_VEC_TS:
    case INJECT_VEC_NP:
    case INJECT_VEC_SS:
    case INJECT_VEC_GP:
    case INJECT_VEC_CP:
        return CLASS_CONTRIBUTORY;
    case INJECT_VEC_PF:
    case INJECT_VEC_VE:
        return CLASS_PAGE_FAULT;
    case INJECT_VEC_DF:
        return CLASS_DOUBLE_FAULT;
    default:
        return CLASS_BENIGN;
    }
}

enum meeting {
    MEET_SERIAL, /* the second is delivered, the first happens again when its instruction does */
    MEET_DOUBLE_FAULT,
    MEET_SHUTDOWN,
};

static enum meeting meet(const struct inject_event *first, const struct inject_event *second)
{
    static const uint8_t table[4][4] = {
        [CLASS_BENIGN] = {MEET_SERIAL, MEET_SERIAL, MEET_SERIAL, MEET_SERIAL},
        [CLASS_CONTRIBUTORY] = {MEET_SERIAL, MEET_DOUBLE_FAULT, MEET_SERIAL, MEET_SERIAL},
        [CLASS_PAGE_FAULT] = {MEET_SERIAL, MEET_DOUBLE_FAULT, MEET_DOUBLE_FAULT, MEET_SERIAL},
        [CLASS_DOUBLE_FAULT] = {MEET_SERIAL, MEET_SHUTDOWN, MEET_SHUTDOWN, MEET_SHUTDOWN},
    };

    return (enum meeting)table[class_of(first)][class_of(second)];
}

static void meet_pending_exception(struct inject *inj, const struct inject_event *event)
{
    struct inject_state *st = &inj->state;

    switch (meet(&st->exception, event)) {
    case MEET_SERIAL:
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_REPLACED);
        st->exception = *event;
        break;
    case MEET_DOUBLE_FAULT:
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_MERGED);
        st->exception = inject_event_exception_error(INJECT_VEC_DF, 0);
        break;
    case MEET_SHUTDOWN:
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_MERGED);
        inject_count_drop(inj, INJECT_KIND_EXCEPTION, INJECT_DROP_MERGED);
        st->exception = (struct inject_event){0};
        st->shutdown = true;
        break;
    }
}

void inject_combine(struct inject *inj, const struct inject_event *event)
{
    struct inject_state *st = &inj->state;

    inj->books.posted[INJECT_KIND_EXCEPTION]++;
    if (inject_event_valid(&st->exception))
        meet_pending_exception(inj, event);
    else
        st->exception = *event;
    st->exception_cut = false;

    /* An interrupted NMI or interrupt waits behind the exception; it has not been delivered, so it is not
     * lost. */
    if (st->nmi_injected) {
        st->nmi_injected = false;
        st->nmi_pending++;
    }
    /* The instruction at RIP is not executed now: neither stepped, nor an IRET that blocks NMIs again. */
    st->iret_at_exit = false;
    st->mask_set = false;
    st->entry_work |= INJECT_WORK_PENDING;
}

void inject_raise(struct inject *inj, const struct inject_event *event)
{
    inject_combine(inj, event);
    inject_log_event(inj, INJECT_LOG_RAISE, event);
}
