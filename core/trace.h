/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the CPUs did last: a ring of records per CPU, and a histogram of exits per vCPU. Off unless switched
 * on; then the exit path goes through trace_exit(), otherwise it pays nothing.
 *
 * A ring is written by its CPU alone and read from the boot CPU while it is written: a reader may see the
 * oldest records being overwritten, and leaves them out.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/vm_exit.h"
#include "lib/bits.h"

struct vcpu;

enum trace_kind {
    TRACE_EXIT,   /* detail: enum vm_exit_kind; value: the hardware's exit code */
    TRACE_LOAD,   /* a vCPU was put on this CPU */
    TRACE_INJECT, /* detail: type; value: vector of an event that the coming entry delivers */
};

struct trace_record {
    uint64_t time_ns;
    uint64_t pc;
    uint64_t value;
    uint32_t duration; /* ns, exits: of their handling */
    uint8_t kind;      /* enum trace_kind */
    uint8_t detail;
    uint8_t vm;
    uint8_t vcpu;
};

#define TRACE_RECORDS 2048 /* per CPU */

struct trace_ring {
    _Atomic uint64_t count; /* ever written; the last TRACE_RECORDS are there */
    struct trace_record records[TRACE_RECORDS];
};

/* Of one kind of exit of one vCPU; cycles of handling it. */
struct trace_exits {
    uint64_t count;
    uint64_t sum;
    uint32_t least;
    uint32_t most;
};

/* Of one reason as the hardware has it. */
struct trace_reason {
    struct trace_exits exits; /* count 0: a free place */
    uint32_t reason;          /* arch_exit_reason() */
    uint8_t kind;             /* enum vm_exit_kind */
};

#define TRACE_REASONS 64 /* different ones that a vCPU can have; what comes later is counted by kind only */

/* A vCPU's. */
struct trace_histogram {
    struct trace_exits kinds[VM_EXIT_KINDS];
    struct trace_reason reasons[TRACE_REASONS];
};

/* What is switched on; read by any CPU. */
extern _Atomic bool trace_ring_on;
extern _Atomic bool trace_exits_on;

/* Boot CPU. 0 or E_NOMEM. Counting exits starts afresh. */
MUST_CHECK int trace_set_ring(bool on);
MUST_CHECK int trace_set_exits(bool on);

/* An exit was handled; its CPU. `cycles` in the architecture's counter. */
void trace_exit(struct vcpu *vcpu, const struct vm_exit *exit, uint64_t pc, uint64_t start_ns,
                uint64_t cycles);

/* Anything else, if the ring is on; its CPU. */
void trace_event(struct vcpu *vcpu, enum trace_kind kind, uint8_t detail, uint64_t value);

/* The histogram of a vCPU, NULL: never switched on. */
const struct trace_histogram *trace_exits_of(const struct vcpu *vcpu);

/* As a line for tools/trace-to-json: record number `n` of a CPU's ring. False: not there (any more). */
#define TRACE_LINE_SIZE 200
bool trace_line(uint32_t cpu, uint64_t n, char *text, size_t size);
uint64_t trace_first(uint32_t cpu); /* oldest record, and behind the newest */
uint64_t trace_end(uint32_t cpu);

/* The record itself. False: as above. And a record that came so as a line. */
bool trace_get(uint32_t cpu, uint64_t n, struct trace_record *record);
void trace_text(uint32_t cpu, const struct trace_record *record, char *text, size_t size);

const char *trace_exit_name(uint32_t kind);
