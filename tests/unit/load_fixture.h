/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM that is nothing but memory, for the loader tests: images live in heap blocks of exactly their size, so
 * that the address sanitizer sees every byte read beyond them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86/loader.h"
#include "core/vm.h"

struct fixture {
    struct vm vm;
    struct vm_config config;
    struct x86_start_state start;
    void *host[3]; /* memory of the slots */
    void *image;
    void *initrd;
    int line_count; /* errors since the last fixture_load() */
    int warn_count;
    char line[256];
};

extern struct fixture fixture;

/* A fresh VM of `mem` bytes, its RAM full of 0xaa; frees the old one. */
void fixture_vm(uint64_t mem);
void fixture_end(void);

/* Loads a copy of `image`; the rest of fixture.config as set by the caller. */
int fixture_load(const void *image, size_t size);

/* The initrd of the next loads: `size` bytes, byte i being (uint8_t)(i * 7 + 1). NULL data. Size 0: none. */
void fixture_initrd(size_t size);
bool fixture_is_initrd(uint64_t at, size_t size);

/* Fails the test unless `image` is refused with this code, in one line that begins with "vm t: not started: "
 * and contains `text`. */
void fixture_refuses(const void *image, size_t size, int code, const char *text);

/* Guest memory, aborting the test if it is none. */
const void *fixture_at(uint64_t at, size_t size);
uint32_t fixture_u32(uint64_t at);
uint64_t fixture_u64(uint64_t at);

/* Contents of a file as a heap block, NULL if it does not exist. */
void *fixture_read_file(const char *path, size_t *size);
