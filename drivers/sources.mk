# SPDX-License-Identifier: BSD-2-Clause
drivers-x86-y := drivers/uart16550.c
drivers-arm64-y :=
