/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of how a vCPU is woken, kicked and moved between CPUs (core/vcpu.c, core/sched*.c, the back ends'
 * last look before an entry), on processors with store buffers. One shared access a step; see wake.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CPUS    2 /* 0 also has another vCPU that always wants to run there, 1 idles without ours */
#define POSTERS 3 /* the loop of CPU 1, the exit handler of CPU 0's other vCPU, and somebody far away */
#define THREADS (CPUS + 1)
#define BUFFER  4

enum mutant {
    MUTANT_NONE,
    /* Barriers: the store stays in the buffer. */
    MUTANT_IN_GUEST_RELAXED, /* "in guest" without the full barrier before the last look */
    MUTANT_BLOCKED_RELAXED,  /* "blocked" likewise */
    MUTANT_REQUEST_RELAXED,  /* the poster's request before it looks where the vCPU is */
    MUTANT_IDLE_RELAXED,     /* the idle set before the look at the queues of others */
    MUTANT_WAITING_RELAXED,  /* the set of queues with somebody waiting before the look at the idle set */
    /* Looks left out. */
    MUTANT_NO_LAST_LOOK,
    MUTANT_NO_BLOCK_LOOK,
    MUTANT_NO_STEAL_LOOK, /* idle without a look at the others' queues after entering the set */
    /* Order. */
    MUTANT_LOOK_BEFORE_IN_GUEST,
    MUTANT_STEAL_BEFORE_IDLE,
    MUTANT_UNLOADED_BEFORE_PUT, /* "not loaded" before the registers are in memory */
    MUTANT_CPU_AFTER_IN_GUEST,  /* the thief says where the vCPU is when it is there already */
    MUTANT_BLOCKED_UNLOCKED,    /* "blocked" published without the lock of the queue that it runs from */
    /* Steps left out. */
    MUTANT_NO_POKE,
    MUTANT_POKE_WHERE_IT_BEGAN, /* and not where it runs now */
    MUTANT_NO_KICK,
    MUTANT_NO_KICK_IF_UNSLICED,   /* a busy CPU without a slice timer is not told */
    MUTANT_WAKE_WITHOUT_EXCHANGE, /* two wakers both queue it */
    MUTANT_UNDO_WITHOUT_EXCHANGE, /* its owner goes on though a waker has it */
    MUTANT_WAKE_IGNORES_LOADED,   /* goes to an idle CPU while its registers are in another */
    MUTANT_STEAL_IGNORES_LOADED,
    MUTANT_NO_OFFER_AT_QUEUE,
    MUTANT_NO_OFFER_AT_PUT,
    /* Attention. */
    MUTANT_KICK_BEFORE_ATTENTION, /* the interrupt goes out before its reason is written */
    MUTANT_TIMER_TAKES_ALL,       /* timers are seen to in place whatever else was raised, and that is lost */
    MUTANT_HERE_IGNORES_LOADED,   /* no request to a vCPU that is elsewhere */
    MUTANT_SLICE_STAYS,           /* the slice's end does not lead back to the loop */
    MUTANTS,
};

extern enum mutant mutant;
extern const char *const mutant_names[MUTANTS];

enum run {
    RUN_NOBODY,
    RUN_OURS,
    RUN_OTHER,
};

enum attention {
    ATTENTION_TIMER = 1,
    ATTENTION_QUEUE = 2,
};

enum variable {
    VAR_REQUESTS,
    VAR_BLOCKED,
    VAR_IN_GUEST,
    VAR_CPU,    /* vcpu.cpu */
    VAR_LOADED, /* 0: in memory, else CPU + 1 */
    VAR_SAVED,  /* the registers in memory are the vCPU's */
    VAR_IDLE0,
    VAR_IDLE1,
    VAR_WAITING0,
    VAR_WAITING1,
    VARIABLES,
};

enum cpu_at {
    CPU_CLEAR,
    CPU_POST, /* CPU 1: its timers post an event once */
    CPU_CHOOSE,
    CPU_IDLE_SET,
    CPU_STEAL_LOOK,
    CPU_STEAL,
    CPU_IDLE_SET_LATE,
    CPU_HALT_LOOK,
    CPU_HALT,
    CPU_IDLE_END,
    CPU_ADOPT,
    CPU_LOAD,
    CPU_PUT_SAVE,
    CPU_PUT_UNLOADED,
    CPU_OFFER,
    CPU_OFFER_LOOK,
    CPU_LOAD_OURS,
    CPU_PREPARE,
    CPU_TAKE_REQUESTS,
    CPU_ATTENTION,
    CPU_TIMERS, /* sched_attend(): expiry between exit and entry */
    CPU_EVENT,
    CPU_BLOCK_LOCK, /* from here on with the queue's lock, until the choice or the undoing has been made */
    CPU_BLOCK_STORE,
    CPU_BLOCK_LOOK,
    CPU_BLOCK_UNDO,
    CPU_BLOCK_CHOOSE,
    CPU_CHOSEN, /* in the loop again, without the lock */
    CPU_PUBLISH,
    CPU_LAST_LOOK,
    CPU_CPU_LATE,
    CPU_GUEST,
    CPU_OTHER_GUEST, /* runs its other vCPU, which may exit and post */
};

enum poster_at {
    POSTER_EVENT,
    POSTER_REQUEST,
    POSTER_STATE,
    POSTER_EXCHANGE,
    POSTER_LOADED,
    POSTER_PLACE_HERE,
    POSTER_PLACE_OTHER,
    POSTER_QUEUE,
    POSTER_KICK,
    POSTER_ATTENTION_LATE,
    POSTER_OFFER,
    POSTER_OFFER_LOOK,
    POSTER_IN_GUEST,
    POSTER_CPU,
    POSTER_DONE,
};

struct poster {
    uint8_t at, target, loaded, cpu;
    bool kick, offer;
};

/* All of it in bytes, without padding, so that states compare as memory. */
struct world {
    uint8_t memory[VARIABLES];
    uint8_t buffer_variable[THREADS][BUFFER], buffer_value[THREADS][BUFFER], buffered[THREADS];
    bool event;              /* posted, not delivered; its own accesses are read-modify-writes */
    uint8_t attention[CPUS]; /* enum attention */
    bool kick[CPUS], poke[CPUS];
    bool queued[CPUS], other_queued, sliced, slice_armed, slice_over, halted;
    uint8_t running[CPUS]; /* enum run */
    uint8_t current[CPUS]; /* enum run: whose registers are loaded */
    uint8_t cpu[CPUS];     /* enum cpu_at */
    bool pinned;           /* ours runs on CPU 0 only */
    bool crowded;          /* a third vCPU always waits on CPU 0 */
    struct poster poster[POSTERS];
} __attribute__((aligned(8)));

/* What is wrong with the last step; NULL: nothing. */
extern const char *violation;

/* Each possible next state of one thread; `emit` is called for each. Forced: the machine does it by itself.
 */
typedef void emit_fn(const struct world *next, bool forced);
void step_cpu(const struct world *w, uint32_t cpu, emit_fn *emit);
void step_far_poster(const struct world *w, emit_fn *emit);
void step_buffer(const struct world *w, uint32_t thread, emit_fn *emit);

uint8_t world_load(const struct world *w, uint32_t thread, enum variable variable);
void world_store(struct world *w, uint32_t thread, enum variable variable, uint8_t value);
void world_drain(struct world *w, uint32_t thread);

/* Is that CPU's queue locked for more than one step? Whoever wants the lock waits. */
bool world_is_locked(const struct world *w, uint32_t queue);

/* One step of a poster that runs on `thread`; CPU_THREADS' own posters have thread == CPU. */
void step_poster(const struct world *w, uint32_t poster, uint32_t thread, emit_fn *emit);
