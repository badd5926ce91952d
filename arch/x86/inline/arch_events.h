/* SPDX-License-Identifier: BSD-2-Clause */
/* x86: what a vCPU keeps about its events: the state of core's event scheduler. */
#pragma once

#include "core/inject.h"

typedef struct inject arch_events_t;
