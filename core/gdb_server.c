/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One debugging session: the port, the states, stops and resumptions. A command that needs the VM held while
 * it is not yet waits in link.packet; gdb_poll() comes back to it.
 */
#include "core/gdb.h"

#include "core/arch.h"
#include "core/gdb_console.h"
#include "core/gdb_internal.h"
#include "core/inspect.h"
#include "core/log.h"
#include "core/time.h"
#include "lib/string.h"

#define POLL_BYTES   8192            /* in and out, at most, per poll */
#define POLL_BUSY_NS (1 * NS_PER_MS) /* while a debugger talks, or something waits */
#define POLL_IDLE_NS (10 * NS_PER_MS)
#define TALKS_NS     (100 * NS_PER_MS) /* after its last byte */

struct gdb_session gdb;

static void poll_due(struct timer *timer)
{
    (void)timer;
    cpu_kick(this_cpu());
}

static const struct timer_ops poll_ops = {.expire = poll_due};

void gdb_init(void)
{
    gdb_link_init(&gdb.link);
    if (config.gdb_port[0] == '\0')
        return;
    /* On the console's wire the escape character leads to it. */
    gdb.is_open = config.gdb_framed ? config.console_escape != 0 : arch_gdb_port_open(config.gdb_port);
    if (!gdb.is_open) {
        log_warn("gdb=%s: %s", config.gdb_port,
                 config.gdb_framed ? "not with escape=none"
                                   : "this machine has no such port, or the console has it");
        return;
    }
    timer_init(&gdb.timer, &poll_ops);
    log_info("gdb: waiting on %s", config.gdb_port);
}

/* --- The session -------------------------------------------------------------------------------------------
 */

static struct vm *first_vm(void)
{
    for (uint32_t i = 0; i < vm_count; i++)
        if (config.gdb_vm[0] == '\0' || strcmp(vms[i]->config->name, config.gdb_vm) == 0)
            return vms[i];
    return NULL;
}

static void forget_stops(void)
{
    gdb.interrupted = false;
    for (uint32_t i = 0; i < MAX_VCPUS_PER_VM; i++)
        atomic_store_explicit(&gdb.stops[i].kind, 0, memory_order_relaxed);
}

void gdb_choose_vm(struct vm *vm)
{
    gdb.vm = vm;
    gdb.general = NULL;
    gdb.to_continue = NULL;
    gdb.state = GDB_NOBODY;
    forget_stops();
    if (vm == NULL || guest_debug_attach(vm, GUEST_DEBUG_BY_GDB) != 0)
        return;
    gdb.general = vm->vcpus[0];
    gdb.state = GDB_STOPPED;
    guest_debug_hold(vm);
}

void gdb_session_begin(void)
{
    if (gdb.link.no_ack) { /* left behind by one that has gone without a word */
        gdb.link.no_ack = false;
        gdb.link.ack = '+';
    }
    gdb_choose_vm(gdb.vm != NULL ? gdb.vm : first_vm());
}

void gdb_session_end(void)
{
    if (gdb.state != GDB_NOBODY)
        guest_debug_detach(gdb.vm, GUEST_DEBUG_BY_GDB);
    gdb.state = GDB_NOBODY;
    gdb.vm = NULL;
    forget_stops();
}

bool gdb_take_thread(const char **at, struct vcpu **vcpu)
{
    uint64_t number;

    *vcpu = NULL;
    if (gdb_take_text(at, "-1"))
        return true;
    if (!gdb_take_number(at, &number) || number > gdb.vm->vcpu_count)
        return false;
    *vcpu = number == 0 ? gdb.general : gdb.vm->vcpus[number - 1];
    return true;
}

/* --- Stops
 * --------------------------------------------------------------------------------------------------- */

static void note_stop(struct vm *vm, const struct guest_debug_stop *stop)
{
    struct gdb_stop *slot = &gdb.stops[stop->vcpu->id];

    if (vm != gdb.vm)
        return;
    slot->at = stop->at.v;
    /* Pairs with the exchange in take_stop(). */
    atomic_store_explicit(&slot->kind, (uint8_t)(stop->kind + 1), memory_order_release);
    cpu_kick(cpus[0]);
}

const struct guest_debug_listener gdb_listener = {.stopped = note_stop};

static bool has_stop(void)
{
    for (uint32_t i = 0; i < gdb.vm->vcpu_count; i++)
        if (atomic_load_explicit(&gdb.stops[i].kind, memory_order_relaxed) != 0)
            return true;
    return false;
}

/* The kind of the first stop not reported yet, its vCPU into gdb.general; -1: there is none. */
static int take_stop(uint64_t *at)
{
    for (uint32_t i = 0; i < gdb.vm->vcpu_count; i++) {
        uint8_t kind = atomic_exchange_explicit(&gdb.stops[i].kind, 0, memory_order_acquire);

        if (kind == 0)
            continue;
        *at = gdb.stops[i].at;
        gdb.general = gdb.vm->vcpus[i];
        return kind - 1;
    }
    return -1;
}

void gdb_reply_stop(void)
{
    static const char *const words[GUEST_DEBUG_KINDS] = {
        [GUEST_DEBUG_SOFT] = "swbreak:", [GUEST_DEBUG_EXEC] = "hwbreak:",  [GUEST_DEBUG_WRITE] = "watch:",
        [GUEST_DEBUG_READ] = "rwatch:",  [GUEST_DEBUG_ACCESS] = "awatch:",
    };
    struct gdb_link *link = &gdb.link;
    uint64_t at = 0;
    int kind = take_stop(&at);

    gdb_reply_begin(link);
    gdb_reply_text(link, kind < 0 && gdb.interrupted ? "T02" : "T05");
    if (kind >= GUEST_DEBUG_WRITE && kind < GUEST_DEBUG_KINDS) {
        gdb_reply_text(link, words[kind]);
        gdb_reply_number(link, at);
        gdb_reply_char(link, ';');
    } else if (kind >= 0 && kind < GUEST_DEBUG_WRITE && gdb.tells_breaks) {
        gdb_reply_text(link, words[kind]);
        gdb_reply_char(link, ';');
    }
    gdb_reply_text(link, "thread:");
    gdb_reply_number(link, gdb.general->id + 1);
    gdb_reply_char(link, ';');
    gdb_reply_end(link);
    gdb.interrupted = false;
    gdb.state = GDB_STOPPED;
}

void gdb_run(uint64_t run, uint64_t stepping)
{
    if (stepping != 0 && arch_guest_debug_most(GUEST_DEBUG_STEP) == 0) {
        gdb_reply(GDB_EPERM);
        return;
    }
    if (has_stop()) { /* two had stopped at once, and one was told of */
        gdb_reply_stop();
        return;
    }
    gdb.state = GDB_RUNNING;
    for (uint32_t i = 0; i < gdb.vm->vcpu_count; i++)
        if ((run & BIT(i)) != 0)
            guest_debug_resume(gdb.vm->vcpus[i], (stepping & BIT(i)) != 0);
}

/* The VM has ended for good, or stands where the debugger wants to see it. */
static void look_at_vm(void)
{
    if (gdb.state != GDB_RUNNING)
        return;
    if (atomic_load(&gdb.vm->state) == VM_ENDED && gdb.vm->settled && !gdb.vm->restart.due) {
        gdb_session_end();
        gdb_reply("W00");
        return;
    }
    if (gdb.interrupted || has_stop()) {
        guest_debug_hold(gdb.vm);
        if (vm_is_held(gdb.vm))
            gdb_reply_stop();
    }
}

/* --- The port ---------------------------------------------------------------------------------------------
 */

/* True once nothing is left to be sent. */
static bool send_all(uint32_t *budget)
{
    uint8_t byte;

    while (gdb_link_peek(&gdb.link, &byte)) {
        if (config.gdb_framed && *budget != 0) {
            if (!gdb_console_send(&gdb.link, budget))
                return false;
            continue;
        }
        if (*budget == 0 || !arch_gdb_tx(byte))
            return false;
        gdb_link_sent(&gdb.link);
        (*budget)--;
    }
    return true;
}

/* A packet is there. False: it waits for the VM. */
static bool answer(void)
{
    if (gdb.state == GDB_RUNNING) { /* it should have waited for a stop */
        gdb_reply(GDB_EPERM);
        return true;
    }
    if (gdb.state != GDB_NOBODY && !vm_is_held(gdb.vm))
        return false;
    gdb_command();
    return true;
}

static void take_byte(uint8_t byte)
{
    enum gdb_event event = gdb_link_receive(&gdb.link, byte);

    if (event == GDB_INTERRUPT && gdb.state == GDB_RUNNING)
        gdb.interrupted = true;
    if (event != GDB_PACKET)
        return;
    if (str_starts((const char *)gdb.link.packet, "qSupported"))
        gdb_session_begin();
    gdb.deferred = !answer();
}

void gdb_poll(void)
{
    uint32_t budget = POLL_BYTES;
    bool sent = true;
    uint64_t now, deadline;
    uint8_t byte;

    if (LIKELY(!gdb.is_open))
        return;
    now = time_now_ns();
    if (gdb.deferred)
        gdb.deferred = !answer();
    look_at_vm();
    while (!gdb.deferred && budget != 0) {
        sent = send_all(&budget);
        if (!sent || budget == 0 || !(config.gdb_framed ? gdb_console_rx(&byte) : arch_gdb_rx(&byte)))
            break;
        budget--;
        gdb.heard_ns = now;
        take_byte(byte);
    }
    deadline = now + (gdb.deferred || !sent || now - gdb.heard_ns < TALKS_NS ? POLL_BUSY_NS : POLL_IDLE_NS);
    if (!timer_is_armed(&gdb.timer) || gdb.timer.deadline_ns > deadline)
        timer_arm(&gdb.timer, deadline);
}
