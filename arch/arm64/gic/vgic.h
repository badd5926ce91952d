/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's GICv3: distributor, redistributors, and the choice of what its list registers hold. Pure: it
 * touches no system register and no physical GIC; gic/ich.c moves struct vgic_lrs and struct vgic_cpuif
 * between memory and hardware, tests/vgic runs the same code under a model of that hardware.
 *
 * Where the truth about an interrupt is: everything in struct vgic_irq, except pending and active of those
 * that are in list registers (in_lr). Those are the hardware's from vgic_fill() until the next vgic_fold() of
 * the same vCPU. Whoever changes an interrupt that is in a list register leaves a note (`latch`, drop_*) and
 * kicks.
 *
 * Locks: vgic_vm.lock protects SPIs, LPIs and the distributor; vgic_vcpu.lock protects that vCPU's SGIs,
 * PPIs, queues and redistributor. Order: VM's device lock, vgic_vm.lock, vgic_vcpu.lock (one at a time), run
 * queue. An SPI or LPI is changed with both, the second being its home's; so whoever holds a vCPU's lock may
 * read what is queued there.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arm64/gic/ich_regs.h"
#include "core/device.h"
#include "core/spinlock.h"
#include "lib/list.h"

#define VGIC_MAX_LRS   16
#define VGIC_PRIVATE   32 /* SGIs 0..15, PPIs 16..31 */
#define VGIC_SGIS      16
#define VGIC_MAX_SPIS  988 /* INTIDs 32..1019 */
#define VGIC_LPI_FIRST 8192
#define VGIC_ID_BITS   14 /* with LPIs: INTIDs up to 16383 */
#define VGIC_MAX_VCPUS 64
#define VGIC_PRIORITIES                                                                \
    32 /* 5 bits, as every GIC of the time has; low three bits of the registers read 0 \
        */
#define VGIC_NO_VCPU UINT8_MAX

/* Where guests find it: QEMU's virt board has the same. */
#define VGIC_DIST_BASE   UINT64_C(0x08000000)
#define VGIC_DIST_SIZE   UINT64_C(0x10000)
#define VGIC_ITS_BASE    UINT64_C(0x08080000)
#define VGIC_ITS_SIZE    UINT64_C(0x20000)
#define VGIC_REDIST_BASE UINT64_C(0x080a0000)
#define VGIC_REDIST_SIZE UINT64_C(0x20000) /* a vCPU: two frames */

struct vcpu;
struct vm;
struct vgic_vm;
struct vgic_vcpu;

/* enum of vgic_irq.place */
enum vgic_place {
    VGIC_IDLE,   /* nothing to deliver */
    VGIC_QUEUED, /* deliverable: in home's queue of its group and priority */
    VGIC_ACTIVE, /* active (perhaps pending too), not in a list register: in home's active list */
    VGIC_IN_LR,  /* home's list register `lr`: hardware has pending and active */
};

struct vgic_irq {
    struct list_node node;
    uint64_t route; /* SPI: GICD_IROUTER */
    uint32_t intid;
    uint16_t hw_intid;    /* physical PPI behind it, 0: none */
    uint8_t priority;     /* multiple of 8 */
    uint8_t ack_priority; /* of the list register through which it became active */
    uint8_t home;         /* vCPU with its node or list register; else the last one */
    uint8_t target; /* private: the owner. SPI: by affinity, VGIC_NO_VCPU: nobody has that. LPI: collection */
    uint8_t place;  /* enum vgic_place */
    uint8_t lr;     /* VGIC_IN_LR: its index */
    bool any_target : 1; /* SPI: 1 of N */
    bool enabled : 1;
    bool group1 : 1;
    bool edge : 1;       /* else level */
    bool line : 1;       /* level of the input */
    bool latch : 1;      /* pending by an edge or by a register write; besides that in the list register */
    bool active : 1;     /* not VGIC_IN_LR: as the guest sees it */
    bool acked : 1;      /* became active by an acknowledge: the guest will end it by an EOI */
    bool ghost : 1;      /* was ended by a register write while acked; see vgic_vcpu.ghosts */
    bool lr_pending : 1; /* VGIC_IN_LR: as it was put there */
    bool lr_active : 1;
    bool lr_latch : 1;     /* VGIC_IN_LR: level, pending there by a register write */
    bool drop_pending : 1; /* VGIC_IN_LR: forget at the next fold */
    bool drop_active : 1;
    bool set_active : 1;
    bool direct : 1;   /* LPI: pending is the hardware's, and never in `latch`; see struct vgic_direct_ops */
    bool hw_again : 1; /* hw_intid, VGIC_IN_LR: has fired since the event in the list register */
};

/* What arrived and what became of it: posted = delivered + collapsed + withdrawn + pending, always. */
struct vgic_books {
    uint64_t
        posted_count; /* edges, lines that rose or still stood after their acknowledge, register writes */
    uint64_t delivered_count; /* acknowledged by the guest */
    uint64_t collapsed_count; /* was pending already */
    uint64_t withdrawn_count; /* line fell, cleared by a register write, reset */
};

/* State of the virtual CPU interface while the vCPU is not loaded; gic/ich.c fills and reads it. */
struct vgic_cpuif {
    uint64_t vmcr;      /* ICH_VMCR_EL2 */
    uint32_t apr[2][4]; /* ICH_AP0R<n>_EL2, ICH_AP1R<n>_EL2 */
};

/* To and from the hardware. */
struct vgic_lrs {
    uint64_t hcr;              /* fill: value to load. fold: value read, for EOIcount */
    uint32_t count;            /* fill: lr[0..count-1] in use, the rest must be written as 0 */
    uint64_t lr[VGIC_MAX_LRS]; /* fold: the first `count` of the last fill, as read */
};

/* What the pure part needs of the machine. All may be called with the locks above held, except fold_here. */
struct vgic_ops {
    /* The vCPU has news: vcpu_request(VCPU_REQ_EVENT) or the like. Any CPU, also the vCPU's own. */
    void (*kick)(struct vgic_vcpu *v);
    /* The accessor of the VMCR rule: hardware if `v` is loaded on this CPU, else v->cpuif.vmcr. */
    uint64_t (*vmcr)(struct vgic_vcpu *v);
    /* `v` is the vCPU whose exit this CPU handles: if its list registers are still in hardware, save them and
     * vgic_fold(). No lock held. */
    void (*fold_here)(struct vgic_vcpu *v);
    /* The guest deactivated an interrupt with hw_intid other than through its list register (only in `v`'s
     * own exits): deactivate the physical one. */
    void (*hw_deactivate)(struct vgic_vcpu *v, uint32_t hw_intid);
    /* Guest memory, copied; 0 or E_FAULT. Needed with LPIs. vgic_vm.lock is held. */
    int (*guest_read)(struct vgic_vm *vgic, uint64_t at, void *to, size_t size);
};

/*
 * LPIs that hardware delivers by itself (GICv4). One that has a target belongs to the hardware
 * (vgic_irq.direct): it keeps pending and brings it to the guest, running or not, and none of it is seen
 * here. vgic_vm.lock is held, except for sleep and wake. An op that returns false could not: that LPI goes by
 * list registers from then on.
 */
struct vgic_direct_ops {
    /* From one vCPU to another; VGIC_NO_VCPU: none. Pending goes along, or is gone. */
    bool (*route)(struct vgic_vm *vgic, uint32_t index, uint8_t from, uint8_t to);
    bool (*post)(struct vgic_vm *vgic, uint32_t index);
    void (*clear)(struct vgic_vm *vgic, uint32_t index);
    /* Priority and whether it is enabled, of one with a target; in effect with settle(). */
    void (*configure)(struct vgic_vm *vgic, uint32_t index, uint8_t priority, bool enabled);
    void (*settle)(struct vgic_vm *vgic);
    /* The owner, loaded, on its way into and out of WFI. True: do not sleep, something is pending. */
    bool (*sleep)(struct vgic_vcpu *v);
    void (*wake)(struct vgic_vcpu *v);
};

struct vgic_queue {
    uint32_t mask; /* bit per priority with a queue that is not empty, highest priority = bit 0 */
    struct list_node heads[VGIC_PRIORITIES];
};

/* A virtual CPU interface with its redistributor. */
struct vgic_vcpu {
    /* The entry path reads these. */
    _Atomic bool dirty;            /* list registers must be folded and filled before the next entry */
    uint8_t id;                    /* index, also its place in affinity space: vgic_mpidr() */
    uint8_t lr_count;              /* in use since the last fill, not folded yet */
    _Atomic bool parked;           /* between vgic_block() and vgic_unblock(): cpuif is the truth */
    bool is_on;                    /* between vgic_vcpu_on() and _off(); 1 of N goes only there */
    bool asleep;                   /* GICR_WAKER.ProcessorSleep */
    _Atomic uint32_t shared_count; /* SPIs and LPIs whose home this is and that are not idle */
    uint32_t acked_count;          /* in `active` and acked */
    uint32_t ghosts; /* bit per ack_priority / 8: ended by a register write, EOI still to come */
    struct spinlock lock;
    struct vgic_vm *vm;
    struct vcpu *vcpu; /* for ops and MMIO; NULL in tests */
    struct vgic_irq *lrs[VGIC_MAX_LRS];
    struct vgic_queue queues[2]; /* by group */
    struct list_node active;     /* VGIC_ACTIVE: highest ack_priority first, not acknowledged ones last */
    struct vgic_cpuif cpuif;
    struct vgic_books books;       /* of SGIs and PPIs */
    uint64_t typer;                /* GICR_TYPER, constant */
    uint32_t redist_ctlr;          /* GICR_CTLR */
    uint64_t propbaser, pendbaser; /* GICR_PROPBASER, GICR_PENDBASER */
    struct vgic_irq irqs[VGIC_PRIVATE];
};

struct vgic_config {
    const struct vgic_ops *ops;
    const struct vgic_direct_ops *direct; /* NULL: LPIs go by list registers */
    uint32_t vcpu_count;                  /* 1..VGIC_MAX_VCPUS */
    uint32_t lr_count;                    /* 1..VGIC_MAX_LRS: ICH_VTR_EL2.ListRegs + 1 */
    uint32_t pre_bits;                    /* 5..7: ICH_VTR_EL2.PREbits + 1 */
    uint32_t spi_count;                   /* multiple of 32, up to 960, or 988 */
    struct vgic_irq *spis;                /* spi_count of them, zeroed; caller's memory for the VM's life */
    uint32_t lpi_count;                   /* 0: no LPIs, no ITS; else a power of two, 4..8192 */
    struct vgic_irq *lpis;                /* the same of these */
};

struct vgic_vm {
    struct spinlock lock;
    struct vdev dist;   /* GICD frame */
    struct vdev redist; /* all GICR frames */
    struct vgic_config config;
    struct vgic_vcpu *vcpus[VGIC_MAX_VCPUS];
    _Atomic uint8_t groups;  /* GICD_CTLR: bit per enabled group; written with `lock` */
    uint8_t next_any;        /* 1 of N: where to look first */
    struct vgic_books books; /* of SPIs, and of LPIs that are not direct */
    uint64_t direct_count;   /* LPIs handed to the hardware; what becomes of them is not seen */
    uint32_t direct_work;    /* calls of vgic_direct_ops that take commands of the host's ITS; wraps */
};

/* Affinity of vCPU number `index`: Aff0 0..15, Aff1 0..3. For VMPIDR_EL2 and the guest's device tree. */
static inline uint64_t vgic_mpidr(uint32_t index)
{
    return (uint64_t)(index & 15) | (uint64_t)(index >> 4) << 8;
}

/* --- Life -------------------------------------------------------------------------------------------------
 */

/* E_INVAL: a count out of range. `vgic` zeroed before. */
MUST_CHECK int vgic_vm_init(struct vgic_vm *vgic, const struct vgic_config *config);
/* In order of index, each once, before the VM runs. */
void vgic_vcpu_init(struct vgic_vm *vgic, struct vgic_vcpu *v, uint32_t index, struct vcpu *vcpu);
/* Puts the frames on the bus at VGIC_DIST_BASE and VGIC_REDIST_BASE. As bus_register(). */
MUST_CHECK int vgic_register(struct vgic_vm *vgic, struct bus *bus);
/* Power-on state; no vCPU runs, all are folded. Lines keep their level. Also the devices' reset op. */
void vgic_vm_reset(struct vgic_vm *vgic);
/* CPU_ON: the CPU interface starts afresh (VMCR, active priorities); the redistributor keeps its state. Not
 * loaded anywhere. */
void vgic_vcpu_on(struct vgic_vcpu *v);
/* CPU_OFF: not loaded any more; interrupts that may go to any vCPU leave it. */
void vgic_vcpu_off(struct vgic_vcpu *v);
/* PPI `intid` is backed by the physical PPI `hw_intid` (HW bit): set before the VM runs. */
void vgic_map_hw(struct vgic_vcpu *v, uint32_t intid, uint32_t hw_intid);

/* --- Posting: any CPU --------------------------------------------------------------------------------------
 */

/* Level of an SPI's input. INTIDs without an SPI are ignored (the board wires only what exists). */
void vgic_set_line(struct vgic_vm *vgic, uint32_t intid, bool level);
/*
 * Level of a PPI's input. With hw_intid: true each time the physical one was acknowledged by the host (left
 * active), false when its condition was seen to be gone. The guest's deactivation ends it by itself.
 */
void vgic_set_ppi(struct vgic_vcpu *v, uint32_t intid, bool level);
/* A PPI with hw_intid: the guest has it (pending or active), so the physical one must stay active. Owner. */
bool vgic_hw_is_held(const struct vgic_vcpu *v, uint32_t intid);
/* The guest on `v` wrote ICC_SGI1R_EL1 (group1), ICC_SGI0R_EL1 (not group1); ICC_ASGI1R_EL1: nothing to do.
 */
void vgic_sgi(struct vgic_vcpu *v, uint64_t value, bool group1);

/* --- Entry and exit: the vCPU's owner ----------------------------------------------------------------------
 */

/*
 * Before each entry, `if (vgic_is_dirty(v))`: save the first v->lr_count list registers and HCR if they are
 * still in hardware, vgic_refill(), load. Else the registers stay as they are: nothing pending
 * costs the one load. A maintenance interrupt, and the vCPU's leaving this CPU, call for vgic_fold() at once.
 * The last look at vgic_is_dirty() comes after in_guest has been published (vcpu_kick's protocol).
 */
static inline bool vgic_is_dirty(const struct vgic_vcpu *v)
{
    return atomic_load_explicit(&v->dirty, memory_order_acquire);
}

/* The list registers and HCR in hardware are not (any more) this vCPU's: it comes to a CPU. All are folded.
 */
static inline void vgic_mark_dirty(struct vgic_vcpu *v)
{
    atomic_store_explicit(&v->dirty, true, memory_order_relaxed);
}

/* Takes pending and active back from the list registers. Makes the vCPU dirty if there were any. */
void vgic_fold(struct vgic_vcpu *v, const struct vgic_lrs *lrs);
/* Chooses what the list registers hold. All of them are folded. Clears dirty. */
void vgic_fill(struct vgic_vcpu *v, struct vgic_lrs *lrs);
/*
 * vgic_fold() and vgic_fill() at once, on the way to an entry. In: HCR and the first v->lr_count list
 * registers as read (both 0 if nothing is in hardware). Out: as vgic_fill().
 */
void vgic_refill(struct vgic_vcpu *v, struct vgic_lrs *lrs);
/* The guest wrote ICC_DIR_EL1 (ICH_HCR_EL2.TDIR is always set). */
void vgic_deactivate(struct vgic_vcpu *v, uint64_t value);

/* --- Sleep
 * -------------------------------------------------------------------------------------------------- */

/*
 * WFI. Owner; list registers folded, `now` just read from hardware (VMCR rule) and copied to v->cpuif. True:
 * nothing pending can be delivered, the vCPU may block; from now on only what can be delivered kicks it.
 * False: do not block.
 */
MUST_CHECK bool vgic_block(struct vgic_vcpu *v, const struct vgic_cpuif *now);
/* Before it runs again, or when vcpu_block() refused. */
void vgic_unblock(struct vgic_vcpu *v);
/* Would an interrupt be signalled to the CPU, given this state of its CPU interface? Owner, folded; v->lock
 * not held. */
bool vgic_is_deliverable(struct vgic_vcpu *v, const struct vgic_cpuif *cpuif);
/* Any CPU, any time: false only if the vCPU is parked and nothing can be delivered to it. */
bool vgic_may_run(struct vgic_vcpu *v);
