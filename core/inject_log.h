/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The injection log: a ring of the scheduler's last inputs and decisions, per vCPU, always on. A record holds
 * all that one call was given and all that it decided; tools/replay feeds the inputs to the same code again
 * and compares the decisions. Owner only; a reader on another CPU may see a torn last record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/inject_state.h"
#include "lib/bits.h"

#define INJECT_LOG_HALF    64 /* records after which the state is kept too, so that a replay can start there */
#define INJECT_LOG_RECORDS (2 * INJECT_LOG_HALF)

enum inject_log_op {
    INJECT_LOG_SCHEDULE = 1,
    INJECT_LOG_EXIT,
    INJECT_LOG_RAISE,
    INJECT_LOG_SKIPPED,
    INJECT_LOG_IRET_EMULATED,
    INJECT_LOG_RESET,
};

/* inject_log_record.input. SAME_RIP: the RIP given equals inject_state.step_rip as it was before. */
#define INJECT_LOG_OP         FIELD(3, 0)
#define INJECT_LOG_SAME_RIP   BIT(4)
#define INJECT_LOG_KIND       FIELD(11, 8)  /* exit: enum inject_exit_kind */
#define INJECT_LOG_IRQ_VECTOR FIELD(15, 8)  /* schedule */
#define INJECT_LOG_FLAGS      FIELD(33, 16) /* INJECT_VIEW_*, INJECT_EXIT_* */
#define INJECT_LOG_DR6        FIELD(49, 34) /* exit */
#define INJECT_LOG_NMI_COUNT  FIELD(63, 34) /* schedule: NMIs found in the posted word */

struct inject_log_record {
    uint64_t input;
    uint64_t event[2];  /* exit: cut, fault; raise: event; each the first 8 bytes of struct inject_event */
    uint64_t time;      /* schedule: view.now; exit: guest_ns */
    uint64_t actions;   /* INJECT_DO_* low half, INJECT_WIN_* high half */
    uint64_t delivered; /* actions.event, first 8 bytes */
    uint64_t state[2];  /* first 16 bytes of struct inject_state afterwards */
};

#define INJECT_LOG_WORDS (sizeof(struct inject_log_record) / sizeof(uint64_t))

struct inject_log {
    uint64_t count;                    /* records ever written */
    struct inject_state checkpoint[2]; /* state before the first record of each half */
    struct inject_log_record records[INJECT_LOG_RECORDS];
};

/* --- Dump: the lines that tools/replay reads ------------------------------------------------------------ */

#define INJECT_LOG_VERSION   1
#define INJECT_LOG_LINE_SIZE 384

/* Number of the oldest record from which a replay can start; equals count when there is none. */
uint64_t inject_log_first(const struct inject_log *log);

/* The head line: version, number of the first record, state before it. `log->count` must not be 0. */
void inject_log_format_head(const struct inject_log *log, char line[INJECT_LOG_LINE_SIZE]);

/* The line of one record; `number` in inject_log_first()..count-1. */
void inject_log_format_record(const struct inject_log *log, uint64_t number, char line[INJECT_LOG_LINE_SIZE]);
