/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world as a few bytes, and back. Fields that mean nothing at present are left out, so that worlds that
 * differ only in them count as one. Every field is named once, for both directions.
 */
#include <string.h>

#include "tests/model/world.h"

#define DEPTH_MAX 7 /* of frames, in three bits */

struct bits {
    uint64_t word[PACKED_BYTES / 8];
    unsigned at;
    bool reading;
};

/* In line, each field's place is a constant: this runs for every step. */
#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t move(struct bits *b, uint64_t value, unsigned count)
{
    unsigned shift = b->at % 64;
    uint64_t *word = &b->word[b->at / 64];
    uint64_t mask = (UINT64_C(1) << count) - 1;

    if (b->at + count > 8 * PACKED_BYTES)
        broken("model: key too small");
    b->at += count;
    if (b->reading) {
        value = word[0] >> shift;
        if (shift + count > 64)
            value |= word[1] << (64 - shift);
        return value & mask;
    }
    if (value > mask)
        broken("model: value does not fit the key");
    word[0] |= value << shift;
    if (shift + count > 64)
        word[1] |= value >> (64 - shift);
    return value;
}

#define MOVE(field, count) (field) = (__typeof__(field))move(b, (uint64_t)(field), count)

INLINE void move_frames(struct bits *b, unsigned depth, uint8_t *frames)
{
    *frames = (uint8_t)move(b, *frames & ((1u << depth) - 1), DEPTH_MAX);
}

INLINE void move_cpu(struct bits *b, struct cpu *cpu)
{
    MOVE(cpu->interrupts, 1);
    MOVE(cpu->gif, 1);
    MOVE(cpu->tf, 1);
    MOVE(cpu->rf, 1);
    MOVE(cpu->bs, 1);
    MOVE(cpu->tpr_high, 1);
    MOVE(cpu->shadow, 2);
    MOVE(cpu->rip, 1);
    MOVE(cpu->depth, 3);
    move_frames(b, cpu->depth, &cpu->frames_if);
    move_frames(b, cpu->depth, &cpu->frames_tf);
    MOVE(cpu->nmi_mask, 1);
    MOVE(cpu->vnmi, 1);
    MOVE(cpu->slot, 4);
    MOVE(cpu->windows, 7);
    MOVE(cpu->now_due, 1);
    MOVE(cpu->trap_due, 1);
    MOVE(cpu->mtf_due, 1);
    MOVE(cpu->at_iret, 1);
}

INLINE void move_bare(struct bits *b, struct bare *bare)
{
    MOVE(bare->interrupts, 1);
    MOVE(bare->gif, 1);
    MOVE(bare->tf, 1);
    MOVE(bare->bs, 1);
    MOVE(bare->tpr_high, 1);
    MOVE(bare->halted, 1);
    MOVE(bare->nmi_mask, 1);
    MOVE(bare->shadow, 2);
    MOVE(bare->depth, 3);
    move_frames(b, bare->depth, &bare->frames_if);
    move_frames(b, bare->depth, &bare->frames_tf);
    MOVE(bare->nmi_waiting, 3);
    MOVE(bare->nmi_known, 3);
    MOVE(bare->irq_waiting, 2);
    MOVE(bare->irq_known, 2);
    MOVE(bare->irq_taken, 2);
    MOVE(bare->due, 4);
    MOVE(bare->unbooked, 3);
    MOVE(bare->opened, 1);
}

INLINE void move_exception(struct bits *b, struct inject_event *event)
{
    enum ev ev = ev_of(event);
    bool payload = event->payload != 0;

    MOVE(ev, 4);
    MOVE(payload, 1);
    if (!b->reading)
        return;
    *event = event_of(ev);
    event->payload = payload ? INJECT_DR6_BS : 0;
}

INLINE void move_state(struct bits *b, struct inject_state *st)
{
    bool second_line = st->irq_held && st->irq_vector == 0x31;
    bool halted = st->halted_at != 0;
    bool long_time = st->nmi_masked && st->blocked_ns != 0;
    bool stepping = st->step != INJECT_STEP_NONE;
    uint32_t saved = stepping ? st->step_saved >> 10 : 0;
    bool rip = (stepping || st->iret_at_exit) && st->step_rip != 0;

    MOVE(st->entry_work, 2);
    MOVE(st->exit_work, 4);
    MOVE(st->slot, 2);
    MOVE(st->step, 2);
    MOVE(st->nmi_pending, 2);
    MOVE(st->nmi_injected, 1);
    MOVE(st->nmi_masked, 1);
    MOVE(st->vnmi_handed, 1);
    MOVE(st->irq_held, 1);
    MOVE(st->exception_cut, 1);
    MOVE(st->iret_at_exit, 1);
    MOVE(st->mask_set, 1);
    MOVE(st->mask_clear, 1);
    MOVE(st->vnmi_purge, 1);
    MOVE(st->shutdown, 1);
    MOVE(st->soft_warn, 1);
    MOVE(second_line, 1);
    MOVE(long_time, 1);
    MOVE(halted, 1);
    MOVE(saved, 3);
    MOVE(rip, 1);
    move_exception(b, &st->exception);
    if (!b->reading)
        return;
    st->way = (uint8_t)scenario->way;
    st->caps = scenario->caps;
    st->irq_vector = st->irq_held ? (second_line ? 0x31 : 0x30) : 0;
    st->halted_at = halted ? UINT64_C(1000000000000) : 0;
    st->blocked_ns = long_time ? UINT64_C(2000000000) : 0;
    st->step_saved = saved << 10;
    st->step_rip = rip;
}

INLINE void move_world(struct bits *b, struct world *w)
{
    move_cpu(b, &w->cpu);
    move_bare(b, &w->bare);
    move_state(b, &w->st);
    MOVE(w->st.windows, 7);
    MOVE(w->posted_nmis, 3);
    MOVE(w->posted_irq, 1);
    MOVE(w->lines, 2);
    MOVE(w->left.nmis, 3);
    MOVE(w->left.irqs, 2);
    MOVE(w->left.exceptions, 2);
    MOVE(w->left.tfs, 1);
    MOVE(w->in_guest, 1);
    MOVE(w->flags_loaded, 1);
    MOVE(w->lost_shadow, 2);
    MOVE(w->scheduled, 1);
    MOVE(w->stopped, 1);
    MOVE(w->halted, 1);
    MOVE(w->stall, 3);
}

void world_pack(const struct world *w, uint8_t key[PACKED_BYTES])
{
    struct world copy = *w;
    struct bits bits = {0};

    move_world(&bits, &copy);
    memcpy(key, bits.word, PACKED_BYTES);
}

void world_unpack(struct world *w, const uint8_t key[PACKED_BYTES])
{
    struct bits bits = {.reading = true};

    memcpy(bits.word, key, PACKED_BYTES);
    memset(w, 0, sizeof(*w));
    move_world(&bits, w);
}
