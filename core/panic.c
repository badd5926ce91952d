/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A panic's course: who may, the others stopped, lines out. Takes no lock and trusts little: the first CPU to
 * come owns the wire, all others halt. What is said: core/report_panic.c.
 */
#include "core/panic.h"

#include "core/arch.h"
#include "core/config.h"
#include "core/console.h"
#include "core/report_keep.h"
#include "core/report_panic.h"
#include "core/time.h"
#include "lib/assert.h"
#include "lib/printf.h"

#define STOP_WAIT_NS (50 * NS_PER_MS)
#define DEPTH_MOST   4 /* panics inside the panic */

static _Atomic uint32_t panic_owner; /* CPU number + 1 */
static uint32_t panic_depth;         /* the owner's */
static bool flushed;
static _Atomic uint32_t stopped_count;
struct panic_stopped panic_stopped[MAX_CPUS];

static void put_text(const char *text)
{
    for (; *text != '\0'; text++)
        arch_panic_putc((uint8_t)*text);
}

/* What others had written goes before the first line. That line is in memory by then: the console may be what
 * broke.
 */
static void flush_once(void)
{
    if (flushed)
        return;
    flushed = true;
    console_enter_panic();
    console_flush();
    put_text("\r\n"); /* whatever was half written stays on its own line */
}

static void put_line(const char *prefix, const char *format, va_list args)
{
    char line[240];
    size_t length = (size_t)fmt_snprintf(line, sizeof(line), "%s", prefix);

    fmt_vsnprintf(line + length, sizeof(line) - length, format, args);
    /* The emergency shell says things this way too. */
    if (panic_active()) {
        report_keep_line(line);
        flush_once();
    }
    put_text(config.marks ? "\x1elatch: " : "latch: ");
    put_text(line);
    put_text("\r\n");
}

/* Whoever holds one of the console's or the timers' structures half changed is to be done with it. Bounded:
 * one that does not come holds no lock that a panic takes. */
static void await_others(void)
{
    uint64_t since = time_now_ns();

    while (atomic_load_explicit(&stopped_count, memory_order_acquire) < cpu_count - 1 &&
           time_now_ns() - since < STOP_WAIT_NS)
        arch_cpu_relax();
}

void panic_stop(uintptr_t pc, uintptr_t frame)
{
    struct panic_stopped *self = &panic_stopped[this_cpu()->id];

    self->pc = pc;
    self->frame = frame;
    atomic_store_explicit(&self->is_there, true, memory_order_release);
    atomic_fetch_add_explicit(&stopped_count, 1, memory_order_release);
    arch_panic_halt();
}

/* A panic inside a panic goes on with what the first had not come to. */
void panic_begin(void)
{
    uint32_t self = this_cpu()->id + 1;
    uint32_t owner = 0;

    if (!atomic_compare_exchange_strong_explicit(&panic_owner, &owner, self, memory_order_acq_rel,
                                                 memory_order_acquire) &&
        owner != self)
        PANIC_STOP_HERE();
    panic_depth++;
    if (panic_depth > DEPTH_MOST)
        arch_panic_halt();
    if (panic_depth != 1)
        return;
    if (cpu_count > 1) {
        arch_panic_stop_others();
        await_others();
    }
    report_keep_begin();
}

bool panic_active(void)
{
    return atomic_load_explicit(&panic_owner, memory_order_acquire) != 0;
}

bool panic_elsewhere(void)
{
    uint32_t owner = atomic_load_explicit(&panic_owner, memory_order_acquire);

    return owner != 0 && owner != this_cpu()->id + 1;
}

void panic_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

void panic_end(void)
{
    report_panic();
    if (config.panic_reboots) {
        panic_line("resets the machine (panic=reboot)");
        arch_machine_reset();
    }
    panic_line("halted");
    arch_panic_halt();
}

void panic(const char *format, ...)
{
    va_list args;

    panic_begin();
    va_start(args, format);
    put_line("PANIC ", format, args);
    va_end(args);
    panic_context();
    panic_backtrace((uintptr_t)__builtin_return_address(0) - 1,
                    *(const uintptr_t *)__builtin_frame_address(0));
    panic_end();
}
