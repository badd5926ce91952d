/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: one lock over the output order (console_mux), input from the wire to the foreground VM, and
 * the escape character. Lock order: a VM's device lock, then the console's; therefore clients are called
 * with the latter released. Input is touched by the boot CPU only.
 */
#include "core/report.h"
#include "core/console.h"

#include "core/arch.h"
#include "core/console_mux.h"
#include "core/time.h"
#include "core/timer.h"
#include "lib/printf.h"
#include "lib/string.h"

#define ESCAPE         0x1d /* Ctrl-] */
#define INPUT_RING     1024
#define INPUT_BATCH    256              /* bytes taken from the wire per poll */
#define INPUT_STUCK_NS (2 * NS_PER_SEC) /* a VM that leaves its full ring alone for so long loses input */
#define WIRE_DEAD_NS   (1 * NS_PER_SEC) /* output that waits gives up after so long without progress */
#define POLL_BUSY_NS   (1 * NS_PER_MS)  /* the wire empties a 16-byte FIFO in 1.4 ms at 115200 baud */
#define POLL_IDLE_NS   CONSOLE_TICK_NS
#define POLL_LEAST_NS  (NS_PER_MS / 10)

struct client {
    struct vm *vm; /* NULL: nobody */
    const struct console_client_ops *ops;
    void *device;
    _Atomic bool blocked; /* a byte was refused; written under the console's lock */
    bool dropping;
    uint64_t input_moved_ns; /* when the ring was last not full */
    struct byte_ring input;
    uint8_t input_bytes[INPUT_RING];
};

static struct {
    struct spinlock lock;
    _Atomic bool unlocked; /* panic: nobody else is to be waited for */
    bool initialised;
    bool wire_dead; /* nothing went out for WIRE_DEAD_NS: nobody waits for it again */
    bool escape;    /* the escape character came, its argument has not */
    uint64_t last_tick_ns;
    uint64_t polled_ns; /* boot CPU only */
    struct timer timer;
    struct console_mux mux;
    struct client clients[MAX_VMS];
} console;

static inline void console_lock(void)
{
    if (LIKELY(!console.unlocked))
        spin_lock(&console.lock);
}

/* Before anything else is done with the console; the first line of all may come from anywhere. Lock held. */
static void init_once(void)
{
    if (!console.initialised)
        console_mux_init(&console.mux);
    console.initialised = true;
}

static inline void console_unlock(void)
{
    if (LIKELY(!console.unlocked))
        spin_unlock(&console.lock);
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

    console_lock();
    taken = console_mux_direct(&console.mux, vm->id, byte);
    if (UNLIKELY(!taken))
        taken = queue_byte(vm->id, byte);
    console_unlock();
    return taken;
}

void console_attach(struct vm *vm, const struct console_client_ops *ops, void *device)
{
    struct client *client = &console.clients[vm->id];

    console_lock();
    init_once();
    byte_ring_init(&client->input, client->input_bytes, INPUT_RING);
    client->ops = ops;
    client->device = device;
    client->vm = vm;
    client->blocked = false;
    console.mux.sources[vm->id].name = vm->config->name;
    if (console.mux.foreground == CONSOLE_NOBODY)
        console.mux.foreground = vm->id;
    console_unlock();
}

/* Lines about the console itself. Lock not held. */
static void tell(const char *format, const char *name, uint32_t id)
{
    char line[96];
    int length = fmt_snprintf(line, sizeof(line), format, name, id);

    console_write(line, min_u64((uint64_t)length, sizeof(line) - 1));
}

static void switch_to(uint32_t id)
{
    if (console.clients[id].vm == NULL) {
        tell("latch: console: no VM%s has number %u\n", "", id);
        return;
    }
    console_lock();
    console.mux.foreground = id;
    console_unlock();
    tell("latch: console: now %s (%u)\n", console.clients[id].vm->config->name, id);
}

static void input_push(struct client *client, uint8_t byte)
{
    if (byte_ring_room(&client->input) != 0) {
        byte_ring_push(&client->input, byte);
        return;
    }
    if (!client->dropping)
        tell("latch: console: %s (%u) does not read, input is dropped\n", client->vm->config->name,
             client->vm->id);
    client->dropping = true;
}

static void input_byte(struct client *client, uint8_t byte)
{
    bool after_escape = console.escape;

    console.escape = false;
    if (!after_escape && byte == ESCAPE)
        console.escape = true;
    else if (!after_escape || byte == ESCAPE)
        input_push(client, byte);
    else if (byte >= '0' && byte <= '9')
        switch_to((uint32_t)(byte - '0'));
    else if (!report_key(client->vm, byte))
        tell("latch: console: Ctrl-] and a digit: that VM; e: events; l: injection log; n: NMI; Ctrl-] "
             "twice: one "
             "Ctrl-]; now %s (%u)\n",
             client->vm->config->name, client->vm->id);
}

/*
 * From the wire into the ring of the foreground VM. While that is full the wire waits, unless the VM seems to
 * be dead: then the operator must still be able to switch away.
 */
static bool read_wire(uint64_t now)
{
    bool any = false;

    for (uint32_t i = 0; i < INPUT_BATCH && console.mux.foreground != CONSOLE_NOBODY; i++) {
        struct client *client = &console.clients[console.mux.foreground];
        bool is_full = byte_ring_room(&client->input) == 0;
        uint8_t byte;

        if (!is_full)
            client->input_moved_ns = now;
        if ((is_full && now - client->input_moved_ns < INPUT_STUCK_NS) || !arch_console_rx(&byte))
            break;
        any = true;
        input_byte(client, byte);
    }
    return any;
}

/* Takes the mark of a refused byte off once there is room again. */
static bool take_unblocked(struct client *client)
{
    const struct byte_ring *ring = &console.mux.sources[client->vm->id].ring;
    bool unblocked;

    console_lock();
    unblocked = client->blocked && byte_ring_room(ring) > ring->mask / 4;
    if (unblocked)
        client->blocked = false;
    console_unlock();
    return unblocked;
}

static void serve_client(struct client *client)
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

/* Nothing to do: the timer is there so that the loop comes round to console_poll(). */
static void poll_due(struct timer *timer)
{
    (void)timer;
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

/* Often enough for the fastest wire, but not on every round of a guest that halts often. Always when the
 * timer has gone off, which console_poll() arms again. */
bool console_is_due(void)
{
    return console.timer.ops == NULL || !timer_is_armed(&console.timer) ||
           time_now_ns() - console.polled_ns >= POLL_LEAST_NS;
}

void console_poll(void)
{
    uint64_t now = time_now_ns();
    bool busy;

    console.polled_ns = now;
    console_lock();
    init_once();
    if (now - console.last_tick_ns >= CONSOLE_TICK_NS) {
        console.last_tick_ns = now;
        console_mux_tick(&console.mux);
    }
    console_mux_pump(&console.mux, false);
    busy = console.mux.pending_count != 0;
    console_unlock();
    busy |= read_wire(now);
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
    (void)drain_to(0);
    console_unlock();
}

void console_enter_panic(void)
{
    console.unlocked = true;
}
