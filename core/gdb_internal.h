/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the GDB server share. The session belongs to the boot CPU's loop, `stops` excepted.
 */
#pragma once

#include <stdatomic.h>

#include "core/gdb_packet.h"
#include "core/guest_debug.h"
#include "core/timer.h"
#include "core/vm.h"

/* Errors in replies: E and a number that means what Linux means by it. */
#define GDB_EPERM  "E01"
#define GDB_ENOMEM "E0c"
#define GDB_EFAULT "E0e"
#define GDB_EINVAL "E16"

#define GDB_ALL_THREADS UINT64_MAX
#define GDB_READ_MAX    2000 /* bytes of memory in a reply; two digits each */

enum gdb_state {
    GDB_NOBODY,  /* no debugger, or it has gone */
    GDB_STOPPED, /* the VM is held, or about to be; the debugger asks and commands */
    GDB_RUNNING, /* the debugger waits for a stop */
};

struct gdb_stop {
    _Atomic uint8_t kind; /* enum guest_debug_kind + 1; 0: none. Set by the vCPU's CPU after `at` */
    uint64_t at;
};

struct gdb_session {
    struct gdb_link link;
    struct timer timer;
    struct vm *vm;
    uint8_t state; /* enum gdb_state */
    bool is_open;  /* there is a port */
    bool deferred; /* link.packet waits for the VM to be held */
    bool interrupted;
    bool tells_breaks;        /* the debugger knows swbreak and hwbreak */
    struct vcpu *general;     /* for registers and memory (Hg) */
    struct vcpu *to_continue; /* for c and s (Hc); NULL: all */
    uint64_t heard_ns;
    struct gdb_stop stops[MAX_VCPUS_PER_VM];
};

extern struct gdb_session gdb;

/* gdb_server.c */
void gdb_session_begin(void); /* a debugger says its first word: holds the VM */
void gdb_session_end(void);   /* its points go, the VM runs on; VM held, or none */
void gdb_choose_vm(struct vm *vm);
void gdb_run(uint64_t vcpus, uint64_t stepping); /* bit per vCPU */
void gdb_reply_stop(void);                       /* why the VM stands, now that it does */
/* Number of a thread: 1 and up; 0 any, -1 all (NULL). False: there is no such. */
MUST_CHECK bool gdb_take_thread(const char **at, struct vcpu **vcpu);

/* gdb_commands.c: answers link.packet; the VM is held. */
void gdb_command(void);

/* gdb_query.c: q and Q packets. */
void gdb_query(const char *text);

/* Whole replies. */
static inline void gdb_reply(const char *text)
{
    gdb_reply_begin(&gdb.link);
    gdb_reply_text(&gdb.link, text);
    gdb_reply_end(&gdb.link);
}

/* --- Registers as the debugger numbers them ----------------------------------------------------------------
 */

/* A register that the debugger insists on and that is never available here. */
struct gdb_absent {
    const char *name, *type; /* type NULL: an integer */
    uint8_t size;            /* bytes */
};

/* Registers `first` and on of arch_regs, then absent ones. Numbers go on from feature to feature. */
struct gdb_feature {
    const char *name;
    uint8_t first, count, absent_count;
    const struct gdb_absent *absent;
};

extern const struct gdb_feature arch_gdb_features[];
extern const uint32_t arch_gdb_feature_count;
extern const char arch_gdb_architecture[];
/* Where the debugger has another name than arch_regs; NULL: it has not. */
const char *arch_gdb_name(uint32_t reg);

struct gdb_reg {
    int32_t reg; /* in arch_regs; -1: absent */
    uint8_t size;
};

/* False: there is no such number. */
MUST_CHECK bool gdb_reg_at(uint32_t number, struct gdb_reg *out);
