/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handful of events and instructions that the models know, and the two services that every part of the
 * check uses: choosing one of several futures, and reporting that a rule was broken.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ev {
    EV_NONE,
    EV_NMI,
    EV_IRQ_A, /* of higher priority than B */
    EV_IRQ_B,
    EV_GP,
    EV_DB,
    EV_PF,
    EV_SOFT, /* INT n */
    EV_DF,
};

enum insn {
    INSN_PLAIN,
    INSN_CLI,
    INSN_STI,
    INSN_MOVSS,
    INSN_IRET,
    INSN_INT,
    INSN_PUSHF,
    INSN_SET_TF, /* POPF with TF set */
    INSN_CLEAR_TF,
    INSN_TPR_UP,
    INSN_TPR_DOWN,
    INSN_CLGI,
    INSN_STGI,
    INSN_HLT,
    INSN_COUNT,
    INSN_CHOICES = INSN_COUNT + 3, /* and one emulated, one refused, one that faults */
};

enum shadow {
    SHADOW_NONE,
    SHADOW_STI,
    SHADOW_MOVSS,
};

#define DEPTH_MAX 7 /* nested handlers; deeper paths are not followed */

/* One of 0..n-1; the explorer comes back for each of the others. */
unsigned choose(unsigned n);

/* A rule is broken: reports the path that led here. */
_Noreturn void broken(const char *rule);

/* There is no such future here. */
_Noreturn void prune(void);

/* This future nests deeper than the scenario follows. */
_Noreturn void prune_depth(void);
