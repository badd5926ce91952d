/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests: the same event state as on x86. */
#pragma once

#include "core/inject.h"

typedef struct inject arch_events_t;
