/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a guest stopped running, in words that no vendor owns. Vendor code fills it (decode); the run loop acts
 * on it (emulate), once for all vendors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

enum vm_exit_kind {
    VM_EXIT_NONE,        /* dealt with by the back end itself: enter again */
    VM_EXIT_HOST_EVENT,  /* an interrupt for the host is waiting or was taken */
    VM_EXIT_HALT,        /* HLT, WFI: nothing to do until an event */
    VM_EXIT_WINDOW,      /* a window that the injection scheduler asked for is open */
    VM_EXIT_PIO,         /* x86 port access */
    VM_EXIT_MMIO,        /* access to guest physical memory that has no RAM behind it */
    VM_EXIT_HYPERCALL,   /* VMCALL/VMMCALL, HVC */
    VM_EXIT_CPUID,       /* x86 */
    VM_EXIT_SYSREG_READ, /* RDMSR, MRS */
    VM_EXIT_SYSREG_WRITE,
    VM_EXIT_CONTROL_REG,    /* x86 MOV to/from CR and its shorter forms */
    VM_EXIT_DEBUG_REG,      /* x86 MOV to/from DR while a debugger has the debug registers */
    VM_EXIT_DEBUG,          /* arm64: a debug exception, while a debugger takes them */
    VM_EXIT_XSETBV,         /* x86 */
    VM_EXIT_INVALID_OPCODE, /* #UD intercepted: maybe the other vendor's hypercall */
    VM_EXIT_UNDEFINED,      /* an instruction that the guest's CPU does not have */
    VM_EXIT_COUNTER_READ,   /* RDPMC: no counters are given to guests */
    VM_EXIT_CACHE,          /* WBINVD, INVD: nothing to do, no guest memory is uncached */
    VM_EXIT_PAUSE,          /* spinning */
    VM_EXIT_SHUTDOWN,       /* triple fault */
    VM_EXIT_BAD_STATE,      /* hardware refused the guest state */
    VM_EXIT_MEMORY_ERROR,   /* arm64: the host's memory answered a guest's access with an error */
    VM_EXIT_UNKNOWN,        /* nothing we know: stop the VM */
    VM_EXIT_KINDS,
};

struct vm_exit {
    enum vm_exit_kind kind;
    uint8_t length; /* bytes of the instruction when it is to be skipped after emulation, else 0 */
    uint64_t raw;   /* the hardware's own exit code, for records */
    union {
        struct {
            uint16_t port;
            uint8_t size; /* 1, 2, 4 */
            bool is_write;
            bool is_string;
            bool is_rep;
            uint8_t segment;      /* string forms: segment of the memory operand, hardware encoding */
            uint8_t address_size; /* string forms: 2, 4, 8 */
        } pio;
        struct {
            gpa_t at;
            bool is_write;
            bool is_fetch;
            bool during_walk;     /* the access was the walk of the guest's own page tables */
            bool during_delivery; /* the CPU was delivering an event: IDT, GDT, TSS or stack */
        } mmio;
        struct {
            uint32_t number;
        } sysreg;
        struct {
            uint8_t cr; /* 0, 3, 4, 8 */
            bool is_write;
        } control;
    } u;
};
