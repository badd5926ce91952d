# SPDX-License-Identifier: BSD-2-Clause
arch-x86-y :=

arch-x86-y += arch/x86/decode.c arch/x86/decode_modrm.c arch/x86/decode_refine.c arch/x86/decode_table.c
