/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vCPUs' run loops around the virtual GIC, the guest's handlers, and what happens around them. Kicks and
 * maintenance interrupts take effect before the next instruction; then the modelled hardware must signal
 * exactly when bare metal would, and acknowledge nothing that bare metal would not.
 */
#include "tests/model/gic/world.h"

#include <stdlib.h>
#include <string.h>

#include "arch/arm64/gic/gicd_regs.h"
#include "arch/arm64/gic/vgic_internal.h"
#include "arch/arm64/gic/vgic_lpi.h"
#include "core/vcpu.h"
#include "lib/assert.h"

struct world w;
const struct scenario *scenario;
struct cpu *fake_this_cpu;

struct vcpu vcpus[BARE_CPUS];

void panic(const char *format, ...)
{
    broken(format);
}

/* --- What the virtual GIC asks of the machine --------------------------------------------------------------
 */

static void read_lrs(struct ich_model *ich, struct vgic_lrs *lrs)
{
    *lrs = (struct vgic_lrs){.hcr = (uint64_t)ich->eoi_count << 27};
    memcpy(lrs->lr, ich->lr, sizeof(ich->lr));
    memset(ich->lr, 0, sizeof(ich->lr));
    ich->eoi_count = 0;
}

static void save(unsigned c)
{
    struct vgic_lrs lrs;

    read_lrs(&w.ich[c], &lrs);
    vgic_fold(&w.cpus[c], &lrs);
}

static void kick(struct vgic_vcpu *v)
{
    w.run[v->id].request = true;
}

/* A vCPU that sleeps is not loaded: its registers are gone. */
static uint64_t vmcr(struct vgic_vcpu *v)
{
    return w.run[v->id].mode >= IN_PARKED ? v->cpuif.vmcr : ich_model_vmcr(&w.ich[v->id]);
}

static void fold_here(struct vgic_vcpu *v)
{
    save(v->id);
}

static void hw_deactivate(struct vgic_vcpu *v, uint32_t intid)
{
    (void)intid;
    w.timer_active[v->id] = false;
}

/* The guest's table of LPIs: what bare metal has. */
static int guest_read(struct vgic_vm *vgic, uint64_t at, void *to, size_t size)
{
    (void)vgic;
    for (unsigned k = 0; k < bare_irq_count; k++)
        if (size == 1 && scenario->sources[k].intid == LPI_FIRST + at) {
            const struct bare_irq *irq = bare_find(&w.bare, 0, k);

            *(uint8_t *)to = (uint8_t)(irq->priority | irq->enabled);
            return 0;
        }
    return -1;
}

static const struct vgic_ops ops = {.kick = kick,
                                    .vmcr = vmcr,
                                    .fold_here = fold_here,
                                    .hw_deactivate = hw_deactivate,
                                    .guest_read = guest_read};

/* --- Beginning ---------------------------------------------------------------------------------------------
 */

static void start_source(unsigned c, unsigned k)
{
    const struct source *s = &scenario->sources[k];
    struct bare_irq *bare = bare_find(&w.bare, c, k);

    *bare =
        (struct bare_irq){!s->initially_off, s->group1, s->edge || s->intid < 16, .priority = s->priority};
    bare->message = s->intid >= LPI_FIRST;
    if (s->intid >= LPI_FIRST) {
        w.lpis[s->intid - LPI_FIRST].enabled = true;
        w.lpis[s->intid - LPI_FIRST].priority = s->priority;
        vgic_lpi_target(&w.gic, s->intid - LPI_FIRST, 0);
        return;
    }
    if (s->hw)
        vgic_map_hw(&w.cpus[c], s->intid, s->intid);
    if (s->intid >= 32)
        w.gic.dist.ops->write(
            &w.gic.dist, &vcpus[0], GICD_ICFGR + s->intid / 16 * 4, 4,
            w.gic.dist.ops->read(&w.gic.dist, &vcpus[0], GICD_ICFGR + s->intid / 16 * 4, 4) |
                (s->edge ? 2u << s->intid % 16 * 2 : 0));
    guest_set_group(c, k, s->group1);
    guest_poke(c, k, GICD_IPRIORITYR, 1, s->priority);
    if (!s->initially_off)
        guest_poke(c, k, GICD_ISENABLER, 4, 1);
}

void world_start(void)
{
    const struct vgic_config set = {.ops = &ops,
                                    .direct = scenario->direct ? &direct_ops : NULL,
                                    .vcpu_count = scenario->cpu_count,
                                    .lr_count = scenario->lr_count,
                                    .pre_bits = 5,
                                    .spi_count = SPIS,
                                    .spis = w.spis,
                                    .lpi_count = LPIS,
                                    .lpis = w.lpis};

    memset(&w, 0, sizeof(w));
    bare_irq_count = 0;
    for (unsigned k = 0; k < BARE_IRQS && scenario->sources[k].priority != 0; k++) {
        bare_shared[k] = scenario->sources[k].intid >= 32;
        bare_irq_count++;
    }
    if (vgic_vm_init(&w.gic, &set) != 0)
        abort();
    for (unsigned c = 0; c < scenario->cpu_count; c++) {
        vcpus[c].id = c;
        vgic_vcpu_init(&w.gic, &w.cpus[c], c, &vcpus[c]);
        vgic_vcpu_on(&w.cpus[c]);
        w.cpus[c].redist_ctlr = (uint32_t)GICR_CTLR_ENABLE_LPIS;
        w.cpus[c].propbaser = VGIC_ID_BITS - 1;
        w.run[c].cpu = (uint8_t)c;
        if (scenario->direct) {
            direct_start(c);
            vgic_vpe_load(&w.vpes[c], c);
        }
        w.ich[c] = (struct ich_model){.lr_count = scenario->lr_count, .enable = {true, true}, .mask = 0xf8};
        w.ich[c].split = scenario->split;
        w.ich[c].counts_drops = scenario->split;
        w.bare.cpus[c] = (struct bare_cpu){.enable = {true, true}, .split = scenario->split, .mask = 0xf8};
    }
    w.gic.dist.ops->write(&w.gic.dist, &vcpus[0], GICD_CTLR, 4, 3);
    w.bare.groups[0] = w.bare.groups[1] = true;
    for (unsigned c = 0; c < scenario->cpu_count; c++)
        for (unsigned k = 0; k < bare_irq_count; k++)
            if (c == 0 || !bare_shared[k])
                start_source(c, k);
    w.left = scenario->budget;
}

/* --- What comes from outside -------------------------------------------------------------------------------
 */

static void post(unsigned c, unsigned k)
{
    const struct source *s = &scenario->sources[k];
    struct bare_irq *irq = bare_find(&w.bare, c, k);
    bool event = s->intid < 16 || s->intid >= LPI_FIRST;
    bool level = !irq->line;

    if (level || event) {
        if (w.left.posts == 0)
            prune();
        w.left.posts--;
    }
    if (s->intid < 16) {
        irq->latch = irq->latch || irq->group1;
        vgic_sgi(&w.cpus[(c + 1) % scenario->cpu_count], (uint64_t)s->intid << 24 | 1u << c, true);
        return;
    }
    if (s->intid >= LPI_FIRST) {
        irq->latch = true;
        vgic_lpi_post(&w.gic, s->intid - LPI_FIRST);
        return;
    }
    irq->line = level;
    irq->latch = irq->latch || (level && irq->edge);
    if (s->intid >= 32)
        vgic_set_line(&w.gic, s->intid, level);
    else if (!s->hw)
        vgic_set_ppi(&w.cpus[c], s->intid, level);
}

/* The timer's condition changes: on by time passing, off by the guest, whose exit then tells. */
bool world_timer_fires(unsigned c)
{
    for (unsigned k = 0; k < bare_irq_count; k++)
        if (scenario->sources[k].hw && bare_find(&w.bare, c, k)->line && !w.timer_active[c])
            return true;
    return false;
}

static void timer_interrupt(unsigned c)
{
    for (unsigned k = 0; k < bare_irq_count; k++)
        if (scenario->sources[k].hw) {
            w.timer_active[c] = true;
            vgic_set_ppi(&w.cpus[c], scenario->sources[k].intid, true);
        }
}

bool world_must_exit(unsigned c)
{
    return w.run[c].mode == IN_GUEST &&
           (w.run[c].request || ich_model_maintenance(&w.ich[c]) || world_timer_fires(c));
}

/* The guest, in an exit, has turned the timer off. */
static void timer_off(unsigned c, unsigned k)
{
    save(c);
    bare_find(&w.bare, c, k)->line = false;
    vgic_set_ppi(&w.cpus[c], scenario->sources[k].intid, false);
    if (!vgic_hw_is_held(&w.cpus[c], scenario->sources[k].intid))
        w.timer_active[c] = false;
}

/* --- The guest ---------------------------------------------------------------------------------------------
 */

static void write_register(unsigned c)
{
    unsigned k = choose(bare_irq_count);
    unsigned what = choose(WRITES);

    if ((scenario->writes >> what & 1) == 0 || w.left.writes == 0)
        prune();
    w.left.writes--;
    w.run[c].mode = IN_HOST;
    guest_write(c, k, (enum write)what);
    /* Reading folds: also what is seen by somebody who does not look is explored. */
    if (choose(2) != 0)
        guest_compare_reads(c);
}

/* Of list registers and LPIs the higher priority, of equals either. */
static uint32_t take_best(unsigned c, bool *group1)
{
    struct ich_model *ich = &w.ich[c];
    int best = ich_model_best(ich);
    int lpi = direct_best(c);
    unsigned priority = best < 0 ? UINT32_MAX : (unsigned)(ich->lr[best] >> 48 & 0xff);

    if ((best < 0 && lpi < 0) || w.run[c].depth == scenario->depth_max)
        prune();
    if (lpi >= 0 &&
        (direct_priority(lpi) < priority || (direct_priority(lpi) == priority && choose(2) != 0))) {
        *group1 = true;
        direct_acknowledge(c, lpi);
        return LPI_FIRST + (uint32_t)lpi;
    }
    *group1 = (ich->lr[best] >> 60 & 1) != 0;
    return ich_model_acknowledge(ich, *group1);
}

static void acknowledge(unsigned c)
{
    bool group1;
    uint32_t intid = take_best(c, &group1);
    unsigned k = 0;

    while (k < bare_irq_count && scenario->sources[k].intid != intid)
        k++;
    if (k < bare_irq_count && !bare_may_acknowledge(&w.bare, c, k) && world_in_transit(c))
        prune();
    if (k == bare_irq_count || !bare_may_acknowledge(&w.bare, c, k))
        broken("acknowledged an interrupt that bare metal would not offer");
    if (bare_find(&w.bare, c, k)->group1 != group1)
        broken("acknowledged in the wrong group");
    bare_acknowledge(&w.bare, c, k);
    w.run[c].stack[w.run[c].depth++] = (uint8_t)k;
}

static void end(unsigned c)
{
    struct run *run = &w.run[c];
    unsigned k;

    if (run->depth == 0)
        prune();
    k = run->stack[--run->depth];
    run->stack[run->depth] = 0;
    if (w.bare.cpus[c].split && scenario->sources[k].intid < LPI_FIRST)
        run->dropped |= (uint8_t)(1u << k);
    ich_model_end(&w.ich[c], true, scenario->sources[k].intid);
    bare_end(&w.bare, c, k);
    if (w.ich[c].hw_ended != 0)
        w.timer_active[c] = false;
    w.ich[c].hw_ended = 0;
}

/* DIR is trapped. Shared interrupts may be deactivated by either CPU. */
static void deactivate(unsigned c)
{
    unsigned k = choose(bare_irq_count);
    unsigned by = bare_shared[k] ? choose(scenario->cpu_count) : c;

    if ((w.run[by].dropped >> k & 1) == 0)
        prune();
    w.run[by].dropped &= (uint8_t) ~(1u << k);
    w.run[c].mode = IN_HOST;
    if ((w.ich[c].hcr & ICH_HCR_TDIR) == 0)
        broken("DIR is not trapped");
    bare_deactivate(&w.bare, c, k);
    vgic_deactivate(&w.cpus[c], scenario->sources[k].intid);
}

static void change_mask(unsigned c)
{
    if (w.left.masks == 0)
        prune();
    w.left.masks--;
    w.ich[c].mask = w.bare.cpus[c].mask = w.bare.cpus[c].mask == 0xf8 ? 0x40 : 0xf8;
}

static void change_group(unsigned c)
{
    bool group = choose(2) != 0;

    if (w.left.groups == 0)
        prune();
    w.left.groups--;
    w.bare.cpus[c].enable[group] = !w.bare.cpus[c].enable[group];
    w.ich[c].enable[group] = w.bare.cpus[c].enable[group];
}

/* WFI: the one place where the copy of VMCR is made. */
static void wait_for_interrupt(unsigned c)
{
    const struct ich_model *ich = &w.ich[c];
    const struct vgic_cpuif now = {.vmcr = ich_model_vmcr(ich), .apr = {{ich->apr[0]}, {ich->apr[1]}}};

    save(c);
    w.run[c].request = false;
    w.run[c].mode = vgic_block(&w.cpus[c], &now) ? IN_PARKED : IN_HOST;
    if (w.run[c].mode == IN_HOST)
        vgic_unblock(&w.cpus[c]);
    /* What PendingLast tells of may be kept out by a priority: WFI may end at once. */
    if (w.run[c].mode == IN_HOST && !bare_signals(&w.bare, c) &&
        !(scenario->direct && w.ich[c].enable[1] && direct_has_pending(c)))
        broken("does not sleep although nothing is due");
}

/* 1: folds. 2: is put off its CPU. */
static void other_exit(unsigned c, unsigned what)
{
    if (what != 0)
        save(c);
    if (what == 2) {
        vgic_vpe_put(&w.vpes[c]);
        w.run[c].away = true;
    }
}

/* One of the two CPUs where this vCPU is loaded. */
static void choose_cpu(unsigned c)
{
    if (scenario->direct)
        w.run[c].cpu = (uint8_t)(c + BARE_CPUS * choose(2));
}

static void guest_step(unsigned c)
{
    unsigned what = choose(9);

    w.run[c].stall = 0;
    switch (what) {
    case 0:
        acknowledge(c);
        break;
    case 1:
        end(c);
        break;
    case 2:
        deactivate(c);
        break;
    case 3:
        change_mask(c);
        break;
    case 4:
        change_group(c);
        break;
    case 5:
        wait_for_interrupt(c);
        break;
    case 6:
        write_register(c);
        break;
    case 7: /* any other exit; it may fold, as when another vCPU is to run here */
        w.run[c].mode = IN_HOST;
        other_exit(c, choose(scenario->direct ? 3 : 2));
        break;
    default:
        for (unsigned k = 0; k < bare_irq_count; k++)
            if (scenario->sources[k].hw && bare_find(&w.bare, c, k)->line) {
                w.run[c].mode = IN_HOST;
                timer_off(c, k);
                return;
            }
        prune();
    }
}

/* --- The run loop ------------------------------------------------------------------------------------------
 */

static void load(unsigned c)
{
    struct ich_model *ich = &w.ich[c];
    struct vgic_lrs lrs;

    read_lrs(ich, &lrs);
    vgic_refill(&w.cpus[c], &lrs);
    if (lrs.count > ich->lr_count)
        broken("more list registers than there are");
    memcpy(ich->lr, lrs.lr, lrs.count * sizeof(lrs.lr[0]));
    ich->hcr = lrs.hcr;
    if (ich_model_fault(ich) != NULL)
        broken(ich_model_fault(ich));
}

static void forced_exit(unsigned c)
{
    w.run[c].stall = (uint8_t)(w.run[c].request ? 0 : w.run[c].stall + 1);
    if (w.run[c].stall > 2)
        broken("exits without end");
    w.run[c].mode = IN_HOST;
    if (ich_model_maintenance(&w.ich[c]))
        save(c);
    if (world_timer_fires(c))
        timer_interrupt(c);
}

/*
 * The kick is still on its way while the guest ends an interrupt. (One that it acknowledges now may count as
 * acknowledged before what the kick tells of: nothing to compare.)
 */
static bool is_late(unsigned c)
{
    if (!w.run[c].request || ich_model_maintenance(&w.ich[c]) || world_timer_fires(c) || w.left.late == 0 ||
        choose(2) == 0)
        return false;
    w.left.late--;
    return true;
}

static void cpu_step(unsigned c)
{
    struct run *run = &w.run[c];

    switch (run->mode) {
    case IN_HOST:
        if (run->away) {
            choose_cpu(c);
            vgic_vpe_load(&w.vpes[c], run->cpu);
            run->away = false;
            break;
        }
        if (world_timer_fires(c))
            timer_interrupt(c);
        run->request = false;
        if (vgic_is_dirty(&w.cpus[c]))
            load(c);
        run->mode = IN_READY;
        break;
    case IN_READY:
        run->mode = vgic_is_dirty(&w.cpus[c]) ? IN_HOST : IN_GUEST;
        if (run->mode == IN_GUEST && direct_entry_fault(c) != NULL)
            broken(direct_entry_fault(c));
        break;
    case IN_GUEST:
        if (!world_must_exit(c))
            guest_step(c);
        else if (is_late(c))
            end(c);
        else
            forced_exit(c);
        break;
    default:
        if (run->request || world_timer_fires(c)) {
            if (run->mode == IN_SLEEP)
                choose_cpu(c);
            vgic_unblock(&w.cpus[c]);
            run->mode = IN_HOST;
        } else if (run->mode == IN_PARKED) {
            run->mode = IN_SLEEP;
        } else {
            prune();
        }
    }
}

void world_step(void)
{
    unsigned who = choose(scenario->cpu_count + 1u);

    if (who < scenario->cpu_count) {
        cpu_step(who);
        return;
    }
    unsigned k = choose(bare_irq_count);
    unsigned c = bare_shared[k] ? 0 : choose(scenario->cpu_count);

    if (scenario->sources[k].hw && bare_find(&w.bare, c, k)->line)
        prune(); /* off by the guest only */
    post(c, k);
}
