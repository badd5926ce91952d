/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a dumped injection log through the scheduler again, line by line, and compares what it decides.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/inject.h"

enum replay_result {
    REPLAY_IGNORED,  /* not a line of an injection log */
    REPLAY_SAME,     /* head line taken, or record decided as it was then */
    REPLAY_DIVERGED, /* decided otherwise: see `message`; nothing after it means anything */
    REPLAY_BAD,      /* malformed, or a record without its head line: see `message` */
};

struct replay {
    struct inject inj;
    bool started;
    uint64_t next; /* number of the record expected */
    char message[512];
};

void replay_start(struct replay *replay);

/* `line` may have anything in front, such as the console's tag. */
enum replay_result replay_line(struct replay *replay, const char *line);
