/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC of one vCPU. Belongs to the CPU that owns the vCPU; others only touch what `posted` and
 * `route` hold, with atomics: no lock is taken to send or to receive. All vlapic_ functions are for the owner
 * unless they say "any CPU".
 *
 * Posting writes, in this order: trigger mode, request bit, `outstanding`, inject's word, vcpu_request(). The
 * owner clears in the opposite order (request, inject's word, `outstanding`, bits), so that what is posted in
 * between is seen by the next round. Pairs: fetch_or in vlapic_post() with exchange in vlapic_fold().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/vlapic_regs.h"
#include "core/timer.h"
#include "lib/addr.h"
#include "lib/bits.h"
#include "lib/error.h"

#define VLAPIC_WORDS 4 /* of 64 vectors */
#define VLAPIC_LVTS  6 /* timer, thermal, performance, LINT0, LINT1, error */

enum vlapic_lvt {
    VLAPIC_TIMER,
    VLAPIC_THERM,
    VLAPIC_PERF,
    VLAPIC_LINT0,
    VLAPIC_LINT1,
    VLAPIC_ERROR,
};

struct vcpu;
struct apic_bus;

/* Bits of posted.outstanding: words 0..3 of the request bits, then what is not a vector. */
#define VLAPIC_OUT_WORDS  UINT32_C(0x0f)
#define VLAPIC_OUT_LINT0  UINT32_C(0x10) /* rising edge at the pin, LVT to be looked at */
#define VLAPIC_OUT_LINT1  UINT32_C(0x20)
#define VLAPIC_OUT_ERROR  UINT32_C(0x40)  /* an error was logged from outside */
#define VLAPIC_OUT_EXTINT UINT32_C(0x80)  /* a message said "ask the PIC" */
#define VLAPIC_OUT_TIMER  UINT32_C(0x100) /* the host's timer has gone off: see what is due */

/* Written by anyone. On cache lines of its own. */
struct vlapic_posted {
    _Atomic uint64_t request[VLAPIC_WORDS];
    _Atomic uint64_t level[VLAPIC_WORDS]; /* trigger mode of the last post of each vector */
    _Atomic uint32_t outstanding;         /* VLAPIC_OUT_* and words that may have requests */
    _Atomic uint32_t error;               /* ESR bits logged since the last write of ESR */
    _Atomic uint32_t start;               /* VLAPIC_START_* */
    _Atomic uint64_t posted_count;        /* interrupts sent here and not refused */
    _Atomic uint64_t collapsed_count;     /* of those: the request bit was set already */
} __attribute__((aligned(64)));

/* What vlapic_take_start() returns: INIT first, then start-up if its bit is set too. 0: nothing. */
#define VLAPIC_START_VECTOR UINT32_C(0xff)
#define VLAPIC_START_INIT   (UINT32_C(1) << 8)
#define VLAPIC_START_SIPI   (UINT32_C(1) << 9)

/* `route`: what senders must know, in one word that the owner publishes whole. */
#define VLAPIC_ROUTE_ID      FIELD(31, 0)
#define VLAPIC_ROUTE_LDR     FIELD(39, 32) /* xAPIC; x2APIC's follows from the ID */
#define VLAPIC_ROUTE_ENABLED BIT(40)       /* IA32_APIC_BASE.EN */
#define VLAPIC_ROUTE_SOFT    BIT(41)       /* SVR bit 8: takes fixed and lowest-priority interrupts */
#define VLAPIC_ROUTE_X2APIC  BIT(42)
#define VLAPIC_ROUTE_CLUSTER BIT(43) /* DFR */
#define VLAPIC_ROUTE_LINT0   BIT(44) /* LVT LINT0 is not masked, or the APIC is off: wants the PIC's edges */

/* posted = collapsed (both kinds) + delivered + dropped + pending; see vlapic_books_balance(). */
struct vlapic_books {
    uint64_t accepted_count;   /* moved into an empty IRR bit */
    uint64_t collapsed_count;  /* IRR bit was set already */
    uint64_t delivered_count;  /* taken into service */
    uint64_t dropped_count;    /* in IRR or posted when the APIC was reset or turned off */
    uint64_t timer_late_count; /* periods of the timer that passed while the host was late; never posted */
};

struct vlapic_timer {
    struct timer timer;
    uint64_t start_ns;     /* when the counter held start_count */
    uint32_t start_count;  /* 0: stopped */
    uint32_t initial;      /* initial count register */
    uint32_t divide;       /* divide configuration register */
    uint8_t shift;         /* log2 of the divisor */
    uint64_t next_ns;      /* expiry not yet acted on, UINT64_MAX: none */
    uint64_t tsc_deadline; /* guest TSC, 0: none */
};

struct vlapic {
    /* The entry path reads these. */
    int16_t irr_top;     /* highest request, -1: none */
    int16_t isr_top;     /* highest in service, -1: none */
    _Atomic uint8_t ppr; /* processor priority; senders of lowest-priority messages read it */
    uint8_t tpr;
    bool extint; /* a message asked for a PIC cycle */
    gpa_t mmio;  /* page of the registers, UINT64_MAX: none (off, or x2APIC) */
    struct vcpu *vcpu;
    struct apic_bus *bus;
    uint64_t irr[VLAPIC_WORDS];
    uint64_t isr[VLAPIC_WORDS];
    uint64_t tmr[VLAPIC_WORDS];
    uint64_t base; /* IA32_APIC_BASE */
    uint64_t icr;
    uint32_t svr;
    uint32_t ldr; /* xAPIC */
    uint32_t dfr; /* xAPIC, model in the low 4 bits */
    uint32_t esr; /* what reads give; new errors wait in posted.error */
    uint32_t lvt[VLAPIC_LVTS];
    struct vlapic_timer timer;
    struct vlapic_books books;
    _Atomic uint64_t route;
    struct vlapic_posted posted;
};

/* Power-on state: enabled by IA32_APIC_BASE, disabled by SVR. APIC ID is the vCPU's number. */
void vlapic_init(struct vlapic *vl, struct apic_bus *bus, struct vcpu *vcpu);

/* Reset line or INIT; INIT keeps IA32_APIC_BASE (and with it the mode) and the ID. Timer stopped. */
void vlapic_reset(struct vlapic *vl, bool init);

/* What firmware leaves on the boot CPU: SVR on, LINT0 = ExtINT ("virtual wire"), LINT1 = NMI. */
void vlapic_firmware_setup(struct vlapic *vl);

/* --- Sending to this APIC: any CPU -------------------------------------------------------------------------
 */

/* A fixed interrupt. False: APIC off, software-disabled, or vector illegal (logged in its ESR). */
bool vlapic_post(struct vlapic *vl, uint8_t vector, bool level);

/* Pins and the rest; `out` is one of VLAPIC_OUT_LINT0, _LINT1, _EXTINT, _TIMER. */
void vlapic_post_pin(struct vlapic *vl, uint32_t out);

/* INIT, or start-up with its vector. A start-up for a CPU that does not wait for one is the owner's to
 * ignore. */
void vlapic_post_init(struct vlapic *vl);
void vlapic_post_sipi(struct vlapic *vl, uint8_t vector);

/* --- The run loop
 * ------------------------------------------------------------------------------------------- */

/* Moves everything posted into IRR and acts on pins and errors. */
void vlapic_fold(struct vlapic *vl);

static inline void vlapic_sync(struct vlapic *vl)
{
    if (UNLIKELY(atomic_load_explicit(&vl->posted.outstanding, memory_order_relaxed) != 0))
        vlapic_fold(vl);
}

/* The highest vector that the priority registers let through now, -1: none. */
static inline int vlapic_deliverable(struct vlapic *vl)
{
    vlapic_sync(vl);
    return (vl->irr_top >> 4) > (atomic_load_explicit(&vl->ppr, memory_order_relaxed) >> 4) ? vl->irr_top
                                                                                            : -1;
}

/* A request is waiting that a lower TPR would let through. */
static inline bool vlapic_has_masked_by_tpr(const struct vlapic *vl)
{
    return vl->irr_top >= 0 && (vl->irr_top >> 4) <= (vl->tpr >> 4) &&
           (vl->irr_top >> 4) > (vl->isr_top >> 4);
}

/* A request is waiting, deliverable or not. */
static inline bool vlapic_has_request(const struct vlapic *vl)
{
    return vl->irr_top >= 0;
}

/* The CPU takes `vector`, which vlapic_deliverable() returned since the last change: IRR to ISR. */
void vlapic_ack(struct vlapic *vl, uint8_t vector);

void vlapic_eoi(struct vlapic *vl);

static inline void vlapic_update_ppr(struct vlapic *vl)
{
    unsigned int isrv = vl->isr_top < 0 ? 0 : (unsigned int)vl->isr_top & 0xf0;
    unsigned int ppr = (vl->tpr & 0xf0u) >= isrv ? vl->tpr : isrv;

    atomic_store_explicit(&vl->ppr, (uint8_t)ppr, memory_order_relaxed);
}

static inline uint8_t vlapic_get_tpr(const struct vlapic *vl)
{
    return vl->tpr;
}

/* Tells the injection scheduler that vlapic_deliverable() has something. */
void vlapic_notify(struct vlapic *vl);

/* Something was lowered: if that lets a request through, the injection scheduler hears of it. */
static inline void vlapic_recheck(struct vlapic *vl)
{
    if ((vl->irr_top >> 4) > (atomic_load_explicit(&vl->ppr, memory_order_relaxed) >> 4))
        vlapic_notify(vl);
}

/* For CR8 writes (value << 4) and for back ends that keep TPR in hardware. */
static inline void vlapic_set_tpr(struct vlapic *vl, uint8_t tpr)
{
    vl->tpr = tpr;
    vlapic_update_ppr(vl);
    vlapic_recheck(vl);
}

/* INIT/SIPI waiting (VCPU_REQ_INIT): VLAPIC_START_*; clears it. */
static inline uint32_t vlapic_take_start(struct vlapic *vl)
{
    return atomic_exchange_explicit(&vl->posted.start, 0, memory_order_acq_rel);
}

/* The timer's LVT entry has its event, which is always of fixed delivery. Owner. */
void vlapic_timer_event(struct vlapic *vl);

/* Another LVT entry's event happened on this CPU: performance counter, thermal sensor, pins, errors. */
void vlapic_local_event(struct vlapic *vl, enum vlapic_lvt which);

/* Does a raised PIC output reach this CPU's INTR (LINT0 as ExtINT, or APIC off)? */
bool vlapic_takes_extint(const struct vlapic *vl);

/* --- Guest accesses
 * ----------------------------------------------------------------------------------------- */

/* Is this guest physical address in the register page now? */
static inline bool vlapic_covers(const struct vlapic *vl, gpa_t at)
{
    return align_down(at.v, APIC_SIZE) == vl->mmio.v;
}

/* Offsets 0..0xfff. Only 4-byte writes at multiples of 16 act; reads of 1, 2, 4 bytes inside a register's low
 * four. */
uint64_t vlapic_mmio_read(struct vlapic *vl, uint32_t offset, unsigned int size);
void vlapic_mmio_write(struct vlapic *vl, uint32_t offset, unsigned int size, uint64_t value);
/* What the second does for APIC_ICR_LOW: it sends. */
void vlapic_write_icr_low(struct vlapic *vl, uint32_t value);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC's. 0, or E_INVAL: #GP, nothing changed. */
MUST_CHECK int vlapic_msr_read(struct vlapic *vl, uint32_t msr, uint64_t *value);
MUST_CHECK int vlapic_msr_write(struct vlapic *vl, uint32_t msr, uint64_t value);

/* The guest has set its TSC: a deadline in its terms is at another time now. */
void vlapic_tsc_changed(struct vlapic *vl);

/* CPUID.1:EDX.APIC as the guest is to see it. */
static inline bool vlapic_is_enabled(const struct vlapic *vl)
{
    return (vl->base & APIC_BASE_ENABLE) != 0;
}

/*
 * The vCPU has come from another physical CPU: its host timer comes too, so that an expiry interrupts nobody
 * else. Until then it goes off where it was armed, which only posts.
 */
void vlapic_timer_follow(struct vlapic *vl);

/* Requests waiting: in IRR and posted. */
uint32_t vlapic_pending_count(const struct vlapic *vl);
bool vlapic_books_balance(const struct vlapic *vl);
