/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the user asked for: Latch's own command line and the VMs described by the boot loader's modules,
 * parsed and checked, nothing allocated yet. Grammar in docs/config.md.
 *
 *   latch:   console=com1[,115200] on-end=stay|restart|poweroff nmi=auto|vnmi|iret|soft
 *            hostnmi=forward:VM|shell|ignore|panic mitigations=on|off maxcpus=N log=error|warn|info
 *            selftest=none|events|nmis|tsc escape=^]|none mux=plain|color|off marks=on|off direct=on|off
 *            trace=on|off panic=halt|reboot
 *            shell=console|com1..com4 gdb=console|com2[:VM]
 *   module:  VM:kernel [cpus=N] [mem=SIZE] [on-end=...] [pin=SETS] [share=N] [cap=N] [prio=...]
 *                      [msi-test=on|off] [-- command line of the guest, to the end]
 *            VM:initrd
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/boot_info.h"
#include "core/cpu_set.h"
#include "lib/bits.h"

#define VM_NAME_SIZE   16
#define CONFIG_MAX_VMS 32

enum on_end {
    ON_END_DEFAULT, /* VM: as Latch's own option says; Latch: stay */
    ON_END_STAY,
    ON_END_RESTART,
    ON_END_POWEROFF,
};

enum nmi_way {
    NMI_WAY_AUTO,
    NMI_WAY_VNMI,
    NMI_WAY_IRET,
    NMI_WAY_SOFT,
};

enum host_nmi_policy {
    HOST_NMI_PANIC,
    HOST_NMI_IGNORE,
    HOST_NMI_SHELL,
    HOST_NMI_FORWARD,
};

/* INFO is 0, so that everything is printed until the command line has been read. */
enum log_level {
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

struct vm_config {
    char name[VM_NAME_SIZE];
    bool valid;    /* false: a line was printed, the VM is not started */
    uint32_t cpus; /* 1..MAX_VCPUS_PER_VM */
    uint64_t mem;  /* bytes, page multiple */
    enum on_end on_end;
    uint8_t prio;    /* enum vcpu_prio */
    uint32_t share;  /* 1..SHARE_MAX */
    bool msi_test;   /* arm64: a device that sends messages on demand, for tests */
    uint32_t cap;    /* percent of a CPU, for each vCPU; 100: none */
    const char *pin; /* the word's value, checked; NULL: any CPU */
    size_t pin_length;
    struct boot_module kernel;
    const char *guest_cmdline; /* behind "--"; never NULL */
    bool has_initrd;
    struct boot_module initrd;
};

struct config {
    char console_port[8]; /* "com1".."com4", "pl011", "none" */
    uint32_t console_baud;
    uint8_t console_escape; /* control character before the console's keys; 0: none */
    uint8_t console_mode;   /* enum console_mode */
    bool marks;             /* CONSOLE_MARK before each of Latch's lines */
    char shell_port[8];     /* a second port for the shell alone; "": it shares the console's */
    enum on_end on_end;
    enum nmi_way nmi;
    enum host_nmi_policy host_nmi;
    char host_nmi_vm[VM_NAME_SIZE];
    bool selftest_events; /* save and restore event state at every scheduling */
    bool selftest_nmis;   /* CPU 1 sends NMIs to the boot CPU */
    bool selftest_tsc;    /* secondary CPUs start with their TSC moved */
    bool mitigations;
    bool direct;               /* interrupts brought to guests by hardware alone, where it can */
    bool trace;                /* the rings of core/trace.h are on from the start */
    bool panic_reboots;        /* a panic resets the machine instead of halting */
    enum log_level log_level;  /* messages less important than this are not printed */
    char gdb_port[8];          /* "console", "com1".."com4"; empty: no GDB server */
    bool gdb_framed;           /* on the console's wire: core/gdb_console.h */
    char gdb_vm[VM_NAME_SIZE]; /* empty: the first */
    uint32_t max_cpus;         /* physical CPUs to use, 1..MAX_CPUS */
    uint32_t vm_count;
    struct vm_config vms[CONFIG_MAX_VMS];
};

extern struct config config;

/*
 * Fills `config` with the defaults, then parses Latch's own command line; call it before
 * config_parse_modules(). Each unknown or malformed word is reported in one line (the word, its
 * position, what is allowed) and makes the result E_INVAL; the rest is still taken.
 */
MUST_CHECK int config_parse_options(struct config *config, const char *cmdline);

/* The CPUs that pin= allows for this vCPU, whether the machine has them or not. */
void config_pin_set(const struct vm_config *vm, uint32_t vcpu, struct cpu_set *set);

/*
 * Same for the modules; a VM with an error stays in the list with valid == false, the others are unaffected.
 * E_INVAL if anything was reported; E_NOENT, unreported, if there is no module at all. `guest_cmdline` points
 * into `info`.
 */
MUST_CHECK int config_parse_modules(struct config *config, const struct boot_info *info);
