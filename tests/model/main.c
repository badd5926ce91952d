/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenarios of the exhaustive check. Each bounds what may happen; within the bounds everything is tried.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/model/explore.h"
#include "tests/model/world.h"

#define SOFT_RE INJECT_CAP_SOFT_REINJECT
#define FULL                                  \
    {                                         \
        .nmis = 4, .irqs = 2, .exceptions = 1 \
    }

static const struct scenario scenarios[] = {
    {.name = "svm iret",
     .way = INJECT_WAY_IRET,
     .caps = SOFT_RE,
     .budget = FULL,
     .with_restore = true,
     .with_lost_trap = true,
     .depth_max = 7},
    {.name = "svm iret, no next RIP",
     .way = INJECT_WAY_IRET,
     .budget = FULL,
     .with_restore = true,
     .depth_max = 5},
    {.name = "svm iret, TPR and GIF",
     .way = INJECT_WAY_IRET,
     .caps = SOFT_RE,
     .with_gif = true,
     .with_tpr = true,
     .budget = {.nmis = 3, .irqs = 2, .exceptions = 1},
     .with_restore = true,
     .depth_max = 4},
    {.name = "svm iret, guest steps itself",
     .way = INJECT_WAY_IRET,
     .caps = SOFT_RE,
     .with_lost_trap = true,
     .budget = {.nmis = 3, .irqs = 1, .exceptions = 1, .tfs = 1},
     .with_restore = true,
     .depth_max = 3},
    {.name = "svm vnmi",
     .way = INJECT_WAY_SLOT,
     .caps = SOFT_RE,
     .budget = FULL,
     .with_restore = true,
     .depth_max = 7},
    {.name = "svm vnmi, TPR and GIF",
     .way = INJECT_WAY_SLOT,
     .caps = SOFT_RE,
     .with_gif = true,
     .with_tpr = true,
     .budget = {.nmis = 3, .irqs = 2, .exceptions = 1},
     .with_restore = true,
     .depth_max = 4},
    {.name = "svm vnmi, guest steps itself",
     .way = INJECT_WAY_SLOT,
     .caps = SOFT_RE,
     .budget = {.nmis = 3, .irqs = 1, .exceptions = 1, .tfs = 1},
     .with_restore = true,
     .depth_max = 3},
    {.name = "vmx window",
     .way = INJECT_WAY_WINDOW,
     .caps = SOFT_RE | INJECT_CAP_STEP_HIDDEN,
     .budget = FULL,
     .with_restore = true,
     .with_tpr = true,
     .depth_max = 5},
    {.name = "vmx window, NMI in STI shadow",
     .way = INJECT_WAY_WINDOW,
     .caps = SOFT_RE | INJECT_CAP_STEP_HIDDEN | INJECT_CAP_NMI_IN_STI,
     .budget = FULL,
     .with_restore = true,
     .depth_max = 5},
    {.name = "vmx soft",
     .way = INJECT_WAY_SOFT,
     .caps = SOFT_RE | INJECT_CAP_STEP_HIDDEN | INJECT_CAP_NMI_IN_STI,
     .budget = FULL,
     .with_restore = true,
     .depth_max = 5},
};

static void print_slot(char *out, uint8_t ev)
{
    static const char *const names[] = {"-", "NMI", "IRQA", "IRQB", "GP", "DB", "PF", "INT", "DF"};

    strcpy(out, ev < 9 ? names[ev] : "?");
}

void world_print(const struct world *w)
{
    char slot[8], due[8];

    print_slot(slot, w->cpu.slot);
    print_slot(due, w->bare.due);
    printf("  %s%s if%d sh%d gif%d tf%d rf%d bs%d rip%d d%d mask%d vnmi%d slot=%-4s win=%02x now%d trap%d "
           "mtf%d iret%d |"
           " bare if%d tf%d sh%d mask%d wait%d known%d irq%d/%d/%d due=%-3s unb%d |"
           " st ew%x xw%x s%d step%d pend%d inj%d msk%d hand%d held%d exc%d cut%d at%d set%d clr%d prg%d |"
           " posted%d lines%d left%d/%d/%d/%d stall%d\n",
           w->in_guest ? "GUEST" : "host ", w->scheduled ? "*" : " ", w->cpu.interrupts, w->cpu.shadow,
           w->cpu.gif, w->cpu.tf, w->cpu.rf, w->cpu.bs, w->cpu.rip, w->cpu.depth, w->cpu.nmi_mask,
           w->cpu.vnmi, slot, w->cpu.windows, w->cpu.now_due, w->cpu.trap_due, w->cpu.mtf_due, w->cpu.at_iret,
           w->bare.interrupts, w->bare.tf, w->bare.shadow, w->bare.nmi_mask, w->bare.nmi_waiting,
           w->bare.nmi_known, w->bare.irq_waiting, w->bare.irq_known, w->bare.irq_taken, due,
           w->bare.unbooked, w->st.entry_work, w->st.exit_work, w->st.slot, w->st.step, w->st.nmi_pending,
           w->st.nmi_injected, w->st.nmi_masked, w->st.vnmi_handed, w->st.irq_held,
           inject_event_valid(&w->st.exception), w->st.exception_cut, w->st.iret_at_exit, w->st.mask_set,
           w->st.mask_clear, w->st.vnmi_purge, w->posted_nmis, w->lines, w->left.nmis, w->left.irqs,
           w->left.exceptions, w->left.tfs, w->stall);
}

int main(int argc, char **argv)
{
    uint64_t states = 0, steps = 0;
    int failed = 0;

    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        const struct scenario *s = &scenarios[i];
        struct explored result;
        clock_t began = clock();

        if (argc > 1 && strstr(s->name, argv[1]) == NULL)
            continue;
        bare_rules = (struct bare_rules){.faulting_iret_unmasks =
                                             s->way == INJECT_WAY_WINDOW || s->way == INJECT_WAY_SOFT,
                                         .nmi_in_sti_shadow = (s->caps & INJECT_CAP_NMI_IN_STI) != 0,
                                         .nmi_may_nest = s->way == INJECT_WAY_SOFT};
        if (!explore(s, &result))
            failed++;
        printf("%-60s %9llu states %10llu steps %5.1f s\n", s->name, (unsigned long long)result.states,
               (unsigned long long)result.steps, (double)(clock() - began) / CLOCKS_PER_SEC);
        fflush(stdout);
        states += result.states;
        steps += result.steps;
    }
    printf("model: %llu states, %llu steps explored, %d scenarios failed\n", (unsigned long long)states,
           (unsigned long long)steps, failed);
    return failed != 0;
}
