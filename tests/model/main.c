/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenarios of the exhaustive check. Each bounds what may happen; within the bounds everything is tried.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/model/explore.h"
#include "tests/model/world.h"

#define REINJECT INJECT_CAP_SOFT_REINJECT
#define HIDDEN   INJECT_CAP_STEP_HIDDEN
#define IN_STI   INJECT_CAP_NMI_IN_STI
#define LOST     INJECT_CAP_SHADOW_LOST

/* clang-format off */
#define FULL     {.nmis = 4, .irqs = 2, .exceptions = 1}
#define SMALL    {.nmis = 3, .irqs = 2, .exceptions = 1}
#define BLOCKED  {.nmis = 2, .irqs = 2, .exceptions = 1}
#define TRAPS    {.nmis = 3, .irqs = 1, .exceptions = 1, .tfs = 1}
#define HALTS    {.nmis = 3, .irqs = 1, .exceptions = 1}
#define FAULTS   {.nmis = 2, .irqs = 1, .exceptions = 3}

static const struct scenario scenarios[] = {
    {"svm iret", INJECT_WAY_IRET, REINJECT, FULL, .with_restore = true, .with_lost_trap = true, .depth_max = 7},
    {"svm iret, no next RIP", INJECT_WAY_IRET, 0, FULL, .with_restore = true, .depth_max = 5},
    {"svm iret, TPR and GIF", INJECT_WAY_IRET, REINJECT, BLOCKED, .with_gif = true, .with_tpr = true,
     .with_restore = true, .depth_max = 3},
    {"svm iret, guest steps itself", INJECT_WAY_IRET, REINJECT, TRAPS, .with_restore = true, .depth_max = 3},
    {"svm iret, faults meet", INJECT_WAY_IRET, REINJECT, FAULTS, .with_restore = true, .depth_max = 4},
    {"svm iret, entry loses shadow", INJECT_WAY_IRET, LOST, SMALL, .with_restore = true, .depth_max = 4},
    {"svm vnmi", INJECT_WAY_SLOT, REINJECT, FULL, .with_restore = true, .depth_max = 7},
    {"svm vnmi, TPR and GIF", INJECT_WAY_SLOT, REINJECT, BLOCKED, .with_gif = true, .with_tpr = true,
     .with_restore = true, .depth_max = 3},
    {"svm vnmi, guest steps itself", INJECT_WAY_SLOT, REINJECT, TRAPS, .with_restore = true, .depth_max = 3},
    {"vmx window", INJECT_WAY_WINDOW, REINJECT | HIDDEN, FULL, .with_restore = true, .depth_max = 7},
    {"vmx window, TPR", INJECT_WAY_WINDOW, REINJECT | HIDDEN, SMALL, .with_tpr = true, .depth_max = 4},
    {"vmx window, NMI in STI shadow", INJECT_WAY_WINDOW, REINJECT | HIDDEN | IN_STI, FULL, .with_restore = true,
     .depth_max = 5},
    {"vmx soft", INJECT_WAY_SOFT, REINJECT | HIDDEN | IN_STI, SMALL, .with_restore = true, .depth_max = 4},
    {"svm iret, halts", INJECT_WAY_IRET, REINJECT, HALTS, .with_restore = true, .with_halt = true, .depth_max = 3},
    {"svm vnmi, halts", INJECT_WAY_SLOT, REINJECT, HALTS, .with_gif = true, .with_restore = true, .with_halt = true,
     .depth_max = 3},
    {"vmx window, halts", INJECT_WAY_WINDOW, REINJECT | HIDDEN | IN_STI, HALTS, .with_tpr = true,
     .with_restore = true, .with_halt = true, .depth_max = 3},
    {"vmx soft, halts", INJECT_WAY_SOFT, REINJECT | HIDDEN | IN_STI, HALTS, .with_restore = true, .with_halt = true,
     .depth_max = 3},
};
/* clang-format on */

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
    uint64_t states = 0, steps = 0, drained = 0;
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
        printf("  %-30s %9llu states %10llu steps %8llu beyond depth %d %5.1f s\n", s->name,
               (unsigned long long)result.states, (unsigned long long)result.steps,
               (unsigned long long)result.too_deep, s->depth_max, (double)(clock() - began) / CLOCKS_PER_SEC);
        fflush(stdout);
        states += result.states;
        steps += result.steps;
        drained += result.drained;
    }
    printf("model: %llu states, %llu steps explored, %llu states drained, %d scenarios failed\n",
           (unsigned long long)states, (unsigned long long)steps, (unsigned long long)drained, failed);
    return failed != 0;
}
