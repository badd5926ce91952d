# SPDX-License-Identifier: BSD-2-Clause
boot-x86-y := boot/x86/header.S boot/x86/entry32.S boot/x86/ap_start.S boot/x86/boot_main.c boot/x86/multiboot2.c
