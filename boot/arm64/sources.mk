# SPDX-License-Identifier: BSD-2-Clause
boot-arm64-y := boot/arm64/header.S boot/arm64/boot_main.c boot/arm64/bundle.c boot/arm64/devicetree.c boot/arm64/libfdt_support.c
