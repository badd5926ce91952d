# SPDX-License-Identifier: BSD-2-Clause
# One name per test in unit-y; unit-NAME-y lists the project's files that it links beside test_NAME.c.
unit-y :=

unit-y += lib
unit-lib-y := lib/printf.c lib/error.c
