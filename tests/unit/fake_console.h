/* SPDX-License-Identifier: BSD-2-Clause */
/* The console as a serial device's unit test sees it: room for so many bytes, and what was written. */
#pragma once

#include "core/console.h"
#include "tests/unit/fake_machine.h"

static const struct console_client_ops *client_ops;
static void *console_client; /* the device that may attach */
static unsigned int console_room;
static uint8_t console_bytes[4096];
static unsigned int console_count;

void console_attach(struct vm *vm, const struct console_client_ops *ops, void *client)
{
    assert_ptr_equal(vm, &fake_vm);
    assert_ptr_equal(client, console_client);
    client_ops = ops;
}

bool console_vm_write(struct vm *vm, uint8_t byte)
{
    assert_ptr_equal(vm, &fake_vm);
    if (console_room == 0)
        return false;
    console_room--;
    console_bytes[console_count++ % sizeof(console_bytes)] = byte;
    return true;
}

static void fake_console_init(void *client)
{
    console_client = client;
    console_room = UINT32_MAX;
    console_count = 0;
}

/* Somebody types. False: the device has no room. */
static bool type(uint8_t byte)
{
    return client_ops->receive(console_client, byte);
}
