# SPDX-License-Identifier: BSD-2-Clause
lib-y := lib/error.c lib/heap.c lib/printf.c lib/str.c lib/string.c lib/symbols.c

hot-y += lib/string.c lib/heap.c
