/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. Arm GIC architecture specification (IHI 0069), "AArch64 virtualization control System
 * registers". */
#include "arch/arm64/gic/ich.h"

#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/guest_timer.h"
#include "arch/arm64/host_irq.h"
#include "arch/arm64/host_platform.h"
#include "arch/arm64/insn.h"
#include "arch/arm64/sysregs.h"
#include "core/cpu.h"
#include "core/log.h"
#include "lib/error.h"

#define SRE_SYSTEM_REGISTERS FIELD(2, 0) /* ICC_SRE_EL1: SRE, and no bypass */

static const uint64_t no_lrs[VGIC_MAX_LRS];

/* Constant after ich_init(). */
static uint32_t lr_count;
static uint32_t apr_count; /* active priority registers of each group: by priority bits */

/* From the last one down: a jump into the middle does as many as there are. */
/* clang-format off */
#define LR_EACH_DOWN(ONE) \
    ONE(15) ONE(14) ONE(13) ONE(12) ONE(11) ONE(10) ONE(9) ONE(8) \
    ONE(7) ONE(6) ONE(5) ONE(4) ONE(3) ONE(2) ONE(1) ONE(0)
/* clang-format on */

#define LR_WRITE(n)                               \
    case (n) + 1:                                 \
        SYSREG_WRITE(ich_lr##n##_el2, values[n]); \
        __attribute__((fallthrough));
#define LR_READ(n)                                \
    case (n) + 1:                                 \
        values[n] = SYSREG_READ(ich_lr##n##_el2); \
        __attribute__((fallthrough));

/* The first `count`, 0 to VGIC_MAX_LRS. */
static void lrs_write(const uint64_t *values, uint32_t count)
{
    switch (count) {
        LR_EACH_DOWN(LR_WRITE)
    default:
        break;
    }
}

static void lrs_read(uint64_t *values, uint32_t count)
{
    switch (count) {
        LR_EACH_DOWN(LR_READ)
    default:
        break;
    }
}

int ich_init(void)
{
    uint64_t vtr = SYSREG_READ(ich_vtr_el2);

    lr_count = (uint32_t)field_get(vtr, ICH_VTR_LISTREGS) + 1;
    apr_count = UINT32_C(1) << (field_get(vtr, ICH_VTR_PREBITS) - 4);
    if (lr_count > VGIC_MAX_LRS || field_get(vtr, ICH_VTR_PREBITS) < 4 ||
        field_get(vtr, ICH_VTR_PREBITS) > 6) {
        log_error("this CPU cannot run guests: its GIC's virtual interface is none that the manual has");
        return E_NOTSUP;
    }
    if (host_devices.maintenance_intid == 0 || host_devices.virt_timer_intid == 0) {
        log_error("this machine cannot run guests: its device tree gives no interrupt for %s",
                  host_devices.maintenance_intid == 0 ? "the GIC's maintenance" : "the virtual timer");
        return E_NOTSUP;
    }
    return 0;
}

uint32_t ich_lr_count(void)
{
    return lr_count;
}

uint32_t ich_preemption_bits(void)
{
    return (uint32_t)field_get(SYSREG_READ(ich_vtr_el2), ICH_VTR_PREBITS) + 1;
}

uint32_t gic_host_cntv_intid(void)
{
    return host_devices.virt_timer_intid;
}

void ich_cpu_init(void)
{
    SYSREG_WRITE(ich_hcr_el2, 0);
    lrs_write(no_lrs, lr_count);
    SYSREG_WRITE(icc_sre_el1, SRE_SYSTEM_REGISTERS);
    SYSREG_WRITE(cntv_ctl_el0, 0);
    insn_isb();
    gicv3_private_enable(host_devices.virt_timer_intid);
    gicv3_private_enable(host_devices.maintenance_intid);
}

void ich_load_cpuif(const struct vgic_cpuif *cpuif)
{
    SYSREG_WRITE(ich_vmcr_el2, cpuif->vmcr);
    SYSREG_WRITE(ich_ap0r0_el2, cpuif->apr[0][0]);
    SYSREG_WRITE(ich_ap1r0_el2, cpuif->apr[1][0]);
    if (apr_count > 1) {
        SYSREG_WRITE(ich_ap0r1_el2, cpuif->apr[0][1]);
        SYSREG_WRITE(ich_ap1r1_el2, cpuif->apr[1][1]);
    }
    if (apr_count > 2) {
        SYSREG_WRITE(ich_ap0r2_el2, cpuif->apr[0][2]);
        SYSREG_WRITE(ich_ap1r2_el2, cpuif->apr[1][2]);
        SYSREG_WRITE(ich_ap0r3_el2, cpuif->apr[0][3]);
        SYSREG_WRITE(ich_ap1r3_el2, cpuif->apr[1][3]);
    }
}

void gic_read_cpuif(struct vgic_cpuif *cpuif)
{
    cpuif->vmcr = SYSREG_READ(ich_vmcr_el2);
    cpuif->apr[0][0] = (uint32_t)SYSREG_READ(ich_ap0r0_el2);
    cpuif->apr[1][0] = (uint32_t)SYSREG_READ(ich_ap1r0_el2);
    if (apr_count > 1) {
        cpuif->apr[0][1] = (uint32_t)SYSREG_READ(ich_ap0r1_el2);
        cpuif->apr[1][1] = (uint32_t)SYSREG_READ(ich_ap1r1_el2);
    }
    if (apr_count > 2) {
        cpuif->apr[0][2] = (uint32_t)SYSREG_READ(ich_ap0r2_el2);
        cpuif->apr[1][2] = (uint32_t)SYSREG_READ(ich_ap1r2_el2);
        cpuif->apr[0][3] = (uint32_t)SYSREG_READ(ich_ap0r3_el2);
        cpuif->apr[1][3] = (uint32_t)SYSREG_READ(ich_ap1r3_el2);
    }
}

static void read_lrs(const struct arm64_vcpu *vcpu, struct vgic_lrs *lrs)
{
    lrs->hcr = SYSREG_READ(ich_hcr_el2);
    lrs->count = vcpu->gic.lr_count;
    lrs_read(lrs->lr, lrs->count);
}

/* The registers are emptied too, and a maintenance interrupt that they asked for is over with ICH_HCR_EL2. */
void gic_fold(struct arm64_vcpu *vcpu)
{
    struct vgic_lrs lrs;

    if (!vcpu->lrs_loaded)
        return;
    vcpu->lrs_loaded = false;
    read_lrs(vcpu, &lrs);
    vgic_fold(&vcpu->gic, &lrs);
    guest_timer_resample(vcpu);
    lrs_write(no_lrs, lrs.count);
    SYSREG_WRITE(ich_hcr_el2, 0);
    insn_isb();
    /* Whatever was there: the enable bit is off. */
    atomic_store_explicit(&vcpu->gic.dirty, true, memory_order_relaxed);
}

void gic_refill(struct arm64_vcpu *vcpu)
{
    uint32_t old_count = 0;
    struct vgic_lrs lrs;

    /* A timer interrupt that is to be withdrawn must not go through: then in two steps. */
    if (UNLIKELY(!guest_timer_stands(vcpu)))
        gic_fold(vcpu);
    lrs.hcr = 0;
    if (LIKELY(vcpu->lrs_loaded)) {
        read_lrs(vcpu, &lrs);
        old_count = lrs.count;
    }
    vgic_refill(&vcpu->gic, &lrs);
    for (uint32_t i = lrs.count; i < old_count; i++)
        lrs.lr[i] = 0;
    lrs_write(lrs.lr, lrs.count > old_count ? lrs.count : old_count);
    SYSREG_WRITE(ich_hcr_el2, lrs.hcr);
    vcpu->ich_hcr = lrs.hcr;
    vcpu->lrs_loaded = true;
}

/*
 * One that is runnable and loaded here is not in its guest now, and looks at `dirty`, which is set already,
 * before it enters it again: it needs no telling.
 */
static void kick(struct vgic_vcpu *v)
{
    if (this_cpu()->current == v->vcpu &&
        atomic_load_explicit(&v->vcpu->state, memory_order_relaxed) == VCPU_RUNNABLE)
        return;
    vcpu_request(v->vcpu, VCPU_REQ_EVENT);
}

static uint64_t vmcr(struct vgic_vcpu *v)
{
    return this_cpu()->current == v->vcpu && !v->parked ? SYSREG_READ(ich_vmcr_el2) : v->cpuif.vmcr;
}

static void fold_here(struct vgic_vcpu *v)
{
    gic_fold(arm64_vcpu_of(v->vcpu));
}

static void hw_deactivate(struct vgic_vcpu *v, uint32_t hw_intid)
{
    if (this_cpu()->current == v->vcpu)
        gicv3_deactivate(hw_intid);
}

static int its_guest_read(struct vgic_vm *vgic, uint64_t at, void *to, size_t size)
{
    return guest_read(&CONTAINER_OF(vgic, struct arm64_vm, gic)->core, gpa(at), to, size);
}

const struct vgic_ops gic_ops = {
    .kick = kick,
    .vmcr = vmcr,
    .fold_here = fold_here,
    .hw_deactivate = hw_deactivate,
    .guest_read = its_guest_read,
};

bool guest_irq_take(struct arm64_cpu *cpu, uint32_t intid)
{
    (void)cpu;
    if (intid == host_devices.virt_timer_intid) {
        guest_timer_fired(intid);
        return true;
    }
    if (intid != host_devices.maintenance_intid)
        return false;
    if (this_cpu()->current != NULL)
        gic_fold(arm64_vcpu_of(this_cpu()->current));
    gicv3_deactivate(intid);
    return true;
}
