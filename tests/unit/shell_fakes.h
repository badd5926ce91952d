/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine under the shell, for its unit test and its fuzz target: two VMs, of two vCPUs and one, with
 * 64 KiB each, a terminal that takes all, and a few registers. Holds take effect at the next fake_advance().
 */
#pragma once

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "core/boot_info.h"
#include "core/config.h"
#include "core/console_internal.h"
#include "core/panic.h"
#include "core/report_keep.h"
#include "core/report_panic.h"
#include "core/report_vm.h"
#include "core/host_nmi.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/sched.h"
#include "core/shell.h"
#include "core/shell_internal.h"
#include "core/time.h"
#include "core/vm.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/printf.h"
#include "lib/symbols.h"
#include "tests/unit/fake_guest_debug.h"

#define FAKE_VMS  2
#define FAKE_RAM  65536
#define FAKE_HOST 4096

struct cpu *fake_this_cpu;
struct cpu *cpus[MAX_CPUS];
uint32_t cpu_count = 1;
struct vm *vms[MAX_VMS];
uint32_t vm_count;
struct config config;
const struct boot_info *machine_info;
const uint8_t build_id[20];

static struct cpu fake_cpu;
static struct boot_info fake_info;
static struct vm fake_vms[FAKE_VMS];
static struct vcpu fake_vcpus[FAKE_VMS][2];
static struct vm_config fake_configs[FAKE_VMS] = {{.name = "linux", .mem = FAKE_RAM},
                                                  {.name = "rt.1", .mem = FAKE_RAM}};
static uint8_t fake_ram[FAKE_VMS][FAKE_RAM];
static uint8_t fake_host[FAKE_HOST] __attribute__((aligned(FAKE_HOST)));
static uint64_t fake_regs[6];
static uint64_t fake_now;
static uint32_t fake_nmis;
static bool fake_deaf;                                      /* vCPUs do not come out of their guest */
static uint32_t fake_marks[FAKE_VMS][FAKE_RAM / PAGE_SIZE]; /* NESTED_*, noted in the nested map */
static bool fake_notes;                                     /* the hardware notes them */
static jmp_buf fake_end;
static char fake_shown[1 << 16]; /* what the terminal showed last */
static size_t fake_shown_count;

const struct arch_reg arch_regs[] = {
    {"rax", 8, ARCH_REG_GENERAL, 0, 0},    {"rip", 8, ARCH_REG_GENERAL, 0, 1},
    {"rsp", 8, ARCH_REG_GENERAL, 0, 2},    {"rbp", 8, ARCH_REG_GENERAL, 0, 3},
    {"eflags", 4, ARCH_REG_GENERAL, 0, 4}, {"cr3", 8, ARCH_REG_SYSTEM, 0, 5},
};
const uint32_t arch_reg_count = 6;
const uint32_t arch_reg_pc = 1, arch_reg_sp = 2, arch_reg_fp = 3, arch_reg_flags = 4;

uint64_t time_now_ns(void)
{
    return fake_now;
}

uint64_t arch_vcpu_reg_get(struct vcpu *vcpu, uint32_t reg)
{
    (void)vcpu;
    if (reg >= arch_reg_count)
        abort();
    return fake_regs[reg];
}

int arch_vcpu_reg_set(struct vcpu *vcpu, uint32_t reg, uint64_t value)
{
    (void)vcpu;
    if (reg == 5)
        return E_INVAL;
    fake_regs[reg] = value;
    return 0;
}

/* Guest-virtual is guest-physical + 1 MiB; the second half of memory is not mapped. */
int arch_guest_translate(struct vcpu *vcpu, gva_t at, gpa_t *out)
{
    /* Whoever looks into a vCPU holds it. */
    if (!vcpu_is_held(vcpu))
        abort();
    *out = gpa(at.v - MIB);
    return at.v >= MIB && at.v < MIB + FAKE_RAM / 2 ? 0 : E_FAULT;
}

int guest_read(struct vm *vm, gpa_t from, void *to, size_t size)
{
    if (from.v >= FAKE_RAM || size > FAKE_RAM - from.v)
        return E_FAULT;
    memcpy(to, fake_ram[vm->id] + from.v, size);
    return 0;
}

int guest_write(struct vm *vm, gpa_t to, const void *from, size_t size)
{
    if (to.v >= FAKE_RAM || size > FAKE_RAM - to.v)
        return E_FAULT;
    memcpy(fake_ram[vm->id] + to.v, from, size);
    return 0;
}

/* The second VM has one page of 64 KiB. */
bool arch_nested_look(struct vm *vm, gpa_t at, uint32_t *marks, uint64_t *size)
{
    *size = vm->id == 0 ? PAGE_SIZE : FAKE_RAM;
    if (at.v >= FAKE_RAM || at.v % *size != 0)
        abort();
    *marks = fake_marks[vm->id][at.v / PAGE_SIZE];
    fake_marks[vm->id][at.v / PAGE_SIZE] = 0;
    return fake_notes;
}

bool arch_nested_broadcast(struct vm *vm)
{
    (void)vm;
    return false;
}

bool arch_inspect_line(struct vcpu *vcpu, enum inspect_view view, uint64_t argument, uint32_t line,
                       char *text, size_t size)
{
    if (!vcpu_is_held(vcpu))
        abort();
    snprintf(text, size, "view %d of %s.%u at 0x%lx line %u", (int)view, vcpu->vm->config->name, vcpu->id,
             argument, line);
    return line < (view == INSPECT_LOG ? 200 : 3);
}

const char arch_inspect_block_names[2][8] = {"vmcb", "vmcs"};

const char *arch_inspect_block_name(void)
{
    return "vmcb";
}

void arch_vcpu_where(struct vcpu *vcpu, char *text, size_t size)
{
    (void)vcpu;
    snprintf(text, size, "RIP 0x%lx", fake_regs[1]);
}

void arch_vcpu_nmi_state(struct vcpu *vcpu, struct arch_nmi_state *state)
{
    (void)vcpu;
    *state = (struct arch_nmi_state){.delivered = fake_nmis};
}

int arch_vcpu_nmi_handler(struct vcpu *vcpu, gva_t *at)
{
    (void)vcpu;
    *at = gva(MIB);
    return 0;
}

int arch_vcpu_nmi_return(struct vcpu *vcpu, gva_t *at)
{
    (void)vcpu;
    (void)at;
    return E_NOENT;
}

const char arch_vcpu_nmi_name[] = "NMI";

int arch_vcpu_nmi(struct vcpu *vcpu)
{
    (void)vcpu;
    fake_nmis++;
    return 0;
}

int arch_vcpu_ipi(struct vcpu *vcpu, uint64_t vector)
{
    (void)vcpu;
    return vector >= 16 && vector < 256 ? 0 : E_RANGE;
}

int arch_vm_irq(struct vm *vm, uint64_t line)
{
    (void)vm;
    return line < 24 ? 0 : E_RANGE;
}

size_t arch_vcpu_events_save(struct vcpu *vcpu, uint8_t bytes[ARCH_EVENTS_BYTES])
{
    (void)vcpu;
    memset(bytes, 0xa5, ARCH_EVENTS_BYTES);
    return 40;
}

int arch_vcpu_events_load(struct vcpu *vcpu, const uint8_t *bytes, size_t size)
{
    (void)vcpu;
    return size == 40 && bytes[0] == 0xa5 ? 0 : E_TRUNCATED;
}

bool arch_host_line(enum host_view view, uint32_t line, char *text, size_t size)
{
    snprintf(text, size, "host view %d", (int)view);
    return line == 0;
}

const char arch_host_tables_name[] = "acpi";

bool shell_emergency_is_open(void)
{
    return false;
}

void shell_emergency_provoke(void)
{
    longjmp(fake_end, 1);
}

void arch_panic_putc(uint8_t byte)
{
    (void)byte;
    abort();
}

uint32_t arch_exit_reason(uint64_t raw)
{
    return (uint32_t)raw;
}

void arch_exit_reason_name(uint32_t reason, char *text, size_t size)
{
    snprintf(text, size, " reason %u", reason);
}

bool arch_host_readable(hpa_t at, uint64_t size)
{
    (void)at;
    (void)size;
    return true;
}

void arch_trace_exits(bool on)
{
    (void)on;
}

void arch_machine_reset(void)
{
    longjmp(fake_end, 1);
}

void arch_machine_poweroff(void)
{
    longjmp(fake_end, 1);
}

_Noreturn void panic(const char *format, ...)
{
    if (strcmp(format, "asked for at the shell") != 0)
        abort();
    longjmp(fake_end, 1);
}

bool arch_shell_port_open(const char *name)
{
    (void)name;
    return false;
}

bool arch_shell_tx(uint8_t byte)
{
    (void)byte;
    return true;
}

bool arch_shell_rx(uint8_t *byte)
{
    (void)byte;
    return false;
}

/* core/shell_report.c: a report of two lines, and no NMI. */
struct console console;
struct spinlock console_guard;
bool report_panic_breaks;
static uint32_t fake_report_length = 8;

bool panic_active(void)
{
    return false;
}

bool arch_cpu_nmi(struct cpu *cpu)
{
    (void)cpu;
    return false;
}

int arch_vcpu_spoil(struct vcpu *vcpu, enum arch_spoil what)
{
    (void)vcpu;
    return what == ARCH_SPOIL_CR4 ? 0 : E_NOTSUP;
}

uint32_t report_keep_length(void)
{
    return fake_report_length;
}

bool report_keep_read(uint32_t *at, char *text, size_t size)
{
    if (*at >= fake_report_length)
        return false;
    text[fmt_snprintf(text, size, *at == 0 ? "one" : "two")] = '\0';
    *at += 4;
    return true;
}

void report_keep_clear(void)
{
    fake_report_length = 0;
}

void report_vm_begin(struct report_vm *report, struct vcpu *vcpu)
{
    *report = (struct report_vm){.vm = vcpu->vm, .vcpu = vcpu};
}

bool report_vm_line(struct report_vm *report, char *text, size_t size)
{
    fmt_snprintf(text, size, "report of vm %s vcpu %u", report->vm->config->name, report->vcpu->id);
    return report->line++ == 0;
}

bool console_shell_write(uint8_t byte)
{
    if (fake_shown_count == sizeof(fake_shown) - 1)
        fake_shown_count = 0;
    fake_shown[fake_shown_count++] = (char)byte;
    fake_shown[fake_shown_count] = '\0';
    return true;
}

bool console_shell_broken(void)
{
    return false;
}

void console_leave_shell(void)
{
}

void console_set_mode(enum console_mode mode)
{
    (void)mode;
}

void console_flush(void)
{
}

uint64_t host_nmi_count(void)
{
    return 0;
}

uint64_t host_nmi_forwarded(void)
{
    return 0;
}

uint64_t pmem_free_pages(void)
{
    return 1000;
}

int pmem_alloc(uint64_t count, uint64_t align, hpa_t *out)
{
    (void)count;
    (void)align;
    (void)out;
    return E_NOMEM;
}

void *page_alloc(void)
{
    return NULL;
}

void log_warn(const char *format, ...)
{
    (void)format;
}

void log_record(const char *format, ...)
{
    (void)format;
}

/* The host's symbols: one function. */
const char *symbol_lookup(uintptr_t address, uintptr_t *offset)
{
    *offset = address - 0x1000;
    return address >= 0x1000 && address < 0x2000 ? "core_main" : NULL;
}

bool symbol_find(const char *name, size_t length, uintptr_t *address)
{
    *address = 0x1000;
    return length == 9 && strncmp(name, "core_main", 9) == 0;
}

void vcpu_request(struct vcpu *vcpu, uint32_t requests)
{
    atomic_fetch_or(&vcpu->requests, requests);
}

bool sched_wake(struct vcpu *vcpu, enum vcpu_state from)
{
    uint32_t expected = from;

    return atomic_compare_exchange_strong(&vcpu->state, &expected, VCPU_RUNNABLE);
}

void sched_leave(struct vcpu *vcpu)
{
    (void)vcpu;
}

void vm_end(struct vm *vm, enum vm_end reason, uint32_t code, const char *detail)
{
    (void)detail;
    vm->state = VM_ENDED;
    vm->end = reason;
    vm->end_code = code;
}

int vm_start_again(struct vm *vm)
{
    if (vm->state != VM_ENDED)
        return E_BUSY;
    vm->state = VM_RUNNING;
    return 0;
}

static void fake_init(void)
{
    vm_count = FAKE_VMS;
    for (uint32_t i = 0; i < FAKE_VMS; i++) {
        struct vm *vm = &fake_vms[i];

        vms[i] = vm;
        *vm = (struct vm){.id = i, .config = &fake_configs[i], .state = VM_RUNNING, .vcpu_count = 2 - i};
        vm->mem.slot_count = 1;
        vm->mem.slots[0] = (struct guest_slot){gpa(0), FAKE_RAM, hpa((uintptr_t)fake_ram[i])};
        for (uint32_t n = 0; n < vm->vcpu_count; n++) {
            vm->vcpus[n] = &fake_vcpus[i][n];
            fake_vcpus[i][n] = (struct vcpu){.vm = vm, .id = n, .state = VCPU_RUNNABLE};
        }
        memset(fake_ram[i], (int)i, 256);
    }
    fake_cpu.self = &fake_cpu;
    cpus[0] = fake_this_cpu = &fake_cpu;
    fake_info.region_count = 1;
    fake_info.regions[0] = (struct boot_region){hpa((uintptr_t)fake_host), FAKE_HOST, BOOT_REGION_RAM};
    machine_info = &fake_info;
    memset(fake_regs, 0, sizeof(fake_regs));
    memset(fake_marks, 0, sizeof(fake_marks));
    fake_notes = true;
    fake_deaf = false;
}

#ifndef FAKE_ROUND
#define FAKE_ROUND NS_PER_MS
#endif

/* One round of the boot CPU's loop, a millisecond later unless said. */
static bool fake_advance(void)
{
    fake_now += FAKE_ROUND;
    for (uint32_t i = 0; i < FAKE_VMS && !fake_deaf; i++)
        for (uint32_t n = 0; n < fake_vms[i].vcpu_count; n++)
            if ((atomic_exchange(&fake_vcpus[i][n].requests, 0) & VCPU_REQ_HOLD) != 0)
                vcpu_enter_hold(&fake_vcpus[i][n]);
    return shell_poll();
}

static uint32_t fake_holds(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < FAKE_VMS; i++)
        for (uint32_t n = 0; n < fake_vms[i].vcpu_count; n++)
            sum += fake_vcpus[i][n].hold_count;
    return sum;
}

void cpu_kick(struct cpu *cpu)
{
    (void)cpu;
}

void log_info(const char *format, ...)
{
    (void)format;
}
