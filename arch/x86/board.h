/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC around a VM's CPUs: every device model, its address and its interrupt line.
 */
#pragma once

#include "arch/x86/board_irq.h"
#include "vdev/vuart.h"

struct x86_vm;

struct board {
    struct board_irq irq;
    struct vuart uart;
};

/* Builds and registers all devices of a VM whose memory exists. 0 or a negative code, one line printed. */
MUST_CHECK int board_init(struct x86_vm *vm);

/* Firmware's part before the kernel: tables in guest memory. Called after each load of the images. */
MUST_CHECK int board_write_tables(struct x86_vm *vm);
