/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for a Linux guest with several CPUs: makes the interrupts that only such guests have, and checks
 * that none is lost. A lost one shows as a hang or as a wrong count, never as a slow run. One thread on each
 * CPU that is online, bound to it from the first line on ("load: KIND runs..."); the last line of a run is
 * "load: KIND ok: ...".
 *
 *   load ipi N      N rounds a thread: a barrier on all CPUs (an IPI to each), then a page of all threads
 *                   loses and gains its right to be written (TLB shoot-down on each), checked by writing it
 *   load timers N   N sleeps of 1 ms a thread to an absolute time: the local timer of every CPU
 *   load wake N     N times round a ring of all threads by futex: a wake-up from CPU to CPU each
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define PAGE        4096

struct worker {
    pthread_t thread;
    unsigned int index;
    unsigned int cpu;
    unsigned long done;
};

static struct worker workers[MAX_THREADS];
static unsigned int worker_count;
static unsigned long rounds;
static pthread_barrier_t start_line;

static void fail(const char *what)
{
    printf("load: FAILED: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(const struct worker *worker)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(worker->cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        fail("binding a thread to its CPU");
}

/* Interrupts between CPUs. */

static char *shared_pages; /* one a worker, written to by all */
static __thread unsigned long fault_count;
static __thread sigjmp_buf after_fault;

static void on_fault(int number)
{
    (void)number;
    fault_count++;
    siglongjmp(after_fault, 1);
}

static volatile unsigned long *page_of(unsigned int index)
{
    return (volatile unsigned long *)(shared_pages + index * PAGE);
}

static void write_to(unsigned int index, unsigned long value)
{
    if (sigsetjmp(after_fault, 1) == 0)
        *page_of(index) = value;
}

/* Nobody may write to the page now: neither this CPU nor one that has kept a translation. */
static void check_read_only(unsigned int index)
{
    unsigned long faults = fault_count;
    unsigned long value = *page_of(index);

    write_to(index, value + 1);
    errno = 0;
    if (fault_count == faults)
        fail("this CPU wrote to a page after the right to was taken");
    for (unsigned int i = 0; i < 100; i++)
        if (*page_of(index) != value)
            fail("another CPU wrote to a page after the right to was taken");
}

static void *ipi_worker(void *argument)
{
    struct worker *worker = argument;
    void *own = shared_pages + worker->index * PAGE;

    pin(worker);
    pthread_barrier_wait(&start_line);
    for (unsigned long i = 0; i < rounds; i++) {
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
            fail("membarrier");
        /* So that every CPU has every page in its TLB. */
        for (unsigned int other = 0; other < worker_count; other++)
            write_to(other, i * MAX_THREADS + worker->index);
        if (mprotect(own, PAGE, PROT_READ) != 0)
            fail("mprotect");
        check_read_only(worker->index);
        if (mprotect(own, PAGE, PROT_READ | PROT_WRITE) != 0)
            fail("mprotect");
        worker->done++;
    }
    return NULL;
}

static void ipi_prepare(void)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

    if (sigaction(SIGSEGV, &action, NULL) != 0)
        fail("sigaction");
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
        fail("registering for membarrier");
    shared_pages = mmap(NULL, MAX_THREADS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shared_pages == MAP_FAILED)
        fail("mmap");
}

/* Local timers. */

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void *timer_worker(void *argument)
{
    struct worker *worker = argument;

    pin(worker);
    pthread_barrier_wait(&start_line);
    for (unsigned long i = 0; i < rounds; i++) {
        struct timespec due;
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &due);
        due.tv_nsec += 1000000;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
            fail("clock_nanosleep");
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (is_before(&now, &due)) {
            errno = 0;
            fail("a sleep ended before its time");
        }
        worker->done++;
    }
    return NULL;
}

static void nothing_to_prepare(void)
{
}

/* Wake-ups: a token goes round; who has passed it on sleeps until it is back. */

static _Atomic unsigned int token;

static long futex(_Atomic unsigned int *word, int operation, unsigned int value)
{
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void *wake_worker(void *argument)
{
    struct worker *worker = argument;

    pin(worker);
    pthread_barrier_wait(&start_line);
    while (worker->done < rounds) {
        unsigned int seen = atomic_load(&token);

        if (seen % worker_count != worker->index) {
            (void)futex(&token, FUTEX_WAIT_PRIVATE, seen);
            continue;
        }
        worker->done++;
        atomic_store(&token, seen + 1);
        (void)futex(&token, FUTEX_WAKE_PRIVATE, MAX_THREADS);
    }
    return NULL;
}

static const struct kind {
    const char *name;
    void (*prepare)(void);
    void *(*work)(void *argument);
} kinds[] = {
    {"ipi", ipi_prepare, ipi_worker},
    {"timers", nothing_to_prepare, timer_worker},
    {"wake", nothing_to_prepare, wake_worker},
};

static void run(const struct kind *kind)
{
    cpu_set_t online;
    unsigned long sum = 0;

    if (sched_getaffinity(0, sizeof(online), &online) != 0)
        fail("sched_getaffinity");
    for (unsigned int cpu = 0; cpu < CPU_SETSIZE && worker_count < MAX_THREADS; cpu++)
        if (CPU_ISSET(cpu, &online)) {
            workers[worker_count].index = worker_count;
            workers[worker_count++].cpu = cpu;
        }
    kind->prepare();
    pthread_barrier_init(&start_line, NULL, worker_count + 1);
    for (unsigned int i = 0; i < worker_count; i++)
        if ((errno = pthread_create(&workers[i].thread, NULL, kind->work, &workers[i])) != 0)
            fail("pthread_create");
    pthread_barrier_wait(&start_line);
    printf("load: %s runs on %u CPUs\n", kind->name, worker_count);
    fflush(stdout);
    for (unsigned int i = 0; i < worker_count; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].done;
    }
    if (sum != rounds * worker_count) {
        errno = 0;
        fail("rounds are missing");
    }
    printf("load: %s ok: %lu rounds on %u CPUs\n", kind->name, sum, worker_count);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        rounds = strtoul(argv[2], NULL, 10);
    for (unsigned int i = 0; rounds != 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(argv[1], kinds[i].name) == 0) {
            run(&kinds[i]);
            return 0;
        }
    printf("usage: load ipi|timers|wake ROUNDS\n");
    return 2;
}
