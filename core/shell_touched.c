/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which guest memory was accessed and written since the last look, from what the hardware notes in the nested
 * map. Each note is cleared as it is read, and the shoot-down asked for before the command gives way. Until
 * it is complete a CPU may access by a translation that it holds without noting that: but it holds only what
 * had been noted, so that page has just been shown. No access is missed; the next look begins with the last
 * line.
 */
#include "core/nested.h"
#include "core/shell_internal.h"
#include "core/time.h"

#define PAGES_PER_STEP 256
#define PATIENCE       (2 * NS_PER_SEC)

/* job->number */
enum {
    AT,
    START, /* of the range with ... */
    PAGE,  /* ... this size of page, */
    MARKS, /* noted in all of them */
    TOUCHED,
    WRITTEN, /* bytes so far */
};

static void end_range(uint64_t *n)
{
    uint64_t size = n[AT] - n[START];
    const char *what = "touched";

    if (n[MARKS] == 0)
        return;
    n[TOUCHED] += size;
    if ((n[MARKS] & NESTED_WRITTEN) != 0) {
        n[WRITTEN] += size;
        what = "written";
    }
    shell_print("0x%09lx-0x%09lx %8lu KiB in pages of %lu KiB: %s", n[START], n[AT] - 1, size / KIB,
                n[PAGE] / KIB, what);
}

/* On to the end of a range. False: the hardware notes nothing. */
static bool look(struct shell_job *job)
{
    const struct guest_mem *mem = &job->vm->mem;
    const struct guest_slot *last = &mem->slots[mem->slot_count - 1];
    uint64_t *n = job->number;

    for (uint32_t i = 0; i < PAGES_PER_STEP; i++) {
        uint64_t size = 0;
        uint32_t marks = 0;

        if (n[AT] == last->start.v + last->size)
            job->step = 1;
        else if (!arch_nested_look(job->vm, gpa(n[AT]), &marks, &size))
            return false;
        if (marks != n[MARKS] || size != n[PAGE]) {
            end_range(n);
            n[START] = n[AT];
            n[PAGE] = size;
            n[MARKS] = marks;
            n[AT] += size;
            break;
        }
        n[AT] += size;
    }
    nested_changed(job->vm);
    return true;
}

enum shell_step shell_touched(struct shell_job *job)
{
    bool settled;

    if (job->step == 0) {
        job->time_ns = time_now_ns();
        if (look(job))
            return SHELL_MORE;
        shell_print("not offered: this CPU notes no accesses in nested page tables");
        return SHELL_DONE;
    }
    settled = nested_settled(job->vm);
    if (!settled && time_now_ns() - job->time_ns < PATIENCE)
        return SHELL_WAIT;
    shell_print("touched %lu KiB, written %lu KiB, by whole pages of the nested map%s",
                job->number[TOUCHED] / KIB, job->number[WRITTEN] / KIB,
                settled ? "" : "; it does not leave its guest: less is noted");
    return SHELL_DONE;
}
