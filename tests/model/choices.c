/* SPDX-License-Identifier: BSD-2-Clause */
/* A vector of choices counts like a number whose digits have limits of their own, which show as it runs. */
#include "tests/model/choices.h"

#include <stdlib.h>

#define CHOICES_MAX 16

static struct {
    unsigned value[CHOICES_MAX], limit[CHOICES_MAX];
    unsigned used, at;
} choices;

void choices_clear(void)
{
    choices.used = 0;
}

void choices_rewind(void)
{
    choices.at = 0;
}

unsigned choices_take(unsigned n)
{
    if (choices.at == choices.used) {
        if (choices.used == CHOICES_MAX)
            abort();
        choices.value[choices.used] = 0;
        choices.limit[choices.used++] = n;
    }
    return choices.value[choices.at++];
}

bool choices_next(void)
{
    while (choices.used > 0 && choices.value[choices.used - 1] + 1 == choices.limit[choices.used - 1])
        choices.used--;
    if (choices.used == 0)
        return false;
    choices.value[choices.used - 1]++;
    return true;
}
