/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See the header. Arm IHI 0069, "vLPIs and virtual PEs", "Doorbell interrupts", "GICR_VPENDBASER" (GICv4.0).
 *
 * Guests cannot reach any of the tables: property bytes are copies of what their own table said at INV, and
 * pending tables are the GIC's alone. The VM's events are numbered by LPI, whatever (device, event) its own
 * ITS maps to it.
 */
#include "arch/arm64/gic/vgic_v4.h"

#include "arch/arm64/arm64_vm.h"
#include "arch/arm64/cpu.h"
#include "arch/arm64/gic/gicv3.h"
#include "arch/arm64/gic/its.h"
#include "arch/arm64/host_platform.h"
#include "core/config.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/time.h"
#include "lib/error.h"
#include "lib/mmio.h"

#define WAIT_NS      (NS_PER_SEC / 10)
#define PENDING_SIZE (BIT(ITS_ID_BITS) / 8)
#define VPE_MAX      1024
#define BATCH        8

/* By vPE, for doorbells. Entries are written once, before the vCPU can wait. */
static struct vcpu *vpes[VPE_MAX];
static uint32_t vpe_next;

/* VMOVP's, for an ITS that wants them told apart. */
static _Atomic uint32_t sequence;

static uint32_t event_of(uint32_t vpe)
{
    return vpe + ITS_TEST_EVENT + 1;
}

static uint32_t doorbell_of(uint32_t vpe)
{
    return ITS_LPI_FIRST + event_of(vpe);
}

bool vgic_v4_doorbell(uint32_t intid)
{
    uint32_t vpe = intid - doorbell_of(0);

    if (vpe >= VPE_MAX || vpes[vpe] == NULL)
        return false;
    vgic_vpe_doorbell_taken(&arm64_vcpu_of(vpes[vpe])->v4.vpe);
    vcpu_request(vpes[vpe], VCPU_REQ_EVENT);
    return true;
}

/* --- Beginning ---------------------------------------------------------------------------------------------
 */

void vgic_v4_init(void)
{
    const char *problem =
        config.direct ? its_init(host_devices.its.base, host_devices.its.size) : "direct=off";

    if (problem == NULL)
        log_info("self-check: guests' LPIs: delivered by hardware (GICv4), %u virtual CPUs at most",
                 its_info.vpe_count);
    else
        log_info("self-check: guests' LPIs: by list registers: %s", problem);
}

static bool map_device(struct arm64_vm *vm)
{
    uint64_t entry_size = field_get(its_info.typer, GITS_TYPER_ITT_SIZE) + 1;
    uint32_t bits = (uint32_t)__builtin_ctz(ARM64_LPIS);
    void *itt = its_alloc(entry_size << bits, PAGE_SIZE);
    struct its_command command;

    vm->v4.properties = its_alloc(ITS_LPI_COUNT, PAGE_SIZE);
    if (itt == NULL || vm->v4.properties == NULL)
        return false;
    command = its_mapd(vm->v4.device, bits, ptr_to_hpa(itt).v);
    return its_run(&command, 1) == 0;
}

void vgic_v4_vm_init(struct arm64_vm *vm)
{
    uint32_t count = vm->core.vcpu_count;

    vm->v4.device = vm->core.id + ITS_OWN_DEVICE + 1;
    vm->v4.first_vpe = vpe_next;
    if (!its_info.works)
        return;
    if (vm->v4.device >= ITS_DEVICE_COUNT || count > its_info.vpe_count - vpe_next || !map_device(vm)) {
        log_warn("vm %s: LPIs go by list registers: no room left in the ITS's tables, or no memory",
                 vm->core.config->name);
        return;
    }
    vpe_next += count;
    vm->v4.on = true;
}

/* --- Residency: what vgic_vpe.c asks for -------------------------------------------------------------------
 */

/* A failure of the ITS has been said, and its LPIs go by list registers: nothing more to do about it. */
static void run(const struct its_command *commands, uint32_t count)
{
    if (its_run(commands, count) != 0)
        return;
}

/* Only an ITS that does not tell the others by itself wants numbers with it; there is no other in use. */
static struct its_command vmovp(uint32_t vpe, const struct arm64_cpu *cpu)
{
    if ((its_info.typer & GITS_TYPER_VMOVP) != 0)
        return its_vmovp(vpe, cpu->its_rdbase, 0, 0);
    return its_vmovp(vpe, cpu->its_rdbase, atomic_fetch_add_explicit(&sequence, 1, memory_order_relaxed),
                     its_list());
}

/* The doorbell is an event of our own device, in the collection of the CPU that it goes to. */
static void move(struct vgic_vpe *vpe, uint32_t number)
{
    const struct arm64_cpu *cpu = (struct arm64_cpu *)cpus[number];
    const struct its_command commands[] = {
        vmovp(vpe->id, cpu),
        its_vsync(vpe->id),
        its_movi(ITS_OWN_DEVICE, event_of(vpe->id), number),
        its_sync(cpu->its_rdbase),
    };

    run(commands, ARRAY_COUNT(commands));
}

static void tell_own(const struct vgic_vpe *vpe, uint32_t command)
{
    const struct its_command commands[] = {
        its_event(command, ITS_OWN_DEVICE, event_of(vpe->id)),
        its_sync(((struct arm64_cpu *)cpus[vpe->home])->its_rdbase),
    };

    run(commands, ARRAY_COUNT(commands));
}

static void set_doorbell(struct vgic_vpe *vpe, bool on)
{
    its_lpi_enable(event_of(vpe->id), on);
    tell_own(vpe, ITS_CMD_INV);
}

static void hush(struct vgic_vpe *vpe)
{
    tell_own(vpe, ITS_CMD_CLEAR);
}

static void show(struct vgic_vpe *vpe)
{
    const struct vgic_v4_vcpu *v4 = CONTAINER_OF(vpe, struct vgic_v4_vcpu, vpe);
    uint64_t frame = this_arm64_cpu()->redistributor + GICR_VLPI_FRAME;

    mmio_write64(frame + GICR_VPROPBASER, ptr_to_hpa(arm64_vm_of(vpes[vpe->id]->vm)->v4.properties).v |
                                              its_table_attributes() |
                                              field_make(ITS_ID_BITS - 1, GICR_PROPBASER_ID_BITS));
    mmio_write64(frame + GICR_VPENDBASER, ptr_to_hpa(v4->pending).v | its_table_attributes() |
                                              (v4->table_changed ? GICR_VPENDBASER_IDAI : 0) |
                                              GICR_VPENDBASER_VALID);
}

/* Waits until the redistributor has written the vPE's table. */
static bool hide(struct vgic_vpe *vpe)
{
    struct vgic_v4_vcpu *v4 = CONTAINER_OF(vpe, struct vgic_v4_vcpu, vpe);
    uint64_t at = this_arm64_cpu()->redistributor + GICR_VLPI_FRAME + GICR_VPENDBASER;
    uint64_t since = time_now_ns();
    uint64_t value;

    mmio_write64(at, ptr_to_hpa(v4->pending).v | its_table_attributes());
    do {
        value = mmio_read64(at);
        if ((value & GICR_VPENDBASER_DIRTY) == 0) {
            v4->table_changed = (value & GICR_VPENDBASER_IDAI) != 0;
            return (value & GICR_VPENDBASER_PENDING_LAST) != 0;
        }
    } while (time_now_ns() - since < WAIT_NS);
    log_error("CPU %u: its redistributor does not let a virtual CPU go", this_cpu()->id);
    v4->table_changed = true;
    return true;
}

static const struct vgic_vpe_ops hardware = {
    .move = move, .doorbell = set_doorbell, .hush = hush, .show = show, .hide = hide};

/* Its LPIs and doorbell come to this CPU until it is loaded on another one. */
int vgic_v4_vcpu_init(struct arm64_vcpu *vcpu)
{
    const struct arm64_vm *vm = arm64_vm_of(vcpu->core.vm);
    struct vgic_v4_vcpu *v4 = &vcpu->v4;
    struct arm64_cpu *cpu = this_arm64_cpu();
    void *pending;

    if (!vm->v4.on)
        return 0;
    pending = its_alloc(PENDING_SIZE, ITS_TABLE_SIZE);
    if (pending == NULL)
        return E_NOMEM;
    v4->pending = pending;
    v4->table_changed = true;
    v4->vpe.ops = &hardware;
    v4->vpe.id = vm->v4.first_vpe + vcpu->core.id;
    v4->vpe.resident = VGIC_NOWHERE;
    v4->vpe.home = cpu->base.id;
    vpes[v4->vpe.id] = &vcpu->core;
    const struct its_command commands[] = {
        its_vmapp(v4->vpe.id, cpu->its_rdbase, ptr_to_hpa(pending).v, ITS_ID_BITS),
        its_vsync(v4->vpe.id),
        its_mapti(ITS_OWN_DEVICE, event_of(v4->vpe.id), doorbell_of(v4->vpe.id), cpu->base.id),
        its_event(ITS_CMD_INV, ITS_OWN_DEVICE, event_of(v4->vpe.id)),
        its_sync(cpu->its_rdbase),
    };
    its_lpi_enable(event_of(v4->vpe.id), false);
    return its_run(commands, ARRAY_COUNT(commands));
}

/* --- What the guest's ITS asks for -------------------------------------------------------------------------
 */

static struct arm64_vm *vm_of(struct vgic_vm *vgic)
{
    return CONTAINER_OF(vgic, struct arm64_vm, gic);
}

static uint32_t vpe_of(const struct arm64_vm *vm, uint32_t vcpu)
{
    return vm->v4.first_vpe + vcpu;
}

static void expect_arrival(const struct arm64_vm *vm, uint8_t vcpu)
{
    vgic_vpe_arrival(&arm64_vcpu_of(vm->core.vcpus[vcpu])->v4.vpe);
}

static bool route(struct vgic_vm *vgic, uint32_t index, uint8_t from, uint8_t to)
{
    const struct arm64_vm *vm = vm_of(vgic);
    uint32_t device = vm->v4.device;
    uint32_t vpe = vpe_of(vm, to == VGIC_NO_VCPU ? from : to);
    struct its_command commands[3];

    commands[1] = its_event(ITS_CMD_INV, device, index);
    commands[2] = its_vsync(vpe);
    if (to == VGIC_NO_VCPU) {
        commands[0] = its_event(ITS_CMD_CLEAR, device, index);
        commands[1] = its_event(ITS_CMD_DISCARD, device, index);
    } else if (from == VGIC_NO_VCPU) {
        commands[0] = its_vmapti(device, index, vpe, ITS_LPI_FIRST + index, doorbell_of(vpe));
    } else {
        commands[0] = its_vmovi(device, index, vpe, doorbell_of(vpe));
        expect_arrival(vm, to);
    }
    return its_run(commands, ARRAY_COUNT(commands)) == 0;
}

static bool post(struct vgic_vm *vgic, uint32_t index)
{
    const struct arm64_vm *vm = vm_of(vgic);
    const struct its_command command = its_event(ITS_CMD_INT, vm->v4.device, index);

    expect_arrival(vm, vm->lpis[index].target);
    return its_post(&command, 1) == 0;
}

static void clear(struct vgic_vm *vgic, uint32_t index)
{
    const struct arm64_vm *vm = vm_of(vgic);
    const struct its_command commands[] = {
        its_event(ITS_CMD_CLEAR, vm->v4.device, index),
        its_vsync(vpe_of(vm, vm->lpis[index].target)),
    };

    run(commands, ARRAY_COUNT(commands));
}

static void configure(struct vgic_vm *vgic, uint32_t index, uint8_t priority, bool enabled)
{
    struct arm64_vm *vm = vm_of(vgic);
    uint8_t value = (uint8_t)(priority | (enabled ? LPI_ENABLE : 0));

    if (vm->v4.properties[index] == value)
        return;
    vm->v4.properties[index] = value;
    its_clean(&vm->v4.properties[index], 1);
    vm->v4.stale_vcpus |= BIT(vm->lpis[index].target);
    vm->v4.stale_index = index;
    vm->v4.stale_count++;
}

/* One by its INV, more by their vCPU's VINVALL. */
static void settle(struct vgic_vm *vgic)
{
    struct arm64_vm *vm = vm_of(vgic);
    struct its_command commands[2 * BATCH];
    uint32_t count = 0;

    for (uint64_t left = vm->v4.stale_vcpus; left != 0; left &= left - 1) {
        uint32_t vpe = vpe_of(vm, (uint32_t)__builtin_ctzll(left));

        commands[count++] = vm->v4.stale_count == 1
                                ? its_event(ITS_CMD_INV, vm->v4.device, vm->v4.stale_index)
                                : its_vinvall(vpe);
        commands[count++] = its_vsync(vpe);
        if (count == ARRAY_COUNT(commands) || (left & (left - 1)) == 0) {
            run(commands, count);
            count = 0;
        }
    }
    vm->v4.stale_vcpus = 0;
    vm->v4.stale_count = 0;
}

static bool sleep(struct vgic_vcpu *v)
{
    return vgic_vpe_sleep(&arm64_vcpu_of(v->vcpu)->v4.vpe, &v->cpuif);
}

static void wake(struct vgic_vcpu *v)
{
    vgic_vpe_load(&arm64_vcpu_of(v->vcpu)->v4.vpe, this_cpu()->id);
}

const struct vgic_direct_ops vgic_v4_ops = {
    .route = route,
    .post = post,
    .clear = clear,
    .configure = configure,
    .settle = settle,
    .sleep = sleep,
    .wake = wake,
};
