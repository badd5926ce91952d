/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The injection log: a ring of the scheduler's last inputs and decisions, per vCPU, always on. A record is
 * four words; tools/replay feeds the inputs to the same code again and compares the decisions. Owner only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/inject_state.h"

#define INJECT_LOG_HALF    64 /* records after which a state checkpoint is taken */
#define INJECT_LOG_RECORDS (2 * INJECT_LOG_HALF)

struct inject_log_record {
    uint64_t input;    /* what was asked: operation, flags, vector */
    uint64_t detail;   /* interrupted delivery, raised event or guest time */
    uint64_t decision; /* digest of actions and new state */
    uint64_t now;      /* time, for the reader only */
};

struct inject_log {
    uint64_t count;                    /* records ever written */
    struct inject_state checkpoint[2]; /* state before the first record of each half */
    struct inject_log_record records[INJECT_LOG_RECORDS];
};
