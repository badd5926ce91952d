/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of a boot loader's line: splitting, values, option tables, and the one form that complaints have:
 *   WHERE: column N: PROBLEM "WORD"; allowed: LIST
 * Words are separated by blanks; there is no quoting. Columns count from 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cpu_set.h"
#include "lib/bits.h"

struct config_reader {
    char where[48];   /* "command line", "module 2 (linux)" */
    const char *text; /* the whole line */
    const char *next; /* not read yet */
    uint32_t error_count;
};

struct config_word {
    const char *text; /* not terminated */
    size_t length;
};

struct config_option {
    const char *key;     /* with its '=' */
    const char *allowed; /* what may stand there, as the user would write it */
    /* Stores the value into `target`, whose type belongs to the table. False: malformed, nothing stored. */
    bool (*take)(void *target, const struct config_word *value);
};

struct config_option_table {
    const struct config_option *options; /* at most 32 */
    size_t count;
    const char *keys; /* all of them, for the complaint about an unknown word */
};

/* A word out of a fixed list. */
struct config_choice {
    const char *word;
    uint32_t value;
};

void config_reader_init(struct config_reader *reader, const char *where, const char *text);

/* False at the end of the line. */
bool config_next_word(struct config_reader *reader, struct config_word *word);

/* Prints the complaint and counts it. `allowed` may be NULL. */
void config_complain(struct config_reader *reader, const struct config_word *word, const char *problem,
                     const char *allowed);

/* One "key=value" word; `seen` has a bit per option and starts as 0. Complains about anything wrong. */
void config_apply_option(struct config_reader *reader, const struct config_option_table *table,
                         uint32_t *seen, const struct config_word *word, void *target);

bool config_word_is(const struct config_word *word, const char *text);

/* If `word` starts with `prefix`, the rest becomes `rest`. */
bool config_word_behind(const struct config_word *word, const char *prefix, struct config_word *rest);

/* Decimal digits only, in min..max. */
MUST_CHECK bool config_word_number(const struct config_word *word, uint64_t min, uint64_t max, uint64_t *out);

/* Decimal digits and one of K, M, G (either case); bytes in min..max. */
MUST_CHECK bool config_word_size(const struct config_word *word, uint64_t min, uint64_t max, uint64_t *out);
MUST_CHECK bool config_word_choice(const struct config_word *word, const struct config_choice *choices,
                                   size_t count, uint32_t *out);

/* Sets of CPUs with '/' between them: how many, 0 if the word is no such thing. A set is numbers below
 * CPU_SET_SIZE and ranges of them with ',' between them. */
MUST_CHECK uint32_t config_word_cpu_sets(const struct config_word *word);

/* The set of that number from 0; false: there is none. */
MUST_CHECK bool config_word_cpu_set(const struct config_word *word, uint32_t number, struct cpu_set *set);

/* enum on_end */
MUST_CHECK bool config_word_on_end(const struct config_word *word, uint32_t *out);

/* A VM's name: 1..VM_NAME_SIZE-1 of letters, digits, '_', '-', '.', the first a letter or a digit. */
MUST_CHECK bool config_word_name(const struct config_word *word, char *name);
