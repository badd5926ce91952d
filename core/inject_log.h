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
    INJECT_LOG_HALTED,
};

/*
 * inject_log_record.input. SAME_RIP: the RIP given equals inject_state.step_rip as it was before. The halves
 * are where struct inject_view and struct inject_exit have them, to be copied whole.
 */
#define INJECT_LOG_FLAGS      FIELD(17, 0) /* INJECT_VIEW_*, INJECT_EXIT_* */
#define INJECT_LOG_SAME_RIP   BIT(27)
#define INJECT_LOG_OP         FIELD(31, 28) /* enum inject_log_op */
#define INJECT_LOG_IRQ_VECTOR FIELD(39, 32) /* schedule */
#define INJECT_LOG_NMI_COUNT  FIELD(63, 40) /* schedule, halted: NMIs found in the posted word */
#define INJECT_LOG_DR6        FIELD(47, 32) /* exit */
#define INJECT_LOG_KIND       FIELD(55, 48) /* exit: enum inject_exit_kind */

/* A word that means nothing for an operation keeps what it had: it costs nothing and is not compared. */
struct inject_log_record {
    uint64_t input;
    uint64_t
        event[2];  /* exit: cut, and with INJECT_EXIT_FAULT fault; raise: event; first 8 bytes of the event */
    uint64_t time; /* schedule, halted: view.now; exit: guest_ns */
    uint64_t actions;   /* schedule: INJECT_DO_* low half, INJECT_WIN_* high half; exit: what to undo */
    uint64_t delivered; /* schedule: actions.event, first 8 bytes */
    uint64_t state[2];  /* first 16 bytes of struct inject_state afterwards */
};

#define INJECT_LOG_WORDS (sizeof(struct inject_log_record) / sizeof(uint64_t))

struct inject_log {
    struct inject_log_record *next;     /* where the next record goes */
    struct inject_log_record *half_end; /* end of the half that it is in */
    uint64_t full_count;                /* records written in halves before that one */
    struct inject_state checkpoint[2];  /* state before the first record of each half */
    struct inject_log_record records[INJECT_LOG_RECORDS];
};

/* Records ever written. */
static inline uint64_t inject_log_count(const struct inject_log *log)
{
    return log->full_count + INJECT_LOG_HALF - (uint64_t)(log->half_end - log->next);
}

/* --- Dump: the lines that tools/replay reads ------------------------------------------------------------ */

#define INJECT_LOG_VERSION   1
#define INJECT_LOG_LINE_SIZE 384

/* Number of the oldest record from which a replay can start; equals inject_log_count() when there is none. */
uint64_t inject_log_first(const struct inject_log *log);

/* The head line: version, number of the first record, state before it. */
void inject_log_format_head(const struct inject_log *log, char line[INJECT_LOG_LINE_SIZE]);

/* The line of one record; `number` from inject_log_first(), below inject_log_count(). */
void inject_log_format_record(const struct inject_log *log, uint64_t number, char line[INJECT_LOG_LINE_SIZE]);
