/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of CPUs in words: "0,2-3/1" is two sets. */
#include "core/config_word.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number below CPU_SET_SIZE at `*at`, which moves behind it. */
static bool take_cpu(const struct config_word *word, size_t *at, uint32_t *cpu)
{
    size_t start = *at;

    *cpu = 0;
    for (; *at < word->length && is_digit(word->text[*at]); (*at)++) {
        *cpu = *cpu * 10 + (uint32_t)(word->text[*at] - '0');
        if (*cpu >= CPU_SET_SIZE)
            return false;
    }
    return *at > start;
}

/* "N" or "N-M" into the set. */
static bool take_range(const struct config_word *word, size_t *at, struct cpu_set *set)
{
    uint32_t first, last;

    if (!take_cpu(word, at, &first))
        return false;
    last = first;
    if (*at < word->length && word->text[*at] == '-') {
        (*at)++;
        if (!take_cpu(word, at, &last) || last < first)
            return false;
    }
    for (uint32_t cpu = first; cpu <= last; cpu++)
        cpu_set_add(set, cpu);
    return true;
}

/* One set up to '/' or the word's end; what ends it is passed over. */
static bool take_set(const struct config_word *word, size_t *at, struct cpu_set *set)
{
    *set = (struct cpu_set){{0}};
    while (take_range(word, at, set)) {
        if (*at == word->length)
            return true;
        switch (word->text[(*at)++]) {
        case ',':
            break;
        case '/':
            return *at < word->length;
        default:
            return false;
        }
    }
    return false;
}

uint32_t config_word_cpu_sets(const struct config_word *word)
{
    struct cpu_set set;
    uint32_t count = 0;

    for (size_t at = 0; at < word->length; count++)
        if (!take_set(word, &at, &set))
            return 0;
    return count;
}

bool config_word_cpu_set(const struct config_word *word, uint32_t number, struct cpu_set *set)
{
    size_t at = 0;

    for (uint32_t i = 0; i <= number; i++)
        if (at >= word->length || !take_set(word, &at, set))
            return false;
    return true;
}
