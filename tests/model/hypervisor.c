/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end and run loop for the model: fills views and exits from the modelled processor, calls the
 * scheduler under test, carries out its actions, and checks what can be checked at that seam: books, entry
 * rules, leaks, endless exits.
 */
#include <stddef.h>
#include <string.h>

#include "core/inject_internal.h"
#include "tests/model/world.h"

#define STALL_MAX 3
#define NOW       UINT64_C(1000000000000)
#define LONG_TIME UINT64_C(2000000000)

static struct inject inj; /* the state comes from the world; books start at 0 in every call */

/* --- Between world and scheduler -------------------------------------------------------------------------
 */

static void load(const struct world *w)
{
    inj.state = w->st;
    atomic_store(&inj.posted.word, w->posted_nmis | (w->posted_irq ? INJECT_POSTED_IRQ : 0));
    inj.books = (struct inject_books){0};
    inj.log.next = &inj.log.records[0];
    inj.log.half_end = &inj.log.records[INJECT_LOG_HALF];
}

static int held(const struct inject_state *st, enum inject_kind kind)
{
    if (kind == INJECT_KIND_NMI)
        return st->nmi_pending + st->nmi_injected + st->vnmi_handed;
    return kind == INJECT_KIND_IRQ ? st->irq_held : inject_event_valid(&st->exception);
}

static int64_t dropped(enum inject_kind kind)
{
    int64_t sum = 0;

    for (int why = 0; why < INJECT_DROP_COUNT; why++)
        sum += (int64_t)inj.books.dropped[kind][why];
    return sum;
}

/* What the call did to the books must be what it did to the state and to the guest. */
static void store(struct world *w)
{
    for (int k = 0; k < INJECT_KIND_COUNT; k++) {
        enum inject_kind kind = (enum inject_kind)k;
        int64_t pending = held(&inj.state, kind) - held(&w->st, kind);

        if ((int64_t)inj.books.posted[kind] != (int64_t)inj.books.delivered[kind] + dropped(kind) + pending)
            broken("books do not balance");
    }
    if (inj.books.delivered[INJECT_KIND_NMI] > w->bare.unbooked)
        broken("NMI counted as delivered that the guest did not get");
    w->bare.unbooked = (uint8_t)(w->bare.unbooked - inj.books.delivered[INJECT_KIND_NMI]);
    bare_collapse(&w->bare, (unsigned)dropped(INJECT_KIND_NMI), hv_excuses_nmi(w));
    if (inj.state.nmi_pending + inj.state.nmi_injected + inj.state.vnmi_handed > 2)
        broken("more than two NMIs held");
    w->st = inj.state;
    w->posted_nmis = (uint8_t)(atomic_load(&inj.posted.word) & INJECT_POSTED_NMI_COUNT);
    w->posted_irq = (atomic_load(&inj.posted.word) & INJECT_POSTED_IRQ) != 0;
}

enum ev ev_of(const struct inject_event *event)
{
    if (!inject_event_valid(event))
        return EV_NONE;
    switch (event->type) {
    case INJECT_TYPE_NMI:
        return EV_NMI;
    case INJECT_TYPE_IRQ:
        return event->vector == 0x30 ? EV_IRQ_A : EV_IRQ_B;
    case INJECT_TYPE_SOFT_INT:
        return EV_SOFT;
    default:
        break;
    }
    switch (event->vector) {
    case INJECT_VEC_DB:
        return EV_DB;
    case INJECT_VEC_PF:
        return EV_PF;
    case INJECT_VEC_DF:
        return EV_DF;
    default:
        return EV_GP;
    }
}

struct inject_event event_of(enum ev ev)
{
    switch (ev) {
    case EV_NONE:
        return (struct inject_event){0};
    case EV_NMI:
        return (struct inject_event){.vector = 2, .type = INJECT_TYPE_NMI, .flags = INJECT_EVENT_VALID};
    case EV_IRQ_A:
        return (struct inject_event){.vector = 0x30, .type = INJECT_TYPE_IRQ, .flags = INJECT_EVENT_VALID};
    case EV_IRQ_B:
        return (struct inject_event){.vector = 0x31, .type = INJECT_TYPE_IRQ, .flags = INJECT_EVENT_VALID};
    case EV_SOFT:
        return (struct inject_event){
            .vector = 0x80, .type = INJECT_TYPE_SOFT_INT, .flags = INJECT_EVENT_VALID, .insn_len = 2};
    case EV_DB:
        return inject_event_exception(INJECT_VEC_DB);
    case EV_PF:
        return inject_event_exception_error(INJECT_VEC_PF, 0);
    case EV_DF:
        return inject_event_exception_error(INJECT_VEC_DF, 0);
    case EV_GP:
        break;
    }
    return inject_event_exception_error(INJECT_VEC_GP, 0);
}

static bool is_svm(void)
{
    return scenario->way == INJECT_WAY_SLOT || scenario->way == INJECT_WAY_IRET;
}

/* SVM has one bit for both kinds of shadow: it is reported as the stricter one. */
static uint64_t shadow_flags(const struct cpu *cpu)
{
    if (cpu->shadow == SHADOW_NONE)
        return 0;
    return is_svm() || cpu->shadow == SHADOW_MOVSS ? INJECT_VIEW_SHADOW_MOVSS : INJECT_VIEW_SHADOW_STI;
}

static uint64_t cpu_flags(const struct cpu *cpu)
{
    uint64_t flags = shadow_flags(cpu);

    flags |= cpu->interrupts ? INJECT_VIEW_IF : 0;
    flags |= cpu->nmi_mask ? INJECT_VIEW_NMI_MASK : 0;
    flags |= cpu->vnmi ? INJECT_VIEW_VNMI_PENDING : 0;
    return flags;
}

static struct inject_view view_of(const struct world *w)
{
    const struct cpu *cpu = &w->cpu;
    uint64_t flags = cpu_flags(cpu);
    uint8_t vector = (w->lines & 1) != 0 ? 0x30 : 0x31;

    flags |= cpu->gif ? 0 : INJECT_VIEW_GIF_CLEAR;
    flags |= cpu->tf ? INJECT_VIEW_TF : 0;
    flags |= cpu->rf ? INJECT_VIEW_RF : 0;
    flags |= cpu->bs ? INJECT_VIEW_DR6_BS : 0;
    if (w->lines != 0)
        flags |= cpu->tpr_high ? INJECT_VIEW_IRQ_TPR : INJECT_VIEW_IRQ;
    return (struct inject_view){.flags = (uint32_t)flags, .irq_vector = vector, .rip = cpu->rip};
}

static void carry_out(struct world *w, uint64_t act)
{
    struct cpu *cpu = &w->cpu;

    cpu->nmi_mask = (cpu->nmi_mask || (act & INJECT_DO_MASK_SET) != 0) && (act & INJECT_DO_MASK_CLEAR) == 0;
    if ((act & INJECT_DO_CLEAR_STI) != 0) {
        if (cpu->shadow != SHADOW_STI)
            broken("clears a shadow that is not of STI");
        cpu->shadow = SHADOW_NONE;
    }
    cpu->tf = (cpu->tf || (act & INJECT_DO_TF_SET) != 0) && (act & INJECT_DO_TF_CLEAR) == 0;
    cpu->rf = (cpu->rf || (act & INJECT_DO_RF_SET) != 0) && (act & INJECT_DO_RF_CLEAR) == 0;
    cpu->bs = cpu->bs && (act & INJECT_DO_BS_CLEAR) == 0;
    cpu->vnmi = cpu->vnmi && (act & INJECT_DO_CLEAR_VNMI) == 0;
    if ((act & INJECT_DO_SET_VNMI) != 0) {
        if (cpu->vnmi)
            broken("hardware slot filled twice");
        cpu->vnmi = true;
    }
    w->stopped = w->stopped || (act & INJECT_DO_SHUTDOWN) != 0;
}

/* An emulator that forgets the shadow at an entry, and the back end that remembers it. */
static void lose_shadow(struct world *w)
{
    if ((scenario->caps & INJECT_CAP_SHADOW_LOST) == 0)
        return;
    w->lost_shadow = w->cpu.shadow;
    w->cpu.shadow = SHADOW_NONE;
}

static void remember_shadow(struct world *w)
{
    if ((scenario->caps & INJECT_CAP_SHADOW_LOST) == 0)
        return;
    if (w->lost_shadow != SHADOW_NONE)
        w->cpu.shadow = w->lost_shadow;
    w->lost_shadow = SHADOW_NONE;
}

static uint64_t flags_at_exit(struct world *w)
{
    remember_shadow(w);
    return cpu_flags(&w->cpu);
}

/* --- Exits ------------------------------------------------------------------------------------------------
 */

bool hv_excuses_nmi(const struct world *w)
{
    return scenario->way == INJECT_WAY_SOFT && (w->st.nmi_masked || w->st.slot == INJECT_SLOT_NMI);
}

bool hv_takes_interrupts(const struct world *w)
{
    return scenario->way == INJECT_WAY_SOFT && w->cpu.interrupts && w->cpu.shadow == SHADOW_NONE;
}

static void count_stall(struct world *w, enum inject_exit_kind kind)
{
    bool forced = kind == INJECT_EXIT_IRET || kind == INJECT_EXIT_STEP || kind == INJECT_EXIT_IRQ_WINDOW ||
                  kind == INJECT_EXIT_NMI_WINDOW;

    if (forced)
        w->stall++;
    if (w->stall > STALL_MAX)
        broken("exits in a row that bring the guest nowhere");
}

/* The software event that interrupted-delivery handling dropped is executed again: bare metal has not begun
 * it. */
static void note_reexecution(struct world *w)
{
    if (w->bare.due == EV_SOFT && !inject_event_valid(&w->st.exception))
        w->bare.due = EV_NONE;
}

void hv_exit(struct world *w, enum inject_exit_kind kind, uint64_t flags, enum ev cut, enum ev fault)
{
    struct cpu *cpu = &w->cpu;
    uint64_t hardware = flags_at_exit(w);
    bool loaded = (cpu->windows & INJECT_WIN_STEP) != 0 && w->flags_loaded;
    bool time = false;
    struct inject_exit exit = {.kind = (uint8_t)kind,
                               .flags = (uint32_t)(flags | hardware),
                               .dr6 =
                                   kind == INJECT_EXIT_STEP && fault == EV_DB ? (uint16_t)INJECT_DR6_BS : 0,
                               .rip = cpu->rip,
                               .cut = event_of(cut),
                               .fault = kind == INJECT_EXIT_FAULT ? event_of(fault) : event_of(EV_NONE)};

    if (loaded)
        exit.flags |= (uint32_t)INJECT_EXIT_FLAGS_LOADED;
    w->in_guest = false;
    w->scheduled = false;
    cpu->slot = EV_NONE;
    cpu->now_due = false;
    count_stall(w, kind);
    if (scenario->way == INJECT_WAY_SOFT) {
        time = w->st.nmi_masked && choose(2) == 1;
        exit.guest_ns = time ? LONG_TIME : 0;
        w->bare.opened = w->bare.opened || time || hv_takes_interrupts(w);
    }
    load(w);
    if (kind != INJECT_EXIT_OTHER || flags != 0 || inject_exit_has_work(&inj, cut != EV_NONE))
        carry_out(w, inject_after_exit(&inj, &exit));
    store(w);
    note_reexecution(w);
    if (time && w->st.nmi_masked && w->bare.nmi_known != 0)
        broken("one second of guest time and NMIs are still taken for blocked");
    if (cpu->rf || cpu->tf != w->bare.tf)
        broken("RFLAGS.TF or RF of a step left behind by an exit");
}

void hv_raise(struct world *w, enum ev ev)
{
    struct inject_event event = event_of(ev);

    load(w);
    inject_raise(&inj, &event);
    store(w);
}

void hv_emulated(struct world *w, enum insn insn)
{
    if (insn == INSN_TPR_DOWN)
        w->posted_irq = true; /* as the interrupt controller does */
    load(w);
    inject_skipped(&inj);
    store(w);
}

/* --- Entries ----------------------------------------------------------------------------------------------
 */

static void take_line(struct world *w, const struct inject_actions *act)
{
    unsigned line = act->event.vector == 0x31;

    w->lines = (uint8_t)(w->lines & ~(1u << line));
    bare_acknowledge(&w->bare, line);
    if (w->lines != 0 && !w->cpu.tpr_high)
        w->posted_irq = true; /* the controller still offers one */
}

/* The scheduler's short way for common rounds must be its full way bit for bit: state, books, actions,
 * record. */
static void schedule(const struct inject_view *view, struct inject_actions *act)
{
    static struct inject fully;
    struct inject_actions act_fully;

    fully.state = inj.state;
    fully.books = inj.books;
    fully.log.next = &fully.log.records[0];
    fully.log.half_end = &fully.log.records[INJECT_LOG_HALF];
    fully.log.records[0] = inj.log.records[0]; /* words that a record leaves alone are not compared */
    inject_schedule_fully(&fully, view, atomic_load(&inj.posted.word), &act_fully);
    inject_schedule(&inj, view, act);
    if (memcmp(&fully.state, &inj.state, sizeof(inj.state)) != 0)
        broken("short way of the scheduler: other state");
    if (memcmp(&fully.books, &inj.books, sizeof(inj.books)) != 0)
        broken("short way of the scheduler: other books");
    if (memcmp(&act_fully, act, sizeof(*act)) != 0)
        broken("short way of the scheduler: other actions");
    if (memcmp(&fully.log.records[0], &inj.log.records[0], sizeof(inj.log.records[0])) != 0)
        broken("short way of the scheduler: other record");
}

static void hv_schedule(struct world *w)
{
    struct inject_view view = view_of(w);
    struct inject_actions act;

    view.now = NOW;
    bare_told(&w->bare);
    w->bare.opened = w->bare.opened || hv_takes_interrupts(w);
    load(w);
    schedule(&view, &act);
    store(w);
    if ((act.flags & INJECT_DO_ACK_IRQ) != 0)
        take_line(w, &act);
    carry_out(w, act.flags);
    w->cpu.slot = (uint8_t)ev_of(&act.event);
    w->cpu.windows = (uint8_t)act.windows;
    w->scheduled = true;
    if ((act.windows & INJECT_WIN_NMI) != 0 && scenario->way != INJECT_WAY_WINDOW)
        broken("NMI window on a processor without one");
    if ((act.windows & INJECT_WIN_NOW) != 0 && w->cpu.slot == EV_NONE)
        broken("immediate exit without an event");
}

/* What the processor checks at an entry, or, where it does not, would do wrongly. */
static void check_entry(const struct world *w)
{
    const struct cpu *cpu = &w->cpu;
    bool irq = cpu->slot == EV_IRQ_A || cpu->slot == EV_IRQ_B;

    if (irq && (!cpu->interrupts || cpu->shadow != SHADOW_NONE))
        broken("entry check: interrupt with IF clear or in a shadow");
    if (cpu->slot == EV_NMI &&
        (cpu->shadow != SHADOW_NONE || (inject_ways[scenario->way].hw_mask && cpu->nmi_mask)))
        broken("entry check: NMI in a shadow or while blocked");
    if (cpu->slot != EV_NONE && (cpu->windows & INJECT_WIN_STEP) != 0)
        broken("an event is injected into a step");
}

static void enter(struct world *w)
{
    check_entry(w);
    if (hv_takes_interrupts(w) && w->st.nmi_masked && w->bare.nmi_known != 0 && w->cpu.slot == EV_NONE)
        broken("the guest takes interrupts and NMIs are still taken for blocked");
    lose_shadow(w);
    w->in_guest = true;
    w->flags_loaded = false;
    w->scheduled = false;
    if (w->cpu.slot == EV_NONE && w->st.slot != INJECT_SLOT_NONE)
        broken("scheduler believes in an event that the entry slot does not hold");
}

/* The run loop with a halted vCPU: time passes, then something ends HLT or not. */
static void sleep_or_wake(struct world *w)
{
    struct inject_view view = view_of(w);
    bool time = scenario->way == INJECT_WAY_SOFT && w->st.nmi_masked && choose(2) == 0;
    bool wakes;

    bare_told(&w->bare);
    w->bare.opened = w->bare.opened || time || hv_takes_interrupts(w);
    view.now = NOW;
    load(w);
    (void)inject_halted(&inj, &view);
    view.now += time ? LONG_TIME : 0;
    (void)inject_halted(&inj, &view);
    wakes = inject_wakes(&inj, &view);
    store(w);
    if (time && w->st.nmi_masked && w->bare.nmi_known != 0)
        broken("one second of guest time in HLT and NMIs are still taken for blocked");
    if (wakes)
        w->halted = false;
    else
        bare_sleep(&w->bare, hv_excuses_nmi(w) && !hv_takes_interrupts(w));
}

static bool has_work(const struct world *w)
{
    load(w);
    return inject_has_work(&inj);
}

static bool posted_again(const struct world *w)
{
    load(w);
    return inject_posted_again(&inj);
}

/* Out of one vCPU, through bytes, into another: hardware state of the other is unlike what is wanted. */
static void save_restore(struct world *w)
{
    uint8_t bytes[INJECT_EVENTS_BYTES];
    struct inject_events events;
    struct inject_view view;

    if (w->scheduled)
        hv_exit(w, INJECT_EXIT_ENTRY_FAILED, 0, EV_NONE, EV_NONE);
    view = view_of(w);
    bare_told(&w->bare);
    load(w);
    inject_events_get(&inj, &view, &events);
    store(w);
    inject_events_store(&events, bytes);
    if (inject_events_load(&events, bytes, sizeof(bytes)) != 0)
        broken("saved state is refused");
    inject_init(&inj, scenario->way, scenario->caps);
    if (inject_events_set(&inj, &events) != 0)
        broken("saved state is refused");
    w->st = inj.state;
    w->posted_nmis = (uint8_t)(atomic_load(&inj.posted.word) & INJECT_POSTED_NMI_COUNT);
    w->posted_irq = true; /* the restored interrupt controller says what it has */
    w->cpu.nmi_mask = inject_ways[scenario->way].hw_mask && !events.nmi_masked;
    w->cpu.vnmi = inject_ways[scenario->way].hw_slot;
    w->cpu.windows = 0;
    w->cpu.at_iret = false;
    w->stall = 0;
}

static void post_nmi(struct world *w)
{
    if (w->left.nmis == 0)
        prune();
    w->left.nmis--;
    w->posted_nmis++;
    bare_post_nmi(&w->bare);
}

static void post_irq(struct world *w)
{
    unsigned line = w->left.irqs & 1;

    if (w->left.irqs == 0)
        prune();
    w->left.irqs--;
    w->lines = (uint8_t)(w->lines | 1u << line);
    w->posted_irq = true;
    bare_post_irq(&w->bare, line);
}

void hv_step(struct world *w)
{
    switch (choose(scenario->with_restore ? 5 : 4)) {
    case 0: /* the run loop */
        if (w->halted) {
            sleep_or_wake(w);
            break;
        }
        if (!w->scheduled && has_work(w))
            hv_schedule(w);
        while (posted_again(w))
            hv_schedule(w);
        if (!w->stopped)
            enter(w);
        break;
    case 1: /* the run loop, called back by a kick after scheduling */
        if (!has_work(w) || w->scheduled || w->halted)
            prune();
        hv_schedule(w);
        break;
    case 2:
        post_nmi(w);
        break;
    case 3:
        post_irq(w);
        break;
    default:
        save_restore(w);
        break;
    }
}
