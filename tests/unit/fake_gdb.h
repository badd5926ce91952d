/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM with two vCPUs and 16 KiB of memory under the GDB server, and the server's wire: for its unit tests
 * and its fuzz target. Virtual addresses are physical ones, but for one page that is not mapped.
 */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "core/console.h"
#include "core/gdb.h"
#include "core/gdb_internal.h"
#include "core/guest_debug.h"
#include "core/inspect.h"
#include "core/pmem.h"
#include "core/time.h"
#include "lib/error.h"

#define FAKE_RAM   0x4000u
#define FAKE_HOLE  0x2000u
#define FAKE_REGS  41u
#define FAKE_VCPUS 2u
#define FAKE_WIRE  (1u << 18)

static uint8_t fake_ram[FAKE_RAM] __attribute__((aligned(4096)));
static uint64_t fake_regs[FAKE_VCPUS][FAKE_REGS];
static struct vcpu fake_vcpus[FAKE_VCPUS];
static struct vm fake_vm;
static struct vm_config fake_config = {.name = "linux", .valid = true, .cpus = FAKE_VCPUS, .mem = FAKE_RAM};
static struct cpu fake_cpu;
static const uint8_t *fake_in;
static size_t fake_in_left;
static uint8_t fake_out[FAKE_WIRE];
static size_t fake_out_length;
static size_t fake_out_room = FAKE_WIRE; /* what the wire takes until it is full */
static bool fake_slow_hold;              /* vCPUs take their time: fake_hold_now() */
static uint32_t fake_nmi_count, fake_apply_count;
static uint64_t fake_now;

struct cpu *fake_this_cpu = &fake_cpu;
struct cpu *cpus[MAX_CPUS] = {&fake_cpu};
struct vm *vms[MAX_VMS] = {&fake_vm};
uint32_t vm_count = 1;
struct config config = {.gdb_port = "com2"};

const struct arch_reg arch_regs[FAKE_REGS] = {
    [0 ... 15] = {"r", 8, ARCH_REG_GENERAL, 0, 0},
    [16] = {"rip", 8, ARCH_REG_GENERAL, 0, 0},
    [17 ... 23] = {"s", 4, ARCH_REG_GENERAL, 0, 0},
    [24 ... 40] = {"sys", 8, ARCH_REG_SYSTEM, 0, 0},
};
const uint32_t arch_reg_count = FAKE_REGS;
const uint32_t arch_reg_pc = 16, arch_reg_sp = 7, arch_reg_fp = 6, arch_reg_flags = 17;
const uint8_t arch_guest_break[] = {0xcc};
const uint32_t arch_guest_break_size = 1;

uint64_t arch_vcpu_reg_get(struct vcpu *vcpu, uint32_t reg)
{
    assert(reg < FAKE_REGS && vcpu_is_held(vcpu));
    return arch_regs[reg].size == 8 ? fake_regs[vcpu->id][reg] : (uint32_t)fake_regs[vcpu->id][reg];
}

int arch_vcpu_reg_set(struct vcpu *vcpu, uint32_t reg, uint64_t value)
{
    assert(reg < FAKE_REGS && vcpu_is_held(vcpu));
    if (reg > 24)
        return E_INVAL;
    fake_regs[vcpu->id][reg] = value;
    return 0;
}

/* Extra registers, id by id; the last one is not available. */
static uint8_t fake_extras[64][GDB_REG_MAX];

bool arch_gdb_extra_get(struct vcpu *vcpu, uint32_t id, uint8_t *bytes)
{
    assert(id < ARRAY_COUNT(fake_extras) && vcpu_is_held(vcpu));
    memcpy(bytes, fake_extras[id], GDB_REG_MAX);
    return id != 15;
}

int arch_gdb_extra_set(struct vcpu *vcpu, uint32_t id, const uint8_t *bytes)
{
    assert(id < ARRAY_COUNT(fake_extras) && vcpu_is_held(vcpu));
    if (id == 10)
        return E_INVAL;
    memcpy(fake_extras[id], bytes, id < 8 ? 10 : (id >= 16 && id < 32) || id > 32 ? 16 : 4);
    return 0;
}

int arch_guest_translate(struct vcpu *vcpu, gva_t at, gpa_t *out)
{
    assert(vcpu_is_held(vcpu));
    if (at.v >= FAKE_RAM || (at.v & ~UINT64_C(0xfff)) == FAKE_HOLE)
        return E_FAULT;
    *out = gpa(at.v);
    return 0;
}

uint32_t arch_guest_debug_most(enum guest_debug_kind kind)
{
    return kind == GUEST_DEBUG_READ   ? 0
           : kind == GUEST_DEBUG_SOFT ? GUEST_DEBUG_SOFT_MAX
                                      : GUEST_DEBUG_HARD_MAX;
}

void arch_guest_debug_apply(struct vcpu *vcpu)
{
    assert(vcpu_is_held(vcpu));
    fake_apply_count++;
}

void arch_guest_code_changed(struct vm *vm, gpa_t at, size_t size)
{
    assert(vm == &fake_vm && at.v + size <= FAKE_RAM);
}

void arch_vm_nmi(struct vm *vm)
{
    assert(vm == &fake_vm);
    fake_nmi_count++;
}

bool arch_gdb_port_open(const char *name)
{
    return strcmp(name, "com2") == 0;
}

bool arch_gdb_tx(uint8_t byte)
{
    if (fake_out_room == 0 || fake_out_length == FAKE_WIRE)
        return false;
    fake_out_room--;
    fake_out[fake_out_length++] = byte;
    return true;
}

bool arch_gdb_rx(uint8_t *byte)
{
    if (fake_in_left == 0)
        return false;
    fake_in_left--;
    *byte = *fake_in++;
    return true;
}

/* Frames on the console's wire: their contents. */
bool console_has_frame_room(void)
{
    return fake_out_room != 0;
}

void console_write_frame(const uint8_t *bytes, uint32_t length)
{
    assert(length <= CONSOLE_FRAME_MAX);
    for (uint32_t i = 0; i < length; i++)
        if (!arch_gdb_tx(bytes[i]))
            fake_out_room = 0;
}

void arch_timer_program(uint64_t deadline_ns)
{
    (void)deadline_ns;
}

uint64_t time_now_ns(void)
{
    return fake_now;
}

void vcpu_request(struct vcpu *vcpu, uint32_t requests)
{
    atomic_fetch_or(&vcpu->requests, requests);
}

void cpu_kick(struct cpu *cpu)
{
    (void)cpu;
}

void log_info(const char *format, ...)
{
    (void)format;
}

void log_warn(const char *format, ...)
{
    (void)format;
}

static void fake_shell_stopped(struct vm *vm, const struct guest_debug_stop *stop)
{
    assert(vm == stop->vcpu->vm);
}

const struct guest_debug_listener shell_listener = {.stopped = fake_shell_stopped};

void *page_alloc(void)
{
    return calloc(1, PAGE_SIZE);
}

void page_free(void *page)
{
    free(page);
}

static void fake_hold_now(void)
{
    for (uint32_t i = 0; i < FAKE_VCPUS; i++)
        if (fake_vcpus[i].hold_count != 0 && fake_vcpus[i].state == VCPU_RUNNABLE)
            fake_vcpus[i].state = VCPU_HELD;
}

void vcpu_hold(struct vcpu *vcpu)
{
    vcpu->hold_count++;
    if (!fake_slow_hold)
        fake_hold_now();
}

void vcpu_release(struct vcpu *vcpu)
{
    assert(vcpu->hold_count != 0);
    if (--vcpu->hold_count == 0 && vcpu->state == VCPU_HELD)
        vcpu->state = VCPU_RUNNABLE;
}

bool vm_is_held(const struct vm *vm)
{
    return vcpu_is_held(vm->vcpus[0]) && vcpu_is_held(vm->vcpus[1]);
}

/* The VM has ended for good. */
static inline void fake_end(void)
{
    fake_vm.state = VM_ENDED;
    fake_vm.settled = true;
    for (uint32_t i = 0; i < FAKE_VCPUS; i++)
        fake_vcpus[i].state = VCPU_STOPPED;
}

/* A VM that runs, and a server that nobody has spoken to. */
static inline void fake_start(void)
{
    free(fake_vm.debug);
    memset(&fake_vm, 0, sizeof(fake_vm));
    memset(fake_vcpus, 0, sizeof(fake_vcpus));
    memset(fake_ram, 0, sizeof(fake_ram));
    fake_vm = (struct vm){.config = &fake_config, .state = VM_RUNNING, .vcpu_count = FAKE_VCPUS};
    for (uint32_t i = 0; i < FAKE_VCPUS; i++) {
        fake_vm.vcpus[i] = &fake_vcpus[i];
        fake_vcpus[i].vm = &fake_vm;
        fake_vcpus[i].id = i;
        fake_vcpus[i].state = VCPU_RUNNABLE;
        for (uint32_t k = 0; k < FAKE_REGS; k++)
            fake_regs[i][k] = 0x1000u * (i + 1) + k;
    }
    assert(guest_mem_add(&fake_vm.mem, gpa(0), FAKE_RAM, ptr_to_hpa(fake_ram)) == 0);
    list_init(&fake_cpu.timers);
    fake_cpu.timer_programmed_ns = UINT64_MAX;
    fake_cpu.timer_lock.rank = LOCK_TIMERS;
    memset(&gdb, 0, sizeof(gdb));
    fake_out_length = 0;
    fake_out_room = FAKE_WIRE;
    fake_slow_hold = false;
    fake_nmi_count = fake_apply_count = 0;
    gdb_init();
}

/* What the wire brings, all of it taken. */
static inline void fake_wire(const void *bytes, size_t size)
{
    fake_in = bytes;
    fake_in_left = size;
    for (size_t i = 0; i <= size && (fake_in_left != 0 || i == 0); i++) {
        fake_now += NS_PER_MS;
        gdb_poll();
    }
}
