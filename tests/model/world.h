/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that the exhaustive check keeps of one moment: the modelled processor, bare metal beside it, the
 * state of the scheduler under test, and what may still happen.
 */
#pragma once

#include "core/inject.h"
#include "core/inject_save.h"
#include "tests/model/bare.h"

/* The processor with its virtualization controls, as far as events go. */
struct cpu {
    bool interrupts, gif, tf, rf, bs, tpr_high;
    uint8_t shadow;
    bool rip; /* two places are enough: a RIP that stays, a RIP that moves */
    uint8_t depth;
    uint8_t frames_if, frames_tf;
    bool nmi_mask;   /* ways where hardware holds it */
    bool vnmi;       /* hardware's pending NMI */
    uint8_t slot;    /* enum ev in the entry slot */
    uint8_t windows; /* INJECT_WIN_* armed */
    bool now_due;    /* the entry's event is delivered, the immediate exit comes next */
    bool trap_due;   /* #DB trap after the instruction just executed */
    bool mtf_due;    /* exit after the instruction just executed, without RFLAGS.TF */
    bool at_iret;    /* the instruction at RIP is known to be an IRET */
};

/* What is left to happen. */
struct budget {
    uint8_t nmis, irqs, exceptions, tfs;
};

struct world {
    struct cpu cpu;
    struct bare bare;
    struct inject_state st;
    uint8_t posted_nmis;
    bool posted_irq;
    uint8_t lines; /* interrupt controller: bit 0: A, bit 1: B */
    struct budget left;
    bool in_guest;
    uint8_t lost_shadow; /* INJECT_CAP_SHADOW_LOST: what the entry forgot, until an instruction has run */
    bool flags_loaded;   /* the instruction just stepped over was IRET or POPF */
    bool scheduled;      /* a schedule was carried out and not yet followed by an entry */
    bool halted;         /* the run loop's: HLT was executed and nothing has ended it yet */
    bool stopped;        /* triple fault */
    uint8_t stall;       /* exits in a row that brought the guest nowhere */
};

struct scenario {
    const char *name;
    enum inject_way_id way;
    uint8_t caps;
    struct budget budget;
    bool with_gif, with_tpr, with_restore, with_lost_trap, with_halt;
    uint8_t depth_max;
};

extern const struct scenario *scenario;

/* One thing happens, chosen by choose(). */
void world_start(struct world *w);
void world_step(struct world *w);

/* --- hypervisor.c: the run loop around the scheduler -------------------------------------------------- */

void hv_step(struct world *w);
/* `fault`: the intercepted exception, for INJECT_EXIT_STEP EV_DB if the step was by RFLAGS.TF. */
void hv_exit(struct world *w, enum inject_exit_kind kind, uint64_t flags, enum ev cut, enum ev fault);
void hv_raise(struct world *w, enum ev ev);
void hv_emulated(struct world *w, enum insn insn);
bool hv_excuses_nmi(const struct world *w);
bool hv_takes_interrupts(const struct world *w);
enum ev ev_of(const struct inject_event *event);
struct inject_event event_of(enum ev ev);

/* --- cpu.c: the processor in guest mode --------------------------------------------------------------- */

void cpu_start(struct cpu *cpu);
void cpu_step(struct world *w);

/* --- pack.c: a world in few bytes, for the set of states seen ------------------------------------------- */

#define PACKED_BYTES 24

void world_pack(const struct world *w, uint8_t key[PACKED_BYTES]);
void world_unpack(struct world *w, const uint8_t key[PACKED_BYTES]);
