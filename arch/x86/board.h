/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC around a VM's CPUs: every device model, its address and its interrupt line.
 */
#pragma once

#include "arch/x86/board_irq.h"
#include "arch/x86/guest_map.h"
#include "vdev/vdebugexit.h"
#include "vdev/vfwcfg.h"
#include "vdev/vpci_none.h"
#include "vdev/vpm.h"
#include "vdev/vreset.h"
#include "vdev/vrtc.h"
#include "vdev/vuart.h"

struct x86_vm;

struct board {
    struct board_irq irq;
    struct vuart uart;
    struct vrtc rtc;
    struct vpm pm;
    struct vreset reset;
    struct vpci_none pci;
    struct vfwcfg fwcfg;
    struct vdebugexit debugexit;
    struct e820_entry e820[GUEST_E820_ENTRIES]; /* fw_cfg's file */
};

/* Builds and registers all devices of a VM whose memory exists. 0 or a negative code, one line printed. */
MUST_CHECK int board_init(struct x86_vm *vm);

/* Firmware's part before the kernel: tables in guest memory. Called before each load of the images. */
MUST_CHECK int board_write_tables(struct x86_vm *vm);

/* Seconds since 1970 UTC when time_now_ns() was 0. */
uint64_t board_boot_utc(void);
