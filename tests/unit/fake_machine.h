/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device model sees of the world, for tests of one model: a clock that stands still, one CPU with a
 * real timer queue, a VM whose end is recorded, an interrupt line whose changes are counted. Included once by
 * the test's .c file, which links core/device.c and core/timer.c.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/irq_line.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/bits.h"

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;

static struct cpu fake_cpu;
static uint64_t fake_now_ns;
static struct vm fake_vm;
static struct vm_config fake_config = {.name = "test"};
static unsigned int fake_end_count;
static enum vm_end fake_end_reason;
static uint32_t fake_end_code;
static unsigned int fake_edge_count; /* rising */
static struct irq_line fake_line;

uint64_t time_now_ns(void)
{
    return fake_now_ns;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

void panic(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

void vm_end(struct vm *vm, enum vm_end reason, uint32_t code, const char *detail)
{
    assert_ptr_equal(vm, &fake_vm);
    assert_non_null(detail);
    fake_end_count++;
    fake_end_reason = reason;
    fake_end_code = code;
}

static void fake_changed(struct irq_line *line, bool level)
{
    (void)line;
    fake_edge_count += level;
}

static const struct irq_line_ops fake_line_ops = {fake_changed};

static struct bus *fake_bus(void)
{
    return &fake_vm.buses[BUS_PIO];
}

static void fake_machine_init(void)
{
    memset(&fake_vm, 0, sizeof(fake_vm));
    memset(&fake_cpu, 0, sizeof(fake_cpu));
    fake_vm.config = &fake_config;
    fake_cpu.self = &fake_cpu;
    fake_cpu.timer_programmed_ns = UINT64_MAX;
    fake_cpu.timer_lock.rank = LOCK_TIMERS;
    list_init(&fake_cpu.timers);
    cpus[0] = &fake_cpu;
    fake_this_cpu = &fake_cpu;
    fake_line = (struct irq_line){.ops = &fake_line_ops};
    fake_now_ns = 0;
    fake_end_count = 0;
    fake_edge_count = 0;
}

/* Time passes, with the timers on the way. */
static inline void fake_pass_ns(uint64_t ns)
{
    uint64_t until = fake_now_ns + ns;

    while (timers_next_deadline(&fake_cpu) <= until) {
        fake_now_ns = max_u64(fake_now_ns, timers_next_deadline(&fake_cpu));
        timers_expire(&fake_cpu);
    }
    fake_now_ns = until;
}

static inline uint8_t in8(uint64_t port)
{
    return (uint8_t)bus_read(fake_bus(), NULL, port, 1);
}

static inline uint16_t in16(uint64_t port)
{
    return (uint16_t)bus_read(fake_bus(), NULL, port, 2);
}

static inline uint32_t in32(uint64_t port)
{
    return (uint32_t)bus_read(fake_bus(), NULL, port, 4);
}

static inline void out8(uint64_t port, uint32_t value)
{
    bus_write(fake_bus(), NULL, port, 1, value);
}

static inline void out16(uint64_t port, uint32_t value)
{
    bus_write(fake_bus(), NULL, port, 2, value);
}

static inline void out32(uint64_t port, uint32_t value)
{
    bus_write(fake_bus(), NULL, port, 4, value);
}

/* A hostile guest: any access of any size around the given ports, time passing, resets now and then. */
static inline void fake_storm(uint64_t first, uint64_t last, unsigned int rounds)
{
    srand(42);
    while (rounds-- != 0) {
        uint64_t port = first + (uint64_t)rand() % (last - first + 1);
        unsigned int size = 1u << rand() % 4;
        uint64_t value = (uint64_t)rand() << 32 ^ (uint64_t)rand() << 8 ^ (uint64_t)rand();

        if (rand() % 2)
            bus_write(fake_bus(), NULL, port, size, value);
        else
            (void)bus_read(fake_bus(), NULL, port, size);
        if (rand() % 16 == 0)
            fake_now_ns += (uint64_t)(rand() % 1000000);
        if (rand() % 32 == 0)
            timers_expire(&fake_cpu);
        if (rand() % 1024 == 0)
            bus_reset(fake_bus());
    }
}
