#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Deliberate bugs in the virtual GIC, each of which its exhaustive check must catch.

A mutant is one substitution in a copy of arch/arm64/gic; it must apply exactly once. Status 1 if one survives.
usage: mutants.py CC MODEL-SOURCES VGIC-SOURCES [NAME]
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from mutate import Mutator  # noqa: E402  pylint: disable=wrong-import-position

# (what goes wrong, scenarios to run, file, old text, new text)
MUTANTS = [
    # Bugs that public hypervisors have had.
    ("EOI of an interrupt disabled meanwhile is lost", "1 LR", "vgic_lr.c",
     "        irq->acked = false; /* no ghost: this is its EOI */\n        vgic_clear_active(v->vm, v, irq);",
     "        irq->acked = false;\n        if (irq->enabled)\n            vgic_clear_active(v->vm, v, irq);"),
    ("disabled interrupt loses its active state", "1 LR", "vgic_lr.c",
     "irq->active = (active && !irq->drop_active) || irq->set_active;",
     "irq->active = (active && !irq->drop_active && irq->enabled) || irq->set_active;"),
    ("no end of maintenance interrupts with all list registers active", "1 LR", "vgic_lr.c",
     "        drop_active_lpis(v);\n    }\n",
     "        drop_active_lpis(v);\n        if (lrs->count == v->vm->config.lr_count)\n            lrs->hcr |= ICH_HCR_NPIE;\n    }\n"),
    ("no end of underflow interrupts with one list register", "1 LR", "vgic_lr.c",
     "    else if (put_pending(v, lrs, groups))\n        lrs->hcr |= ICH_HCR_NPIE;",
     "    else if (put_pending(v, lrs, groups))\n        lrs->hcr |= ICH_HCR_UIE;"),
    ("list registers filled by INTID", "1 LR", "vgic_lr.c",
     "struct vgic_irq *irq = LIST_ENTRY(head->next, struct vgic_irq, node);\n\n        list_remove(&irq->node);\n        if (",
     "struct vgic_irq *irq = LIST_ENTRY(head->next, struct vgic_irq, node);\n"
     "        for (unsigned int i = 0; i < 32; i++)\n            LIST_FOR_EACH (node, &queue->heads[i])\n"
     "                if (LIST_ENTRY(node, struct vgic_irq, node)->intid < irq->intid) {\n"
     "                    irq = LIST_ENTRY(node, struct vgic_irq, node);\n"
     "                    head = &queue->heads[i];\n                    bit = UINT32_C(1) << i;\n                }\n"
     "        list_remove(&irq->node);\n        if ("),
    ("VMCR stale when the vCPU goes to sleep", "", "vgic_wake.c", "    v->cpuif = *now;", "    (void)now;"),
    ("active priorities stale when the vCPU goes to sleep", "1 LR", "vgic_wake.c", "    v->cpuif = *now;",
     "    v->cpuif.vmcr = now->vmcr;"),
    ("arrival between check and sleep is lost", "2 CPUs, SGI", "vgic_wake.c",
     "atomic_store_explicit(&v->parked, !vgic_signals(v, &v->cpuif), memory_order_relaxed);",
     "atomic_store_explicit(&v->parked, true, memory_order_relaxed);"),
    ("sleeper not woken by what has become deliverable", "2 CPUs, SGI", "vgic_state.c",
     "if (!v->parked || vgic_signals(v, &v->cpuif))", "if (!v->parked)"),
    ("running vCPU not kicked", "2 CPUs, SGI", "vgic_state.c",
     "if (!v->parked || vgic_signals(v, &v->cpuif))", "if (v->parked && vgic_signals(v, &v->cpuif))"),
    # List registers.
    ("nothing asked for while something waits", "1 LR", "vgic_lr.c",
     "    else if (put_pending(v, lrs, groups))\n        lrs->hcr |= ICH_HCR_NPIE;", "    else\n        put_pending(v, lrs, groups);"),
    ("active interrupts before pending ones", "1 LR", "vgic_lr.c",
     "    else if (put_pending(v, lrs, groups))",
     "    else if (put_active(v, lrs), put_pending(v, lrs, groups))"),
    ("EOI of an interrupt outside not asked for", "1 LR", "vgic_lr.c",
     "        lrs->hcr |= ICH_HCR_LRENPIE;", "        ;"),
    ("EOI count taken for deactivations in split mode", "split", "vgic_lr.c",
     "(v->vm->config.ops->vmcr(v) & ICH_VMCR_VEOIM) != 0)\n        return;", "false)\n        return;"),
    ("DIR not trapped", "split", "vgic_lr.c", "ICH_HCR_EN | ICH_HCR_TDIR", "ICH_HCR_EN"),
    ("DIR changes only the vCPU's own interrupts", "split EOI, 2 CPUs", "vgic_state.c",
     "    if (irq->place == VGIC_IN_LR) {\n        irq->drop_active = true;",
     "    if (irq->place == VGIC_IN_LR) {\n        irq->drop_active = false;"),
    ("level not sampled again after its EOI", "1 LR, SGIs", "vgic_lr.c",
     "if (irq->hw_intid != 0 || (irq->enabled && vgic_is_pending(irq)))", "if (irq->hw_intid != 0)"),
    ("edge that follows a clear lost", "other CPU", "vgic_lr.c", "    irq->latch = again || latched;",
     "    irq->latch = latched;"),
    ("edge during the handler waits for another exit", "register writes, 2", "vgic_lr.c",
     "vgic_is_pending(irq)))\n        lr |= ICH_LR_EOI;", "vgic_is_pending(irq)))\n        lr |= irq->latch ? 0 : ICH_LR_EOI;"),
    ("event that was not acknowledged is lost at the exit", "1 LR", "vgic_lr.c",
     "    bool latched = irq->edge ? !irq->drop_pending : irq->lr_latch;",
     "    bool latched = irq->edge ? false : irq->lr_latch;"),
    ("event beside a timer's active one not told at its end", "timer by", "vgic_lr.c",
     "irq->hw_intid != 0 && !(irq->active && irq->latch)", "irq->hw_intid != 0"),
    ("timer's physical interrupt never ended outside the list registers", "timer by", "vgic_state.c",
     "        if (irq->hw_intid != 0)\n            vgic->config.ops->hw_deactivate(v, irq->hw_intid);", "        (void)vgic;"),
    ("second firing of the timer lost before a fold", "timer", "vgic_post.c",
     "level && irq->hw_intid != 0 && vgic_lr_holds_event(irq)", "false"),
    ("cleared interrupt delivered from the list register", "other CPU", "vgic_state.c",
     "        irq->drop_pending = true;", "        irq->drop_pending = false;"),
    ("EOI after a register write ends another interrupt", "EOI after", "vgic_state.c",
     "    v->ghosts |= ghost_bit(irq);\n", ""),
    ("old priority in the list register becomes that of the next event", "register writes, 2", "vgic_lr.c",
     "irq->latch && irq->edge && lr_priority(irq) == irq->priority && irq->enabled",
     "irq->latch && irq->edge && irq->enabled"),
    ("event of a disabled interrupt left in its list register", "1 LR, SGIs", "vgic_lr.c",
     "lr_priority(irq) == irq->priority && irq->enabled &&", "lr_priority(irq) == irq->priority &&"),
    # Groups, routing.
    ("group that the guest turned off keeps the other out", "both groups", "vgic_lr.c",
     "groups == 3 && v->queues[0].mask != 0", "groups == 4 && v->queues[0].mask != 0"),
    ("group turned on again is not noticed", "both groups", "vgic_lr.c",
     "return ((on & 1) != 0 ? ICH_HCR_VGRP0DIE : ICH_HCR_VGRP0EIE) |",
     "return ((on & 1) != 0 ? ICH_HCR_VGRP0DIE : 0) |"),
    ("distributor's group enable ignored", "both groups", "vgic_lr.c",
     "uint8_t groups = atomic_load_explicit(&v->vm->groups, memory_order_relaxed);\n    bool shared",
     "uint8_t groups = 3;\n    bool shared"),
    ("LPI waits for the end of its active state", "LPIs, 1", "vgic_state.c",
     "    if (vgic_is_lpi(irq) && to != NULL)", "    if (false)"),
    ("SPI that moved stays where it was", "2 LRs, SPIs", "vgic_lr.c",
     "    for (uint32_t i = 0; i < stray_count; i++)\n        vgic_send_off(v->vm, strays[i]);", ""),
    ("level that still stands not booked again", "1 LR, SGIs", "vgic_lr.c",
     "    books->posted_count++;\n    books->collapsed_count += irq->latch;", "    (void)irq;"),
    # LPIs by hardware.
    ("PendingLast ignored: sleeps on an LPI that had arrived", "by hardware", "vgic_vpe.c",
     "return leave(vpe, takes) && takes;", "return leave(vpe, takes) && false;"),
    ("put for WFI without a doorbell", "by hardware", "vgic_vpe.c",
     "return leave(vpe, takes) && takes;", "return leave(vpe, false) && takes;"),
    ("doorbell turned on for the first WFI only", "by hardware", "vgic_vpe.c",
     "    if (vpe->doorbell_on != doorbell)\n        vpe->ops->doorbell(vpe, doorbell);\n    vpe->doorbell_on = doorbell;",
     "    if (!vpe->doorbell_on || !doorbell)\n        vpe->ops->doorbell(vpe, doorbell);\n    vpe->doorbell_on = true;"),
    ("doorbell turned on after PendingLast was read, what rang before forgotten", "by hardware", "vgic_vpe.c",
     "    return vpe->ops->hide(vpe);",
     "    bool last = vpe->ops->hide(vpe);\n    vpe->ops->doorbell(vpe, false);\n    return last;"),
    ("enters without being resident", "by hardware", "vgic_wake.c",
     "    if (v->vm->config.direct != NULL)\n        v->vm->config.direct->wake(v);", ""),
    ("resident on another CPU without VMOVP", "by hardware", "vgic_vpe.c",
     "    if (vpe->home != cpu)\n        vpe->ops->move(vpe, cpu);", ""),
    ("stays resident where it was put off", "by hardware", "vgic_vpe.c",
     "    (void)leave(vpe, false);", "    (void)vpe;"),
    ("stale doorbell kept", "by hardware", "vgic_vpe.c", "    if (arrivals != vpe->seen)\n        vpe->ops->hush(vpe);", ""),
    ("LPI with a group that the distributor has turned off", "by hardware", "vgic_lpi.c",
     "vgic_group_is_enabled(vgic, irq) &&", ""),
    ("group's change not told to the hardware", "by hardware", "vgic_dist.c", "    vgic_lpi_refresh(vgic);\n", ""),
    ("configuration not invalidated", "by hardware", "vgic_lpi.c",
     "    vgic->direct_work++;\n    vgic->config.direct->settle(vgic);", "    (void)vgic;"),
    ("cleared LPI stays pending in hardware", "by hardware", "vgic_lpi.c",
     "        vgic->config.direct->clear(vgic, index);", "        (void)vgic;"),
]

sys.exit(Mutator("gic-mutants", MUTANTS, "arch/arm64/gic", "*.[ch]").run())
