#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Deliberate bugs in the injection scheduler, each of which the exhaustive check must catch.

A mutant is one substitution in a copy of core/inject*: it must apply exactly once, so that a change of the scheduler
cannot silently turn a mutant into the original. usage: mutants.py CC MODEL-SOURCES INJECT-SOURCES [NAME]
"""
import glob
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# (what goes wrong, scenarios to run, file, old text, new text)
MUTANTS = [
    # Bugs that public hypervisors have had.
    ("interrupt window used as NMI window in a shadow", "svm iret", "inject.c",
     "                         .tracks_iret = true,\n                         .masked_window = INJECT_WIN_IRET,\n"
     "                         .shadow_window = INJECT_WIN_STEP,",
     "                         .tracks_iret = true,\n                         .masked_window = INJECT_WIN_IRET,\n"
     "                         .shadow_window = INJECT_WIN_IRQ,"),
    ("interrupt window used as NMI window while the slot is busy", "svm iret", "inject_schedule.c",
     "        return r->way->busy_window;", "        return INJECT_WIN_IRQ;"),
    ("interrupted interrupt lost when an NMI is pending too", "svm iret", "inject_delivery.c",
     "        irq_cut(inj, cut, ours);",
     "        if (st->nmi_pending == 0)\n            irq_cut(inj, cut, ours);\n        else\n"
     "            slot_delivered(inj, INJECT_SLOT_IRQ);"),
    ("interrupted interrupt lost when an exception follows", "svm iret", "inject_raise.c",
     "    st->exception_cut = false;\n\n", "    st->exception_cut = false;\n    st->irq_held = false;\n\n"),
    ("mask dropped at the IRET intercept, before the IRET", "svm iret", "inject_exit.c",
     "        st->iret_at_exit = true;\n", "        st->iret_at_exit = true;\n        st->nmi_masked = false;\n"),
    ("faulting IRET taken for completed", "svm iret", "inject_exit.c",
     "executed = exit->kind == INJECT_EXIT_STEP ||", "executed = exit->kind != INJECT_EXIT_OTHER ||"),
    ("any exit of a stepped IRET taken for completed", "svm iret", "inject_exit.c",
     "executed = exit->kind == INJECT_EXIT_STEP ||", "executed = true ||"),
    ("trap flag of the step left to the guest after a fault", "svm iret", "inject_internal.h",
     "return (state->caps & INJECT_CAP_STEP_HIDDEN) != 0 ? 0 : (uint32_t)undo;",
     "return (state->caps & INJECT_CAP_STEP_HIDDEN) != 0 || undo != 0 ? 0 : (uint32_t)undo;"),
    ("event injected into a step", "svm iret", "inject_schedule.c",
     "if (r->step_iret && st->slot == INJECT_SLOT_NONE && (", "if (r->step_iret && ("),
    ("saved NMI count is a boolean", "svm", "inject_save.c",
     "for (unsigned i = 0; i < events->nmi_pending; i++)", "if (events->nmi_pending != 0)"),
    ("restore forgets the mask", "svm iret", "inject_save.c",
     "st->nmi_masked = !way->hw_mask && events->nmi_masked;", "st->nmi_masked = false;"),
    ("restore forgets the hardware's mask", "svm vnmi", "inject_save.c",
     "st->mask_set = way->hw_mask && events->nmi_masked;", "st->mask_set = false;"),
    ("restore does not empty the hardware slot", "svm vnmi", "inject.c", ".vnmi_purge = way->hw_slot", ".vnmi_purge = false"),
    ("acceptance ignores the hardware slot", "svm vnmi", "inject_accept.c", "        limit--;", "        (void)limit;"),
    ("interrupted hardware NMI counted as delivered", "svm vnmi", "inject_delivery.c",
     "    if (slot_of(cut) == INJECT_SLOT_NMI)\n        return true;", "    (void)cut;"),
    # Acceptance and order.
    ("two more NMIs accepted while one is handled", "svm iret", "inject_accept.c",
     "masked || st->nmi_injected ? 1 : 2", "st->nmi_injected ? 1 : 2"),
    ("an NMI being delivered not counted against the limit", "svm", "inject_accept.c",
     "masked || st->nmi_injected ? 1 : 2", "masked ? 1 : 2"),
    ("only one NMI accepted at once", "svm iret", "inject_accept.c", "? 1 : 2", "? 1 : 1"),
    ("collapsed NMIs not counted", "svm iret", "inject_accept.c",
     "why_no_room(st, view_flags, masked)] += count - taken", "why_no_room(st, view_flags, masked)] += 0"),
    ("interrupted NMI taken for masked", "svm iret", "inject_delivery.c",
     "    st->nmi_masked = false;\n    st->mask_clear", "    st->nmi_masked = true;\n    st->mask_clear"),
    ("new interrupt before NMI", "svm iret", "inject_schedule.c",
     "st->nmi_pending != 0 && nmi_may_go(r)", "st->nmi_pending != 0 && nmi_may_go(r) && !shown(r, INJECT_VIEW_IRQ)"),
    ("blocked interrupt holds back an NMI", "svm iret", "inject_schedule.c",
     "} else if (st->irq_held && irq_may_go(r)) {", "} else if (st->irq_held) {"),
    ("interrupt put in front of the hardware's NMI", "svm vnmi", "inject_schedule.c",
     " && !hardware_delivers_nmi(r)) {", ") {"),
    ("NMI in front of a due exception", "svm iret", "inject_schedule.c",
     "if (inject_event_valid(&st->exception)) {",
     "if (inject_event_valid(&st->exception) && (st->nmi_pending == 0 || !nmi_may_go(r))) {"),
    ("NMI in a shadow", "svm iret", "inject_schedule.c",
     "return !r->masked && !nmi_shadowed(r) &&", "return !r->masked &&"),
    ("NMI with the global interrupt flag clear", "svm iret, TPR", "inject_schedule.c",
     "!nmi_shadowed(r) && !shown(r, INJECT_VIEW_GIF_CLEAR);", "!nmi_shadowed(r);"),
    ("no exit asked for when the global interrupt flag is set", "svm iret, TPR", "inject_schedule.c",
     "        return INJECT_WIN_GIF;", "        return 0;"),
    ("no exit asked for when the task priority falls", "svm iret, TPR", "inject_schedule.c",
     "shown(r, INJECT_VIEW_IRQ_TPR) ? INJECT_WIN_TPR : 0", "0"),
    ("second NMI waits for no window behind the hardware slot", "svm vnmi", "inject.c",
     ".hw_mask = true,\n                         .masked_window = INJECT_WIN_IRET,",
     ".hw_mask = true,\n                         .masked_window = 0,"),
    ("hardware slot filled while it is taken", "svm vnmi", "inject_schedule.c",
     "    if (shown(r, INJECT_VIEW_VNMI_PENDING | INJECT_VIEW_VNMI_REFUSED))",
     "    if (shown(r, INJECT_VIEW_VNMI_REFUSED))"),
    ("nothing marks that an event waits", "svm iret", "inject_schedule.c",
     "nmi || irq || exception || st->shutdown ? INJECT_WORK_PENDING : 0", "0"),
    ("double fault delivered as page fault", "svm iret, faults", "inject_raise.c",
     "[CLASS_PAGE_FAULT] = {MEET_SERIAL, MEET_DOUBLE_FAULT, MEET_DOUBLE_FAULT",
     "[CLASS_PAGE_FAULT] = {MEET_SERIAL, MEET_DOUBLE_FAULT, MEET_SERIAL"),
    # The step over IRET.
    ("RIP that moved not taken for completion", "svm iret", "inject_exit.c",
     "|| exit->rip != st->step_rip;", "|| exit->rip == ~st->step_rip;"),
    ("IRET intercept armed during a step", "svm iret", "inject_schedule.c",
     "windows = (windows & INJECT_WIN_TPR) | INJECT_WIN_STEP;", "windows |= INJECT_WIN_STEP;"),
    ("IRET intercept not armed again after a fault", "svm iret", "inject_schedule.c",
     "r->masked || st->slot == INJECT_SLOT_NMI))\n        windows",
     "(r->masked && st->slot == INJECT_SLOT_NONE) || st->slot == INJECT_SLOT_NMI))\n        windows"),
    ("DR6.BS of the step left to the guest", "svm iret", "inject_exit.c",
     "        undo |= INJECT_DO_BS_CLEAR;", "        undo |= 0;"),
    ("guest's own single-step trap swallowed", "svm iret, guest", "inject_exit.c",
     "        bits |= exit->dr6 & INJECT_DR6_BS;", "        bits |= 0;"),
    ("guest's own trap flag lost to a step", "svm iret, guest", "inject_schedule.c",
     "    st->step_saved = r->flags & (uint32_t)STEP_FLAGS;", "    st->step_saved = 0;"),
    ("trap flag of POPF overwritten after a step", "svm iret, guest", "inject_exit.c",
     "bool loaded = step == INJECT_STEP_IRET ||", "bool loaded = false &&"),
    ("step begun twice takes its own trap flag for the guest's", "svm iret", "inject_schedule.c",
     "    take_back_step(&r);\n", ""),
    ("stale memory of an IRET", "svm iret", "inject_exit.c",
     "    else\n        st->iret_at_exit = false;", "    else if (exit->kind == INJECT_EXIT_OTHER)\n        st->iret_at_exit = true;"),
    ("IRET intercept dropped during a step out of a shadow", "svm iret, entry", "inject_schedule.c",
     "windows = (windows & (INJECT_WIN_TPR | INJECT_WIN_IRET)) | INJECT_WIN_STEP;",
     "windows = (windows & INJECT_WIN_TPR) | INJECT_WIN_STEP;"),
    ("interrupt window in a shadow that the entry forgets", "svm iret, entry", "inject_schedule.c",
     "|| window_ignores_shadow(r, windows) ||", "||"),
    # VMX.
    ("NMI blocking ignored", "vmx window", "inject_internal.h",
     "return inject_way_of(state)->hw_mask ? shown || state->mask_set : state->nmi_masked;",
     "(void)shown;\n    return inject_way_of(state)->hw_mask ? state->mask_set : state->nmi_masked;"),
    ("IRET that exits and runs again leaves NMIs open", "vmx window", "inject_exit.c",
     "    st->mask_set = true;\n    st->entry_work", "    st->entry_work"),
    ("IRET whose fault is reflected blocks NMIs again", "vmx window", "inject_raise.c",
     "    st->mask_set = false;\n", ""),
    ("interrupted NMI injected again while blocked", "vmx window", "inject_delivery.c",
     "    st->mask_clear = inject_way_of(st)->hw_mask;\n", ""),
    ("no NMI window behind another event", "vmx window", "inject.c",
     "                           .busy_window = INJECT_WIN_NMI}", "                           .busy_window = 0}"),
    ("interrupt window used as NMI window in a shadow (VMX)", "vmx window", "inject.c",
     ".shadow_window = INJECT_WIN_NMI,", ".shadow_window = INJECT_WIN_IRQ,"),
    ("shadow of MOV SS cleared as if it were of STI", "vmx window, NMI in STI", "inject_schedule.c",
     "(r->st->caps & INJECT_CAP_NMI_IN_STI) != 0 ? INJECT_VIEW_SHADOW_MOVSS : INJECT_VIEW_SHADOW",
     "(r->st->caps & INJECT_CAP_NMI_IN_STI) != 0 ? 0 : INJECT_VIEW_SHADOW"),
    ("shadow of STI not cleared for an NMI", "vmx window, NMI in STI", "inject_schedule.c",
     "        r->act->flags |= INJECT_DO_CLEAR_STI;", "        r->act->flags |= 0;"),
    ("soft block never ends by interrupts", "vmx soft", "inject_schedule.c",
     "        st->nmi_masked = false; /* as good as a window */", "        (void)st;"),
    ("soft block never ends by time", "vmx soft", "inject_exit.c",
     "st->blocked_ns <= SOFT_BLOCK_LIMIT_NS", "st->blocked_ns <= 1000 * SOFT_BLOCK_LIMIT_NS"),
    ("soft block ends at every exit", "vmx soft", "inject_exit.c",
     "    if (inject_takes_interrupts(exit->flags))", "    if (exit != NULL)"),
    ("soft way asks for an NMI window", "vmx soft", "inject.c",
     ".masked_window = INJECT_WIN_IRQ,", ".masked_window = INJECT_WIN_NMI,"),
    ("end of the soft block watched only while an NMI waits", "vmx soft", "inject_schedule.c",
     "    if (!r->way->hw_mask && (r->masked", "    if (r->way->tracks_iret && (r->masked"),
    ("NMI not blocked after its delivery", "vmx soft", "inject_delivery.c",
     "    st->nmi_masked = true;\n    st->blocked_ns", "    st->blocked_ns"),
    # HLT.
    ("no NMI ends HLT", "vmx window, halts", "inject.c",
     "    if (nmi && !inject_masked_at_entry(st, view->flags))", "    if (nmi && st->shutdown)"),
    ("an NMI ends HLT although it is blocked", "vmx window, halts", "inject.c",
     "    if (nmi && !inject_masked_at_entry(st, view->flags))", "    if (nmi)"),
    ("an interrupt ends HLT although interrupts are off", "vmx window, halts", "inject.c",
     "    return irq && (view->flags & INJECT_VIEW_IF) != 0;", "    return irq;"),
    ("a slot that is to be emptied ends HLT", "svm vnmi, halts", "inject.c", " && !st->vnmi_purge);", ");"),
    ("time in HLT does not count for the soft block", "vmx soft, halts", "inject_exit.c",
     "        st->blocked_ns += view->now - st->halted_at;", "        (void)view;"),
    ("soft block outlives interrupts in HLT", "vmx soft, halts", "inject_exit.c",
     "    if (inject_takes_interrupts(view->flags))", "    if (inject_takes_interrupts(view->flags) && st->shutdown)"),
]


def build_and_run(index, cc, model, inject):
    name, scenarios, file, old, new = MUTANTS[index]
    folder = f"build/mutants/{index}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(f"{folder}/core")
    for path in glob.glob("core/inject*"):
        shutil.copy(path, f"{folder}/core/")
    with open(f"{folder}/core/{file}", encoding="ascii") as f:
        text = f.read()
    if text.count(old) != 1:
        return name, f"DOES NOT APPLY ({text.count(old)} places in {file})"
    with open(f"{folder}/core/{file}", "w", encoding="ascii") as f:
        f.write(text.replace(old, new))
    # The copy's folder comes first on the include path; sources in it find core/inject*.h there.
    command = cc.split() + ["-O1", "-Wno-error", "-w", f"-I{folder}"] + model + [f"{folder}/{s}" for s in inject]
    order = [a for a in command if a == f"-I{folder}"] + [a for a in command if a != f"-I{folder}"]
    order.remove("gcc")
    built = subprocess.run(["gcc"] + order + ["-o", f"{folder}/check"], capture_output=True, text=True)
    if built.returncode != 0:
        return name, "DOES NOT BUILD\n" + built.stderr
    run = subprocess.run([f"{folder}/check", scenarios], capture_output=True, text=True,
                         env=dict(os.environ, MODEL_QUIET="1"))
    rules = [line.split("BROKEN: ")[1] for line in run.stdout.splitlines() if "BROKEN: " in line]
    if run.returncode == 0 or not rules:
        return name, "SURVIVES" if run.returncode == 0 else f"DIES OTHERWISE (status {run.returncode})"
    return name, "caught: " + rules[0]


def main():
    cc, model, inject = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
    wanted = [i for i, m in enumerate(MUTANTS) if len(sys.argv) < 5 or sys.argv[4] in m[0]]
    caught = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, verdict in pool.map(lambda i: build_and_run(i, cc, model, inject), wanted):
            print(f"  {name:66} {verdict}", flush=True)
            caught += verdict.startswith("caught")
    print(f"mutants: {caught} of {len(wanted)} caught")
    return caught != len(wanted)


sys.exit(main())
