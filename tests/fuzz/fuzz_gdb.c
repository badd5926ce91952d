/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole GDB server under libFuzzer: the input is what the wire brings, as it is or cut at newlines into
 * packets whose frames are made right here, so that commands are reached, or what the console hands on.
 * Beside the sanitizers and the checks of the fake VM (nothing is touched that is not held): replies are
 * framed, and once the debugger is gone the memory has no patch left and the VM runs.
 */
#include <stdint.h>
#include <stdio.h>

#include "core/gdb_console.h"
#include "tests/unit/fake_gdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "property violated: %s\n", what);
    abort();
}

/* Acknowledgments and packets, nothing else. */
static void check_replies(void)
{
    size_t at = 0;

    while (at < fake_out_length) {
        uint8_t sum = 0, given;
        char digits[3] = "";

        if (fake_out[at] == '+' || fake_out[at] == '-') {
            at++;
            continue;
        }
        expect(fake_out[at] == '$', "a reply without its frame");
        for (at++; at < fake_out_length && fake_out[at] != '#'; at++)
            sum = (uint8_t)(sum + fake_out[at]);
        if (at + 3 > fake_out_length)
            break; /* the wire was cut there */
        memcpy(digits, &fake_out[at + 1], 2);
        given = (uint8_t)strtoul(digits, NULL, 16);
        expect(given == sum, "a reply with a wrong sum");
        at += 3;
    }
    fake_out_length = 0;
    fake_out_room = FAKE_WIRE; /* the other end has read it */
}

static void send_packet(const uint8_t *text, size_t size)
{
    uint8_t *packet = malloc(size + 4);
    char sum[3];
    unsigned total = 0;

    for (size_t i = 0; i < size; i++)
        total += text[i];
    packet[0] = '$';
    memcpy(packet + 1, text, size);
    snprintf(sum, sizeof(sum), "%02x", total & 255);
    packet[size + 1] = '#';
    memcpy(packet + size + 2, sum, 2);
    fake_wire(packet, size + 4);
    free(packet);
    check_replies();
}

/* What the guest does while it runs: the first vCPU that does hits something now and then. */
static void run_guest(uint8_t how)
{
    for (uint32_t i = 0; i < FAKE_VCPUS; i++) {
        const struct guest_debug_stop stop = {
            .vcpu = &fake_vcpus[i], .kind = (uint8_t)(how % (GUEST_DEBUG_STEP + 1)), .at = gva(how * 8u)};

        if (fake_vcpus[i].state != VCPU_RUNNABLE || fake_vm.debug == NULL)
            continue;
        guest_debug_stopped(&stop);
    }
    fake_hold_now();
    if (how == 0xff)
        fake_end();
}

/* What the console's wire brings: each 0x80 stands for the escape character and its key. */
static void from_console(const uint8_t *data, size_t size)
{
    config.gdb_framed = true;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x80)
            gdb_console_begin();
        else if (gdb_console_take(data[i]))
            fake_wire("", 0);
    }
    check_replies();
    while (gdb_console_take('x'))
        fake_wire("", 0); /* whatever unit was open */
    fake_out_length = 0;
    config.gdb_framed = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fake_start();
    if (size == 0)
        return 0;
    fake_slow_hold = (data[0] & 2) != 0;
    if ((data[0] & 5) == 4) {
        from_console(data + 1, size - 1);
    } else if ((data[0] & 1) == 0) {
        fake_wire(data + 1, size - 1);
        check_replies();
    } else {
        send_packet((const uint8_t *)"qSupported:swbreak+", 19);
        for (size_t at = 1; at < size;) {
            size_t length = 0;

            while (at + length < size && data[at + length] != '\n')
                length++;
            if (length != 0 && data[at] == 0x80)
                run_guest(length > 1 ? data[at + 1] : 0);
            else
                send_packet(data + at, length);
            fake_hold_now();
            at += length + 1;
        }
    }
    /* The next debugger finds everything as it should be, and leaves it so. */
    fake_vm.state = VM_RUNNING;
    fake_hold_now();
    fake_wire("#00", 3); /* whatever packet was open */
    send_packet((const uint8_t *)"qSupported:swbreak+", 19);
    fake_hold_now();
    send_packet((const uint8_t *)"D", 1);
    expect(fake_vm.debug == NULL, "a debugger that has gone is still there");
    expect(fake_vcpus[0].hold_count == 0 && fake_vcpus[1].hold_count == 0, "a hold is left");
    return 0;
}
