/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event on its way into a guest: interrupt, NMI, exception or software interrupt. The type numbers are
 * the ones that both x86 vendors use in their entry and exit fields ("Event Injection" in the AMD manual,
 * "VM-Entry Controls for Event Injection" in the Intel manual), so that back ends copy them without a table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bits.h"

enum inject_type {
    INJECT_TYPE_IRQ = 0, /* external interrupt */
    INJECT_TYPE_NMI = 2,
    INJECT_TYPE_EXCEPTION = 3,     /* hardware exception */
    INJECT_TYPE_SOFT_INT = 4,      /* INT n */
    INJECT_TYPE_PRIV_SOFT_EXC = 5, /* INT1, where the hardware tells it apart */
    INJECT_TYPE_SOFT_EXC = 6,      /* INT3, INTO, where the hardware tells them apart */
};

enum inject_vector {
    INJECT_VEC_DE = 0,
    INJECT_VEC_DB = 1,
    INJECT_VEC_NMI = 2,
    INJECT_VEC_BP = 3,
    INJECT_VEC_OF = 4,
    INJECT_VEC_UD = 6,
    INJECT_VEC_NM = 7,
    INJECT_VEC_DF = 8,
    INJECT_VEC_TS = 10,
    INJECT_VEC_NP = 11,
    INJECT_VEC_SS = 12,
    INJECT_VEC_GP = 13,
    INJECT_VEC_PF = 14,
    INJECT_VEC_AC = 17,
    INJECT_VEC_MC = 18,
    INJECT_VEC_VE = 20,
    INJECT_VEC_CP = 21,
};

#define INJECT_EVENT_VALID     0x01
#define INJECT_EVENT_HAS_ERROR 0x02 /* `error` is pushed */

struct inject_event {
    uint8_t vector;
    uint8_t type;     /* enum inject_type */
    uint8_t flags;    /* INJECT_EVENT_* */
    uint8_t insn_len; /* bytes of the instruction behind a software event, 0 for all others */
    uint32_t error;   /* with INJECT_EVENT_HAS_ERROR */
    uint64_t payload; /* a new #PF: CR2; a new #DB: DR6 bits to set. Written by the back end when it puts the
                       * event into the entry slot; 0 and not written again when a delivery is redone. */
};

static inline bool inject_event_valid(const struct inject_event *event)
{
    return (event->flags & INJECT_EVENT_VALID) != 0;
}

/* INT n, INT3, INTO, INT1: the instruction is executed again if the event is dropped. */
static inline bool inject_event_is_soft(const struct inject_event *event)
{
    return event->type >= INJECT_TYPE_SOFT_INT;
}

static inline struct inject_event inject_event_exception(uint8_t vector)
{
    return (struct inject_event){
        .vector = vector, .type = INJECT_TYPE_EXCEPTION, .flags = INJECT_EVENT_VALID};
}

static inline struct inject_event inject_event_exception_error(uint8_t vector, uint32_t error)
{
    return (struct inject_event){.vector = vector,
                                 .type = INJECT_TYPE_EXCEPTION,
                                 .flags = INJECT_EVENT_VALID | INJECT_EVENT_HAS_ERROR,
                                 .error = error};
}
