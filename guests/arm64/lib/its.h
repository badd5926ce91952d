/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LPIs and the interrupt translation service as a guest program drives them: one device, some events, a
 * collection for each CPU. LPIs are INTIDs from 8192.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ITS_LPI    8192
#define ITS_LPIS   64
#define ITS_DEVICE 5

/* The machine has one. */
bool its_present(void);
/* Tables, command queue, ITS on, collections 0 and 1 mapped to CPUs 0 and 1, the device mapped; once. */
void its_init(void);
/* Collections 0 to count - 1, one for each CPU; after its_init(). */
void its_collections(uint32_t count);
/* This CPU's redistributor takes LPIs; on each CPU, once. */
void its_cpu_init(void);
/* An LPI's entry in the configuration table; takes effect with its_inv() or its_invall(). */
void its_configure(uint32_t lpi, uint8_t priority, bool enabled);

/* Any four doublewords; and a write to one of the ITS's and redistributors' registers, chosen by `number`,
 * that leaves the command queue where it is. */
void its_raw(const uint64_t *words);
void its_poke(uint32_t number, uint64_t value);

/* its_int() sends its events by the device at `base` (docs/devices.md, "Messages on demand") from here on. */
void its_use_device(uint64_t base);

/* Commands, by any CPU outside its handlers; done when they return. `event` is of ITS_DEVICE, `cpu` a
 * collection. */
void its_mapti(uint32_t event, uint32_t lpi, uint32_t cpu);
void its_movi(uint32_t event, uint32_t cpu);
void its_int(uint32_t event);
void its_int_unseen(uint32_t event); /* does not wait for it */
void its_clear(uint32_t event);
void its_discard(uint32_t event);
void its_inv(uint32_t event);
void its_invall(uint32_t cpu);
void its_movall(uint32_t from_cpu, uint32_t to_cpu);
