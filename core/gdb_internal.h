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

/* Registers that arch_regs has not: wider ones, and parts of them. Where count is not 1, a row of them with
 * their numbers in the name's place for it. */
struct gdb_extra {
    const char *name, *type; /* type NULL: an integer */
    uint8_t size;            /* bytes, at most GDB_REG_MAX */
    uint8_t count;
    uint8_t id; /* the first one's, for arch_gdb_extra_*() */
};

/* Registers `first` and on of arch_regs, then extra ones. Numbers go on from feature to feature. */
struct gdb_feature {
    const char *name;
    const char *types; /* definitions of the types that it uses; NULL: none */
    uint8_t first, count, extra_count;
    const struct gdb_extra *extras;
};

#define GDB_REG_MAX 16 /* bytes */

/* The type vec128, a vector register by its lanes. */
#define GDB_VEC128                                                                                         \
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" "        \
    "count=\"2\"/>"                                                                                        \
    "<vector id=\"v16b\" type=\"uint8\" count=\"16\"/><vector id=\"v8h\" type=\"uint16\" count=\"8\"/>"    \
    "<vector id=\"v4w\" type=\"uint32\" count=\"4\"/><vector id=\"v2l\" type=\"uint64\" count=\"2\"/>"     \
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>" \
    "<field name=\"v16_int8\" type=\"v16b\"/><field name=\"v8_int16\" type=\"v8h\"/>"                      \
    "<field name=\"v4_int32\" type=\"v4w\"/><field name=\"v2_int64\" type=\"v2l\"/>"                       \
    "<field name=\"uint128\" type=\"uint128\"/></union>"

extern const struct gdb_feature arch_gdb_features[];
extern const uint32_t arch_gdb_feature_count;
extern const char arch_gdb_architecture[];
/* Where the debugger has another name than arch_regs; NULL: it has not. */
const char *arch_gdb_name(uint32_t reg);

/* In the order of memory. Held vCPU. False: not available. */
MUST_CHECK bool arch_gdb_extra_get(struct vcpu *vcpu, uint32_t id, uint8_t *bytes);
/* 0, or E_INVAL for a value or a register that cannot be. */
MUST_CHECK int arch_gdb_extra_set(struct vcpu *vcpu, uint32_t id, const uint8_t *bytes);

struct gdb_reg {
    int32_t reg; /* in arch_regs; -1: an extra one */
    uint8_t size, id;
};

/* False: there is no such number. */
MUST_CHECK bool gdb_reg_at(uint32_t number, struct gdb_reg *out);
