/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. One CPU owns it; the others wait in shell_emergency_nmi() and show themselves when told to.
 * What is read may be in the middle of a change: single words, each right for itself. Every wait for another
 * CPU has an end.
 */
#include "core/shell_emergency.h"

#include "core/config.h"
#include "core/console_internal.h"
#include "core/panic.h"
#include "core/shell_internal.h"
#include "core/time.h"
#include "core/trace.h"
#include "lib/assert.h"
#include "lib/printf.h"
#include "lib/string.h"

#define ANSWER_NS  (100 * NS_PER_MS) /* for another CPU to stop, or to show itself */
#define LATE_NS    (1 * NS_PER_MS)   /* an NMI so soon after it on that CPU had waited in the CPU */
#define STALE_NS   (1 * NS_PER_SEC)  /* a boot CPU that has not polled for so long is stuck */
#define WATCH_NS   (NS_PER_SEC / 2)
#define LISTEN_NS  (10 * NS_PER_MS)
#define LOCK_TRIES 10000
#define KEPT       64
#define TRACES     16
#define LOG_TAIL   1600
#define CTRL_C     0x03
#define BACKSPACE  0x08
#define DELETE     0x7f

static _Atomic uint32_t owner;          /* CPU number + 1; 0: closed. The owner's to write */
static _Atomic uint32_t speaker;        /* CPU number + 1 that is to show itself; it takes that back */
static _Atomic bool asked;              /* the next NMI opens it */
static _Atomic uint32_t turn;           /* counts how often it was opened */
static _Atomic uint32_t here[MAX_CPUS]; /* the turn in which that CPU stands still; its own to write */
static uint64_t left_ns[MAX_CPUS];      /* when that CPU went on; its own */
static const void *registers;           /* the owner's */
static struct shell_job job;            /* the owner's */

/* Bytes read in the boot CPU's place: one writer at a time (`reading`), the boot CPU takes them; the last may
 * be an escape character whose key has not come (`escaped`). */
static _Atomic bool reading;
static _Atomic bool escaped;
static _Atomic uint32_t kept_head, kept_tail;
static uint8_t kept[KEPT];

bool shell_emergency_is_open(void)
{
    return atomic_load_explicit(&owner, memory_order_acquire) != 0;
}

/* --- The CPUs that stand still ----------------------------------------------------------------------------
 */

static bool is_here(uint32_t cpu)
{
    return atomic_load_explicit(&here[cpu], memory_order_acquire) == turn;
}

static void show_cpu(uint32_t id, const char *state)
{
    const struct vcpu *vcpu = cpus[id]->current;

    if (vcpu == NULL)
        shell_print("cpu %u: %s, no vCPU loaded", id, state);
    else
        shell_print("cpu %u: %s, vm %s vcpu %u loaded", id, state, vcpu->vm->config->name, vcpu->id);
}

static void show_self(const void *frame)
{
    show_cpu(this_cpu()->id, "stands still");
    arch_emergency_registers(frame);
}

static void join(const void *frame)
{
    uint32_t self = this_cpu()->id;

    while (shell_emergency_is_open()) {
        if (panic_active())
            arch_panic_halt();
        atomic_store_explicit(&here[self], turn, memory_order_release);
        if (atomic_load_explicit(&speaker, memory_order_acquire) == self + 1) {
            show_self(frame);
            atomic_store_explicit(&speaker, 0, memory_order_release);
        }
        arch_cpu_relax();
    }
}

/* Until all others stand still, or long enough. */
static uint32_t stop_others(void)
{
    uint64_t since = time_now_ns();
    uint32_t count;

    arch_panic_stop_others();
    do {
        count = 1;
        for (uint32_t i = 0; i < cpu_count; i++)
            count += i != this_cpu()->id && is_here(i);
        arch_cpu_relax();
    } while (count < cpu_count && time_now_ns() - since < ANSWER_NS);
    return count;
}

/* --- Its own commands -------------------------------------------------------------------------------------
 */

static void show_cpus(void)
{
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t since = time_now_ns();

        if (i == this_cpu()->id) {
            show_self(registers);
            continue;
        }
        if (is_here(i))
            atomic_store_explicit(&speaker, i + 1, memory_order_release);
        else
            show_cpu(i, "does not answer");
        /* Its output takes the wire's time: as long as it is at it. */
        while (atomic_load_explicit(&speaker, memory_order_acquire) != 0 &&
               time_now_ns() - since < 100 * ANSWER_NS)
            arch_cpu_relax();
        atomic_store_explicit(&speaker, 0, memory_order_relaxed);
    }
}

static uint32_t show_lock(const char *what, uint32_t number, const struct spinlock *lock)
{
    uint32_t tickets = lock->next - lock->serving;

    if (tickets != 0)
        shell_print("%s %u: held, %u wait for it", what, number, tickets - 1);
    return tickets != 0;
}

/* A ticket lock does not know its holder; who waits, and where from, the backtraces tell. */
static void show_locks(void)
{
    uint32_t held = show_lock("console", 0, &console_guard);

    for (uint32_t i = 0; i < cpu_count; i++) {
        held += show_lock("run queue of cpu", i, &cpus[i]->queue.lock);
        held += show_lock("timers of cpu", i, &cpus[i]->timer_lock);
        if (cpus[i]->locks_held != 0)
            shell_print("cpu %u holds ranks 0x%x", i, cpus[i]->locks_held);
    }
    for (uint32_t i = 0; i < vm_count; i++)
        held += show_lock("devices of vm", i, &vms[i]->dev_lock);
    if (held == 0)
        shell_print("none is held: console, run queues, timers, devices");
}

/* What Latch has said last: the ring keeps it until it comes round. */
static void show_log(void)
{
    const struct byte_ring *ring = &console.mux.sources[CONSOLE_LATCH].ring;
    uint32_t at = ring->tail - (uint32_t)min_u64(min_u64(ring->tail, LOG_TAIL), (uint64_t)ring->mask + 1);
    char line[SHELL_LINE / 2];
    uint32_t length = 0;

    for (; at != ring->tail; at++) {
        char c = (char)ring->bytes[at & ring->mask];

        if (c != '\n' && length < sizeof(line) - 1) {
            line[length++] = c;
            continue;
        }
        line[length] = '\0';
        shell_print("| %s", line); /* scripts take it for no new record */
        length = 0;
    }
}

static void show_traces(void)
{
    char line[TRACE_LINE_SIZE];

    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t end = trace_end(i);

        for (uint64_t n = end > TRACES ? end - TRACES : 0; n < end; n++)
            if (trace_line(i, n, line, sizeof(line)))
                shell_print("%s", line);
    }
}

static void show_help(void)
{
    shell_print("cpus locks log trace continue reboot panic");
    for (uint32_t i = 0; i < shell_command_count; i++)
        if ((shell_commands[i].flags & SHELL_EMERGENCY) != 0)
            shell_print("%s %s", shell_commands[i].name, shell_commands[i].usage);
}

/* A command of the table that neither holds nor locks, in one go; Ctrl-C ends it. */
static void run_shared(const char *line)
{
    char complaint[160];
    const char *wrong = shell_parse(&job, line, complaint, sizeof(complaint));
    enum shell_step step = SHELL_MORE;
    uint8_t byte;

    if (wrong != NULL)
        shell_print("%s", wrong);
    if (wrong != NULL || job.command == NULL)
        return;
    if ((job.command->flags & SHELL_EMERGENCY) == 0 ||
        ((job.command->flags & SHELL_HOLD) != 0 && !job.is_host)) {
        shell_print("not while Latch stands still: try help");
        return;
    }
    while (step == SHELL_MORE || step == SHELL_WAIT) {
        step = job.command->run(&job);
        if (arch_console_rx(&byte) && byte == CTRL_C)
            return;
    }
    if (step == SHELL_USAGE)
        shell_print("usage: %s %s", job.command->name, job.command->usage);
}

struct emergency_command {
    const char *name;
    void (*run)(void);
};

static const struct emergency_command own[] = {
    {"help", show_help}, {"cpus", show_cpus},    {"locks", show_locks},
    {"log", show_log},   {"trace", show_traces}, {"reboot", arch_machine_reset},
};

/* False: the machine goes on. */
static bool run(const char *line)
{
    if (strcmp(line, "continue") == 0)
        return false;
    if (strcmp(line, "panic") == 0)
        panic("asked for in the emergency shell");
    for (uint32_t i = 0; i < ARRAY_COUNT(own); i++) {
        if (strcmp(line, own[i].name) == 0) {
            own[i].run();
            return true;
        }
    }
    run_shared(line);
    return true;
}

/* --- The shell --------------------------------------------------------------------------------------------
 */

static void put(const char *text)
{
    while (*text != '\0')
        arch_panic_putc((uint8_t)*text++);
}

static void read_line(char line[LINE_SIZE])
{
    uint32_t length = 0;
    uint8_t byte = 0;

    put("emergency> ");
    for (;;) {
        if (!arch_console_rx(&byte)) {
            arch_cpu_relax();
        } else if (byte == '\r' || byte == '\n') {
            break;
        } else if (byte == CTRL_C) {
            length = 0;
            put("^C\r\nemergency> ");
        } else if ((byte == BACKSPACE || byte == DELETE) && length != 0) {
            length--;
            put("\b \b");
        } else if (byte >= ' ' && byte < DELETE && length < LINE_SIZE - 1) {
            line[length++] = (char)byte;
            arch_panic_putc(byte);
        }
    }
    line[length] = '\0';
    put("\r\n");
}

static void converse(void)
{
    static char line[LINE_SIZE];
    uint32_t stopped = stop_others();

    put("\r\n");
    shell_print("latch: emergency shell on CPU %u, %u of %u CPUs stand still; help, continue", this_cpu()->id,
                stopped, cpu_count);
    do
        read_line(line);
    while (run(line));
}

/* Somebody's line has been ended past the console. Where its lock is another's: at worst a line gets its tag
 * once more. */
static void begin_anew(void)
{
    struct console_mux *mux = &console.mux;

    mux->shell_broken = mux->foreground == CONSOLE_SHELL;
    if (mux->stage_at != mux->stage_end)
        mux->stage_at = 0;
    else
        mux->owner = CONSOLE_NOBODY;
}

void shell_emergency_enter(const void *frame)
{
    uint32_t nobody = 0;

    if (!arch_console_present() || panic_active())
        return;
    if (atomic_compare_exchange_strong(&owner, &nobody, this_cpu()->id + 1)) {
        atomic_fetch_add(&turn, 1);
        registers = frame;
        shell_set_direct(true);
        converse();
        shell_set_direct(false);
        begin_anew();
        atomic_store(&owner, 0);
    } else {
        join(frame);
    }
    left_ns[this_cpu()->id] = time_now_ns();
}

bool shell_emergency_nmi(const void *frame)
{
    uint64_t left = left_ns[this_cpu()->id];

    if (shell_emergency_is_open() || atomic_exchange_explicit(&asked, false, memory_order_relaxed)) {
        shell_emergency_enter(frame);
        return true;
    }
    /* One that waited in the CPU while it stood still: the owner's, or a button pressed once more. */
    return left != 0 && time_now_ns() - left < LATE_NS;
}

void shell_emergency_ask(void)
{
    atomic_store(&asked, true);
    if (arch_cpu_nmi(this_cpu()))
        return;
    atomic_store(&asked, false);
    shell_emergency_enter(NULL);
}

/* --- In the boot CPU's place ------------------------------------------------------------------------------
 */

static void keep(uint8_t byte)
{
    uint32_t tail = atomic_load_explicit(&kept_tail, memory_order_relaxed);

    kept[tail % KEPT] = byte;
    atomic_store_explicit(&kept_tail, tail + 1, memory_order_release);
}

bool shell_emergency_rx(uint8_t *byte)
{
    uint32_t head = atomic_load_explicit(&kept_head, memory_order_relaxed);

    if (LIKELY(head == atomic_load_explicit(&kept_tail, memory_order_acquire))) {
        if (atomic_load_explicit(&reading, memory_order_acquire))
            return false;
        *byte = config.console_escape;
        return atomic_exchange_explicit(&escaped, false, memory_order_relaxed) || arch_console_rx(byte);
    }
    *byte = kept[head % KEPT];
    atomic_store_explicit(&kept_head, head + 1, memory_order_release);
    return true;
}

/* Once for each time that it is stuck; if not with the console's lock, then without. */
static void tell(uint64_t polled, uint64_t now)
{
    static uint64_t told; /* with `reading` */
    char line[96];
    bool is_locked = false;

    if (told == polled)
        return;
    told = polled;
    for (uint32_t i = 0; i < LOCK_TRIES && !is_locked; i++)
        is_locked = spin_try_lock(&console_guard);
    fmt_snprintf(line, sizeof(line),
                 "\r\nlatch: CPU 0 is stuck for %lu ms; escape ! opens the emergency shell\r\n",
                 (now - polled) / NS_PER_MS);
    put(line);
    if (!is_locked)
        return;
    begin_anew();
    spin_unlock(&console_guard);
}

/* What comes is kept for the boot CPU, except the one command that this is about. */
static void listen(uint64_t polled, uint64_t now)
{
    uint8_t byte;

    if (atomic_exchange_explicit(&reading, true, memory_order_acquire))
        return;
    while (kept_tail - kept_head < KEPT - 2 && arch_console_rx(&byte)) {
        bool escape = atomic_exchange_explicit(&escaped, false, memory_order_relaxed);
        bool is_escape = byte == config.console_escape && byte != 0;

        tell(polled, now);
        if (escape && byte == '!') {
            shell_emergency_ask();
        } else if (escape || !is_escape) {
            if (escape)
                keep(config.console_escape);
            keep(byte);
        } else {
            atomic_store_explicit(&escaped, true, memory_order_relaxed);
        }
    }
    atomic_store_explicit(&reading, false, memory_order_release);
}

static void look(struct timer *timer)
{
    uint64_t now = time_now_ns();
    uint64_t polled = atomic_load_explicit(&console.polled_ns, memory_order_relaxed);
    bool stuck = polled != 0 && now > polled && now - polled > STALE_NS;

    if (stuck)
        listen(polled, now);
    timer_arm(timer, now + (stuck ? LISTEN_NS : WATCH_NS));
}

static const struct timer_ops watch_ops = {.expire = look};

void shell_emergency_watch(struct cpu *cpu, struct timer *timer)
{
    timer_init(timer, &watch_ops);
    if (cpu->id != 0)
        timer_arm(timer, time_now_ns() + WATCH_NS);
}

/* Until it has been opened and left. */
void shell_emergency_provoke(void)
{
    uint32_t before = turn;

    console_lock();
    put("latch: CPU 0 spins now, with the console's lock\r\n");
    while (turn == before || shell_emergency_is_open())
        arch_cpu_relax();
    console_unlock();
}
