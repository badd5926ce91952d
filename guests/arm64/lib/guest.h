/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runtime of arm64 guest programs: console, end, other CPUs. The board is QEMU's "virt", or a hypervisor
 * that shows the same addresses: PL011 at 0x09000000, GICv3 at 0x08000000.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The program; when it returns the machine is powered off. `words`: the command line of the device tree. */
void guest_main(const char *words);

/* Saved by the vectors. */
struct trap_frame {
    uint64_t x[31]; /* x30 last */
    uint64_t elr;
    uint64_t spsr;
    uint64_t reserved_0x108;
};

/* Defined by the program: interrupts and synchronous exceptions from EL1 and EL0, interrupts closed. */
void trap_irq(struct trap_frame *frame);
void trap_sync(struct trap_frame *frame);
/* SErrors; unless the program has its own it is trap_unexpected(). */
void trap_serror(struct trap_frame *frame);
/* Prints the frame and ends the machine. */
void trap_unexpected(struct trap_frame *frame);

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* PSCI by HVC. Function IDs of the SMC64 calling convention. */
#define PSCI_VERSION       UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND   UINT32_C(0xc4000001)
#define PSCI_CPU_OFF       UINT32_C(0x84000002)
#define PSCI_CPU_ON        UINT32_C(0xc4000003)
#define PSCI_AFFINITY_INFO UINT32_C(0xc4000004)
#define PSCI_SYSTEM_OFF    UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET  UINT32_C(0x84000009)
#define PSCI_FEATURES      UINT32_C(0x8400000a)
int64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c);
_Noreturn void guest_exit(void);

#define SMP_MAX 8
/* Starts CPU `index`, which calls smp_main(); false if PSCI refuses. */
bool smp_start(uint32_t index);
/* MPIDR affinity of a CPU, as the board has it. */
uint64_t smp_affinity(uint32_t index);
/* Defined by the program; must not return. */
_Noreturn void smp_main(void);
