/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one lock over the output order (console_mux), and the clients that it serves. Lock order: a
 * VM's device lock, then the console's; therefore clients are called with the latter released. Input
 * (console_input.c) is touched by the boot CPU only.
 */
#include "core/console.h"

#include "core/arch.h"
#include "core/console_internal.h"
#include "core/cpu.h"
#include "core/shell.h"
#include "core/time.h"

#define WIRE_DEAD_NS (1 * NS_PER_SEC) /* output that waits gives up after so long without progress */
#define POLL_BUSY_NS (1 * NS_PER_MS)  /* the wire empties a 16-byte FIFO in 1.4 ms at 115200 baud */
#define POLL_IDLE_NS CONSOLE_TICK_NS

struct console console;
struct spinlock console_guard = {.rank = LOCK_CONSOLE}; /* beside it: all of that is zero */

/* Before anything else is done with the console; the first line of all may come from anywhere. Lock held. */
static void init_once(void)
{
    if (!console.initialised)
        console_mux_init(&console.mux);
    console.initialised = true;
}

/* Pumps until at most `pending_most` bytes wait; false: the wire is dead. Lock held. */
static bool drain_to(uint32_t pending_most)
{
    struct console_mux *mux = &console.mux;
    uint64_t since = time_now_ns();

    while (mux->pending_count > pending_most || mux->stage_at < mux->stage_end) {
        uint32_t before = mux->pending_count;

        console_mux_pump(mux, true);
        if (mux->pending_count != before) {
            console.wire_dead = false;
            since = time_now_ns();
        } else if (console.wire_dead || time_now_ns() - since > WIRE_DEAD_NS) {
            console.wire_dead = true;
            return false;
        }
        arch_cpu_relax();
    }
    return true;
}

void console_write(const char *text, size_t length)
{
    console_lock();
    init_once();
    for (size_t i = 0; i < length; i++) {
        if (console_mux_put(&console.mux, CONSOLE_LATCH, (uint8_t)text[i]))
            continue;
        if (!drain_to(console.mux.pending_count - 1))
            break;
        i--;
    }
    console_mux_pump(&console.mux, console.unlocked);
    console_unlock();
}

uint32_t console_free(void)
{
    uint32_t room;

    console_lock();
    init_once();
    room = console_mux_room(&console.mux, CONSOLE_LATCH);
    console_unlock();
    return room;
}

/* Through the ring. Lock held. */
static __attribute__((noinline)) bool queue_byte(uint32_t id, uint8_t byte)
{
    bool taken = console_mux_put(&console.mux, id, byte);

    console_mux_pump(&console.mux, false);
    if (!taken)
        taken = console_mux_put(&console.mux, id, byte);
    if (!taken)
        console.clients[id].blocked = true;
    return taken;
}

bool console_vm_write(struct vm *vm, uint8_t byte)
{
    bool taken;

    /* Where it means something nobody but Latch sends one. */
    if (UNLIKELY(byte == CONSOLE_MARK) && (config.marks || config.gdb_framed))
        byte = '?';
    console_lock();
    taken = console_mux_direct(&console.mux, vm->id, byte);
    if (UNLIKELY(!taken))
        taken = queue_byte(vm->id, byte);
    console_unlock();
    return taken;
}

void console_attach(struct vm *vm, const struct console_client_ops *ops, void *device)
{
    struct console_client *client = &console.clients[vm->id];

    console_lock();
    init_once();
    byte_ring_init(&client->input, client->input_bytes, CONSOLE_INPUT_RING);
    client->ops = ops;
    client->device = device;
    client->vm = vm;
    client->blocked = false;
    console.mux.sources[vm->id].name = vm->config->name;
    if (console.mux.foreground == CONSOLE_NOBODY)
        console_mux_show(&console.mux, console.mux.mode, vm->id);
    console_unlock();
}

/* Takes the mark of a refused byte off once there is room again. */
static bool take_unblocked(struct console_client *client)
{
    bool unblocked;

    console_lock();
    unblocked = client->blocked && console_mux_room(&console.mux, client->vm->id) > CONSOLE_VM_LIVE / 4;
    if (unblocked)
        client->blocked = false;
    console_unlock();
    return unblocked;
}

static void serve_client(struct console_client *client)
{
    bool writable = client->blocked && take_unblocked(client);

    if (client->vm->state == VM_ENDED)
        byte_ring_clear(&client->input);
    if (!writable && byte_ring_used(&client->input) == 0)
        return;
    spin_lock(&client->vm->dev_lock);
    if (writable)
        client->ops->writable(client->device);
    while (byte_ring_used(&client->input) != 0 &&
           client->ops->receive(client->device, byte_ring_peek(&client->input))) {
        byte_ring_pop(&client->input);
        client->dropping = false;
    }
    spin_unlock(&client->vm->dev_lock);
}

static void poll_due(struct timer *timer)
{
    (void)timer;
    cpu_kick(this_cpu());
}

static const struct timer_ops poll_timer_ops = {.expire = poll_due};

static void arm_poll(uint64_t now, bool busy)
{
    uint64_t deadline = now + (busy ? POLL_BUSY_NS : POLL_IDLE_NS);

    if (console.timer.ops == NULL)
        timer_init(&console.timer, &poll_timer_ops);
    if (!timer_is_armed(&console.timer) || console.timer.deadline_ns > deadline)
        timer_arm(&console.timer, deadline);
}

void console_poll(void)
{
    uint64_t now = time_now_ns();
    bool busy;

    atomic_store_explicit(&console.polled_ns, now, memory_order_relaxed);
    console_lock();
    init_once();
    if (now - console.last_tick_ns >= CONSOLE_TICK_NS) {
        console.last_tick_ns = now;
        console_mux_tick(&console.mux);
    }
    console_mux_pump(&console.mux, false);
    busy = console.mux.pending_count != 0;
    console_unlock();
    busy |= console_read_wire(now);
    busy |= shell_poll();
    for (uint32_t i = 0; i < MAX_VMS; i++) {
        if (console.clients[i].vm != NULL) {
            serve_client(&console.clients[i]);
            busy |= byte_ring_used(&console.clients[i].input) != 0;
        }
    }
    arm_poll(now, busy);
}

void console_flush(void)
{
    console_lock();
    init_once();
    /* Last words, also of those whose words were kept. */
    console_mux_show(&console.mux, CONSOLE_PLAIN, console.mux.foreground);
    (void)drain_to(0);
    console_unlock();
}

void console_enter_panic(void)
{
    console.unlocked = true;
}

bool console_shell_write(uint8_t byte)
{
    bool taken;

    console_lock();
    taken = console.mux.foreground == CONSOLE_SHELL && console_mux_put(&console.mux, CONSOLE_SHELL, byte);
    console_mux_pump(&console.mux, false);
    console_unlock();
    return taken;
}

bool console_has_frame_room(void)
{
    return console_mux_has_frame_room(&console.mux);
}

void console_write_frame(const uint8_t *bytes, uint32_t length)
{
    console_lock();
    console_mux_frame(&console.mux, bytes, length);
    console_mux_pump(&console.mux, false);
    console_unlock();
}

bool console_shell_broken(void)
{
    struct console_mux *mux = &console.mux;
    bool broken;

    console_lock();
    broken = mux->shell_broken && mux->owner == CONSOLE_NOBODY && mux->pending_count == 0;
    if (broken)
        mux->shell_broken = false;
    console_unlock();
    return broken;
}

void console_set_mode(enum console_mode mode)
{
    console_lock();
    init_once();
    console_mux_show(&console.mux, mode, console.mux.foreground);
    console_unlock();
}
