/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Why not delivered?": for everything that is pending, what holds it back at this moment and for how long
 * already. Changes nothing. Owner only, between two entries, with the same view as inject_schedule().
 */
#pragma once

#include "core/inject.h"

enum inject_blocker {
    INJECT_BLOCK_NONE,      /* nothing: the next entry delivers it */
    INJECT_BLOCK_HARDWARE,  /* it is in the hardware's slot, which delivers it as soon as the guest runs */
    INJECT_BLOCK_IF,        /* RFLAGS.IF is 0 */
    INJECT_BLOCK_SHADOW,    /* interrupt shadow of STI or MOV SS */
    INJECT_BLOCK_NMI_MASK,  /* an NMI handler has not executed its IRET */
    INJECT_BLOCK_IRET_STEP, /* ... and is just being stepped over that IRET */
    INJECT_BLOCK_TPR,       /* task priority */
    INJECT_BLOCK_GIF,       /* global interrupt flag is 0 */
    INJECT_BLOCK_SLOT,      /* another event goes first in the entry slot */
    INJECT_BLOCK_NO_WINDOW, /* should be waiting for a window, and none was asked for: a bug of the scheduler
                             */
    INJECT_BLOCK_UNSEEN,    /* posted, and the vCPU has not looked since: it is not running */
    INJECT_BLOCK_COUNT,
};

struct inject_reason {
    uint8_t kind; /* enum inject_kind */
    uint8_t vector;
    uint8_t count;   /* how many of them wait */
    uint8_t blocker; /* enum inject_blocker */
    uint64_t age_ns; /* since the oldest was seen; 0 if unseen */
};

#define INJECT_WHY_MAX 6

/* Fills `reasons`, returns how many. `view->now` is the present time. */
unsigned inject_why(const struct inject *inj, const struct inject_view *view,
                    struct inject_reason reasons[INJECT_WHY_MAX]);

/* Words for the console: "RFLAGS.IF is clear". */
const char *inject_blocker_name(enum inject_blocker blocker);
const char *inject_kind_name(enum inject_kind kind);
