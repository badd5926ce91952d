/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Panic output. Takes no lock and trusts little: the first CPU to come owns the wire, all others halt.
 */
#include "core/panic.h"

#include "core/arch.h"
#include "core/config.h"
#include "core/console.h"
#include "core/trace.h"
#include "core/version.h"
#include "lib/assert.h"
#include "lib/printf.h"
#include "lib/symbols.h"

#define MAX_FRAMES  32
#define LAST_TRACES 16

static _Atomic uint32_t panic_owner; /* CPU number + 1 */
static uint32_t panic_depth;         /* the owner's */

static void put_text(const char *text)
{
    for (; *text != '\0'; text++)
        arch_panic_putc((uint8_t)*text);
}

static void put_line(const char *prefix, const char *format, va_list args)
{
    char line[200];

    fmt_vsnprintf(line, sizeof(line), format, args);
    put_text(config.marks ? "\x1elatch: " : "latch: ");
    put_text(prefix);
    put_text(line);
    put_text("\r\n");
}

/* A panic inside a panic gets one more try: whatever broke may have been the console's state or a register
 * dump. */
void panic_begin(void)
{
    uint32_t self = this_cpu()->id + 1;
    uint32_t owner = 0;

    if (!atomic_compare_exchange_strong_explicit(&panic_owner, &owner, self, memory_order_acq_rel,
                                                 memory_order_acquire) &&
        owner != self)
        arch_panic_halt();
    panic_depth++;
    if (panic_depth > 2)
        arch_panic_halt();
    if (panic_depth == 1) {
        arch_panic_stop_others();
        console_enter_panic();
        console_flush();
    }
    put_text("\r\n"); /* whatever was half written stays on its own line */
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

void panic_context(void)
{
    const struct cpu *cpu = this_cpu();
    const struct vcpu *vcpu = cpu->current;

    if (vcpu == NULL)
        panic_line("on CPU %u, no vCPU loaded", cpu->id);
    else
        panic_line("on CPU %u, VM %u vCPU %u after %llu exits", cpu->id, vcpu->vm->id, vcpu->id,
                   (unsigned long long)vcpu->exit_count);
}

static void frame_line(uintptr_t pc)
{
    uintptr_t offset = 0;
    const char *name = symbol_lookup(pc, &offset);

    if (name == NULL)
        panic_line("  [%p]", (void *)pc);
    else
        panic_line("  [%p] %s+0x%lx", (void *)pc, name, (unsigned long)offset);
}

void panic_backtrace(uintptr_t pc, uintptr_t frame)
{
    panic_line("backtrace:");
    frame_line(pc);
    for (uint32_t i = 0; i < MAX_FRAMES && arch_panic_frame_valid(frame); i++) {
        const uintptr_t *record = (const uintptr_t *)frame;
        uintptr_t next = record[0];

        if (record[1] == 0)
            break;
        frame_line(record[1] - 1); /* the call itself, not what follows it */
        if (next <= frame)
            break;
        frame = next;
    }
}

/* What this CPU traced last, if it did, and which build this is. */
static void last_words(void)
{
    uint32_t cpu = this_cpu()->id;
    uint64_t end = trace_end(cpu);
    char line[TRACE_LINE_SIZE];

    for (uint64_t n = end > LAST_TRACES ? end - LAST_TRACES : 0; n < end; n++)
        if (trace_line(cpu, n, line, sizeof(line)))
            panic_line("%s", line);
    panic_line("Latch %s, build %02x%02x%02x%02x%02x%02x%02x%02x", LATCH_VERSION, build_id[0], build_id[1],
               build_id[2], build_id[3], build_id[4], build_id[5], build_id[6], build_id[7]);
}

void panic_end(void)
{
    last_words();
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
