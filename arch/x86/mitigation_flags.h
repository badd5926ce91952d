/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a world switch has to do beside switching; shared by C and assembly.
 */
#pragma once

#define MITIGATE_RETURNS 1 /* after an exit, before the first RET without a CALL: refill the return stack */
#define MITIGATE_BUFFERS 2 /* before an entry: VERW, which empties the CPU's buffers */
