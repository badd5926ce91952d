# SPDX-License-Identifier: BSD-2-Clause
core-y :=

core-y += core/config_word.c core/config_options.c core/config_modules.c
core-y += core/device.c core/guest_mem.c core/timer.c
core-y += core/console.c core/console_mux.c
