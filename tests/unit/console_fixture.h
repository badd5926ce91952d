/* SPDX-License-Identifier: BSD-2-Clause */
/* A console with three VMs and a fake wire; for the tests of the console, each of which includes it once. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/console.h"
#include "core/report.h"
#include "core/shell.h"
#include "core/time.h"
#include "core/timer.h"
#include "core/vm.h"
#include "lib/bits.h"

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;

static struct cpu cpu0;
static uint64_t now_ns;
static char wire[1 << 20];
static size_t wire_length;
static unsigned int wire_room; /* bytes that the hardware FIFO still takes */
static bool wire_dead;
static const char *typed;

uint64_t time_now_ns(void)
{
    if (wire_dead)
        now_ns += 10 * NS_PER_MS;
    return now_ns;
}

void cpu_kick(struct cpu *cpu)
{
    (void)cpu;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

struct config config;

/* The shell: what it is given. */
static char shell_got[64];
static size_t shell_count;

bool shell_has_port(void)
{
    return false;
}

void shell_open(void)
{
    shell_count = 0;
}

void shell_input(uint8_t byte)
{
    shell_got[shell_count++ % sizeof(shell_got)] = (char)byte;
}

bool shell_poll(void)
{
    return false;
}

/* Keys behind the escape character that are not the console's own. */
bool report_key(struct vm *vm, uint8_t key)
{
    (void)vm;
    return key == 'e';
}

bool arch_console_tx(uint8_t byte)
{
    if (wire_room == 0)
        return false;
    wire_room--;
    assert_true(wire_length < sizeof(wire) - 1);
    wire[wire_length++] = (char)byte;
    wire[wire_length] = '\0';
    return true;
}

static uint32_t emergency_count;

void shell_emergency_ask(void)
{
    emergency_count++;
}

bool shell_emergency_rx(uint8_t *byte)
{
    return arch_console_rx(byte);
}

bool arch_console_rx(uint8_t *byte)
{
    if (typed == NULL || *typed == '\0')
        return false;
    *byte = (uint8_t)*typed++;
    return true;
}

static struct vm_config configs[3] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
static struct vm fake_vms[3];

struct device {
    char got[4096];
    size_t got_length;
    size_t room;
    unsigned int writable_count;
};
static struct device devices[3];

static bool receive(void *client, uint8_t byte)
{
    struct device *d = client;

    if (d->room == 0)
        return false;
    d->room--;
    d->got[d->got_length++] = (char)byte;
    return true;
}

static void writable(void *client)
{
    ((struct device *)client)->writable_count++;
}

static const struct console_client_ops client_ops = {receive, writable};

/* One state for all tests, brought to rest: everything out, VM 0 in the foreground. */
static int setup(void **state)
{
    static bool attached;

    (void)state;
    if (!attached) {
        attached = true;
        cpu0.self = &cpu0;
        cpu0.timer_programmed_ns = UINT64_MAX;
        cpu0.timer_lock.rank = LOCK_TIMERS;
        list_init(&cpu0.timers);
        cpus[0] = &cpu0;
        fake_this_cpu = &cpu0;
        for (uint32_t i = 0; i < 3; i++) {
            fake_vms[i].id = i;
            fake_vms[i].config = &configs[i];
            fake_vms[i].state = VM_RUNNING;
            console_attach(&fake_vms[i], &client_ops, &devices[i]);
        }
    }
    config.console_escape = 0x1d;
    config.marks = false;
    wire_dead = false;
    wire_room = UINT32_MAX;
    console_flush(); /* also back to the plain mode */
    typed = "\x1d"
            "0";
    console_poll();
    console_write("\n", 1);
    console_flush();
    wire_length = 0;
    wire[0] = '\0';
    memset(devices, 0, sizeof(devices));
    return 0;
}

static void say(uint32_t id, const char *text)
{
    for (; *text != '\0'; text++)
        assert_true(console_vm_write(&fake_vms[id], (uint8_t)*text));
}

static void log_line(const char *text)
{
    console_write(text, strlen(text));
}

static void pass_ms(unsigned int ms)
{
    for (unsigned int i = 0; i < ms; i++) {
        now_ns += NS_PER_MS;
        console_poll();
    }
}
