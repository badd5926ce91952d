/* SPDX-License-Identifier: BSD-2-Clause */
/* See direct.h. Commands of the ITS are carried out at once. */
#include "tests/model/gic/direct.h"

#include "tests/model/gic/world.h"

#define ENABLED 1u

static struct direct_vpe *vpe_of(const struct vgic_vpe *vpe)
{
    return &w.direct.vpes[vpe->id];
}

/* A doorbell that is enabled is taken at once: the owner is asked to look. */
static void take_doorbell(unsigned c)
{
    struct direct_vpe *vpe = &w.direct.vpes[c];

    if (!vpe->doorbell || !vpe->doorbell_rung)
        return;
    vpe->doorbell_rung = false;
    vgic_vpe_doorbell_taken(&w.vpes[c]);
    w.run[c].request = true;
}

/* To the redistributor that the ITS knows; if the vPE is resident elsewhere, that one is none the wiser. */
static void arrive(unsigned c, uint32_t index)
{
    struct direct_vpe *vpe = &w.direct.vpes[c];

    vpe->pending |= (uint8_t)(1u << index);
    if (vpe->shown == vpe->sent_to)
        return;
    vpe->doorbell_rung = true;
    take_doorbell(c);
}

/* --- Residency ---------------------------------------------------------------------------------------------
 */

static void move(struct vgic_vpe *vpe, uint32_t cpu)
{
    if (vpe_of(vpe)->shown != DIRECT_NONE)
        broken("moved while it is resident");
    vpe_of(vpe)->sent_to = (uint8_t)cpu;
}

static void doorbell(struct vgic_vpe *vpe, bool on)
{
    vpe_of(vpe)->doorbell = on;
    take_doorbell(vpe->id);
}

static void hush(struct vgic_vpe *vpe)
{
    vpe_of(vpe)->doorbell_rung = false;
}

static void show(struct vgic_vpe *vpe)
{
    vpe_of(vpe)->shown = w.run[vpe->id].cpu;
}

static bool hide(struct vgic_vpe *vpe)
{
    vpe_of(vpe)->shown = DIRECT_NONE;
    return direct_has_pending(vpe->id);
}

static const struct vgic_vpe_ops hardware = {
    .move = move, .doorbell = doorbell, .hush = hush, .show = show, .hide = hide};

/* --- The ITS -----------------------------------------------------------------------------------------------
 */

static bool route(struct vgic_vm *vgic, uint32_t index, uint8_t from, uint8_t to)
{
    uint8_t bit = (uint8_t)(1u << index);
    bool pending = from != VGIC_NO_VCPU && (w.direct.vpes[from].pending & bit) != 0;

    (void)vgic;
    if (w.direct.route[index] != (from == VGIC_NO_VCPU ? DIRECT_NONE : from))
        broken("routed from where it is not");
    if (pending)
        w.direct.vpes[from].pending &= (uint8_t)~bit;
    w.direct.route[index] = to == VGIC_NO_VCPU ? DIRECT_NONE : to;
    w.direct.known[index] = w.direct.table[index];
    if (to == VGIC_NO_VCPU)
        return true;
    vgic_vpe_arrival(&w.vpes[to]);
    if (pending)
        arrive(to, index);
    return true;
}

static bool post(struct vgic_vm *vgic, uint32_t index)
{
    uint8_t to = w.direct.route[index];

    (void)vgic;
    if (to == DIRECT_NONE)
        broken("sent though it is not mapped");
    vgic_vpe_arrival(&w.vpes[to]);
    arrive(to, index);
    return true;
}

static void clear(struct vgic_vm *vgic, uint32_t index)
{
    (void)vgic;
    w.direct.vpes[w.direct.route[index]].pending &= (uint8_t) ~(1u << index);
}

static void configure(struct vgic_vm *vgic, uint32_t index, uint8_t priority, bool enabled)
{
    (void)vgic;
    w.direct.table[index] = (uint8_t)(priority | (enabled ? ENABLED : 0));
}

static void settle(struct vgic_vm *vgic)
{
    (void)vgic;
    for (unsigned i = 0; i < DIRECT_LPIS; i++)
        w.direct.known[i] = w.direct.table[i];
}

static bool sleep(struct vgic_vcpu *v)
{
    return vgic_vpe_sleep(&w.vpes[v->id], &v->cpuif);
}

static void wake(struct vgic_vcpu *v)
{
    vgic_vpe_load(&w.vpes[v->id], w.run[v->id].cpu);
}

const struct vgic_direct_ops direct_ops = {.route = route,
                                           .post = post,
                                           .clear = clear,
                                           .configure = configure,
                                           .settle = settle,
                                           .sleep = sleep,
                                           .wake = wake};

/* --- The CPU interface -------------------------------------------------------------------------------------
 */

void direct_start(unsigned c)
{
    w.vpes[c].ops = &hardware;
    w.vpes[c].id = c;
    w.vpes[c].resident = VGIC_NOWHERE;
    w.direct.vpes[c].shown = DIRECT_NONE;
    for (unsigned i = 0; i < DIRECT_LPIS; i++)
        w.direct.route[i] = DIRECT_NONE;
}

uint8_t direct_priority(int lpi)
{
    return w.direct.known[lpi] & (uint8_t)~ENABLED;
}

int direct_best(unsigned c)
{
    const struct direct_vpe *vpe = &w.direct.vpes[c];
    int best = -1;

    if (!scenario->direct || vpe->shown != w.run[c].cpu || vpe->sent_to != vpe->shown)
        return -1;
    for (int i = 0; i < DIRECT_LPIS; i++)
        if ((vpe->pending >> i & 1) != 0 && (w.direct.known[i] & ENABLED) != 0 &&
            (best < 0 || direct_priority(i) < direct_priority(best)))
            best = i;
    return best >= 0 && ich_model_takes(&w.ich[c], true, direct_priority(best)) ? best : -1;
}

void direct_acknowledge(unsigned c, int lpi)
{
    w.direct.vpes[c].pending &= (uint8_t) ~(1u << lpi);
    w.ich[c].apr[1] |= 1u << direct_priority(lpi) / 8;
}

bool direct_has_pending(unsigned c)
{
    for (unsigned i = 0; i < DIRECT_LPIS; i++)
        if ((w.direct.vpes[c].pending >> i & 1) != 0 && (w.direct.known[i] & ENABLED) != 0)
            return true;
    return false;
}

const char *direct_entry_fault(unsigned c)
{
    const struct direct_vpe *vpe = &w.direct.vpes[c];

    if (!scenario->direct)
        return NULL;
    if (vpe->shown != w.run[c].cpu || !vgic_vpe_may_enter(&w.vpes[c], w.run[c].cpu))
        return "enters its guest while it is not resident";
    return vpe->doorbell_rung ? "a doorbell that has rung is left behind" : NULL;
}

/* How many have arrived and were taken does not matter, only the difference since it was put. */
void direct_normalise(unsigned c)
{
    uint32_t since = w.vpes[c].arrivals - w.vpes[c].taken - w.vpes[c].seen;

    w.vpes[c].seen = 0;
    w.vpes[c].taken = 0;
    w.vpes[c].arrivals = w.vpes[c].resident == VGIC_NOWHERE ? since : 0;
}
