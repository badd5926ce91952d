# SPDX-License-Identifier: BSD-2-Clause
lib-y := lib/error.c lib/printf.c lib/str.c lib/string.c lib/symbols.c
cold-y += lib/error.c lib/printf.c lib/str.c lib/symbols.c
