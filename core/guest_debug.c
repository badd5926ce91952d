/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The points of all debuggers of a VM. The table belongs to the boot CPU while the VM is held; vCPUs that run
 * only read it. Two users may have the same software breakpoint: the patch goes with the last.
 */
#include "core/guest_debug.h"

#include "core/arch.h"
#include "core/gdb.h"
#include "core/guest_mem.h"
#include "core/inspect.h"
#include "core/pmem.h"
#include "lib/error.h"
#include "lib/string.h"

_Static_assert(sizeof(struct guest_debug) <= PAGE_SIZE, "one page");

static const struct guest_debug_listener *const listeners[] = {&gdb_listener, &shell_listener};

static void apply(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        arch_guest_debug_apply(vm->vcpus[i]);
}

int guest_debug_attach(struct vm *vm, enum guest_debug_user user)
{
    if (vm->debug == NULL)
        vm->debug = page_alloc();
    if (vm->debug == NULL)
        return E_NOMEM;
    vm->debug->users |= (uint32_t)BIT(user);
    return 0;
}

/* --- Software breakpoints
 * ------------------------------------------------------------------------------------ */

static const struct guest_debug_point *patch_at(const struct guest_debug *debug, uint64_t at)
{
    for (uint32_t i = 0; i < GUEST_DEBUG_SOFT_MAX; i++)
        if (debug->soft[i].used && debug->soft[i].patched.v == at)
            return &debug->soft[i];
    return NULL;
}

bool guest_debug_is_patched(const struct vm *vm, gpa_t at)
{
    return vm->debug != NULL && patch_at(vm->debug, at.v) != NULL;
}

static int patch(struct vcpu *vcpu, struct guest_debug_point *point)
{
    const struct guest_debug_point *other;
    gpa_t at;

    if (arch_guest_translate(vcpu, point->at, &at) != 0)
        return E_FAULT;
    other = patch_at(vcpu->vm->debug, at.v);
    if (other != NULL)
        memcpy(point->old, other->old, sizeof(point->old));
    else if (guest_read(vcpu->vm, at, point->old, arch_guest_break_size) != 0 ||
             guest_write(vcpu->vm, at, arch_guest_break, arch_guest_break_size) != 0)
        return E_FAULT;
    arch_guest_code_changed(vcpu->vm, at, arch_guest_break_size);
    point->patched = at;
    return 0;
}

/* Whatever the guest has written there meanwhile stays. */
static void unpatch(struct vm *vm, struct guest_debug_point *point)
{
    uint8_t now[sizeof(point->old)];

    point->used = false;
    if (patch_at(vm->debug, point->patched.v) != NULL ||
        guest_read(vm, point->patched, now, arch_guest_break_size) != 0 ||
        memcmp(now, arch_guest_break, arch_guest_break_size) != 0)
        return;
    (void)!guest_write(vm, point->patched, point->old, arch_guest_break_size); /* it could be read */
    arch_guest_code_changed(vm, point->patched, arch_guest_break_size);
}

/* --- The table
 * ------------------------------------------------------------------------------------------------ */

static void table_of(struct guest_debug *debug, enum guest_debug_kind kind, struct guest_debug_point **first,
                     uint32_t *count)
{
    *first = kind == GUEST_DEBUG_SOFT ? debug->soft : debug->hard;
    *count = kind == GUEST_DEBUG_SOFT ? GUEST_DEBUG_SOFT_MAX : GUEST_DEBUG_HARD_MAX;
}

/* The user's point, or with `kind` GUEST_DEBUG_KINDS a free one. */
static struct guest_debug_point *find(struct guest_debug *debug, const struct guest_debug_point *like,
                                      bool is_free)
{
    struct guest_debug_point *points;
    uint32_t count;

    table_of(debug, (enum guest_debug_kind)like->kind, &points, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct guest_debug_point *point = &points[i];

        if (is_free ? !point->used
                    : point->used && point->kind == like->kind && point->user == like->user &&
                          point->at.v == like->at.v && point->size == like->size)
            return point;
    }
    return NULL;
}

/* Points in the hardware that take the same registers. */
static uint32_t count_like(const struct guest_debug *debug, enum guest_debug_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; kind != GUEST_DEBUG_SOFT && i < GUEST_DEBUG_HARD_MAX; i++)
        count +=
            debug->hard[i].used && (debug->hard[i].kind == GUEST_DEBUG_EXEC) == (kind == GUEST_DEBUG_EXEC);
    return count;
}

static bool size_fits(const struct guest_debug_point *point)
{
    if (point->kind == GUEST_DEBUG_SOFT || point->kind == GUEST_DEBUG_EXEC)
        return true;
    return point->size != 0 && point->size <= sizeof(uint64_t) && (point->size & (point->size - 1)) == 0 &&
           is_aligned(point->at.v, point->size);
}

int guest_debug_insert(struct vcpu *vcpu, enum guest_debug_user user, enum guest_debug_kind kind, gva_t at,
                       uint32_t size)
{
    struct guest_debug *debug = vcpu->vm->debug;
    struct guest_debug_point wanted = {.used = true,
                                       .kind = (uint8_t)kind,
                                       .user = (uint8_t)user,
                                       .size = (uint8_t)min_u64(size, 255),
                                       .at = at};
    struct guest_debug_point *point;

    if (debug == NULL || (debug->users & BIT(user)) == 0 || kind >= GUEST_DEBUG_KINDS || !size_fits(&wanted))
        return E_INVAL;
    if (arch_guest_debug_most(kind) == 0)
        return E_NOTSUP;
    if (find(debug, &wanted, false) != NULL)
        return 0;
    point = find(debug, &wanted, true);
    if (point == NULL || count_like(debug, kind) >= arch_guest_debug_most(kind))
        return E_NOMEM;
    if (kind == GUEST_DEBUG_SOFT && patch(vcpu, &wanted) != 0)
        return E_FAULT;
    *point = wanted;
    apply(vcpu->vm);
    return 0;
}

int guest_debug_remove(struct vcpu *vcpu, enum guest_debug_user user, enum guest_debug_kind kind, gva_t at,
                       uint32_t size)
{
    struct guest_debug *debug = vcpu->vm->debug;
    const struct guest_debug_point wanted = {
        .kind = (uint8_t)kind, .user = (uint8_t)user, .size = (uint8_t)min_u64(size, 255), .at = at};
    struct guest_debug_point *point;

    if (debug == NULL || kind >= GUEST_DEBUG_KINDS)
        return E_INVAL;
    point = find(debug, &wanted, false);
    if (point == NULL)
        return 0;
    if (kind == GUEST_DEBUG_SOFT)
        unpatch(vcpu->vm, point);
    point->used = false;
    apply(vcpu->vm);
    return 0;
}

void guest_debug_clear(struct vm *vm, enum guest_debug_user user)
{
    struct guest_debug *debug = vm->debug;

    if (debug == NULL)
        return;
    for (uint32_t i = 0; i < GUEST_DEBUG_SOFT_MAX; i++)
        if (debug->soft[i].used && debug->soft[i].user == user)
            unpatch(vm, &debug->soft[i]);
    for (uint32_t i = 0; i < GUEST_DEBUG_HARD_MAX; i++)
        if (debug->hard[i].user == user)
            debug->hard[i].used = false;
    debug->stepping = 0;
    apply(vm);
}

void guest_debug_detach(struct vm *vm, enum guest_debug_user user)
{
    struct guest_debug *debug = vm->debug;

    if (debug == NULL)
        return;
    guest_debug_clear(vm, user);
    debug->users &= ~(uint32_t)BIT(user);
    guest_debug_resume_all(vm);
    if (debug->users != 0)
        return;
    /* Without points no vCPU gets to guest_debug_stopped() any more. */
    vm->debug = NULL;
    page_free(debug);
}

void guest_debug_vm_reset(struct vm *vm)
{
    struct guest_debug *debug = vm->debug;

    if (debug == NULL)
        return;
    for (uint32_t i = 0; i < GUEST_DEBUG_SOFT_MAX; i++)
        debug->soft[i].used = false;
    debug->stepping = 0;
    apply(vm);
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        if ((atomic_load_explicit(&debug->held, memory_order_relaxed) & BIT(i)) != 0)
            vcpu_request(vm->vcpus[i], VCPU_REQ_HOLD); /* the reset has dropped the requests */
}

/* --- Holding and running ----------------------------------------------------------------------------------
 */

void guest_debug_hold(struct vm *vm)
{
    struct guest_debug *debug = vm->debug;

    for (uint32_t i = 0; debug != NULL && i < vm->vcpu_count; i++)
        if ((atomic_fetch_or_explicit(&debug->held, BIT(i), memory_order_seq_cst) & BIT(i)) == 0)
            vcpu_hold(vm->vcpus[i]);
}

bool guest_debug_is_stepping(const struct vcpu *vcpu)
{
    return vcpu->vm->debug != NULL && (vcpu->vm->debug->stepping & BIT(vcpu->id)) != 0;
}

void guest_debug_resume(struct vcpu *vcpu, bool step)
{
    struct guest_debug *debug = vcpu->vm->debug;
    uint64_t bit = BIT(vcpu->id);

    if (debug == NULL || (atomic_load_explicit(&debug->held, memory_order_relaxed) & bit) == 0)
        return;
    if (step != guest_debug_is_stepping(vcpu) || step) {
        debug->stepping = step ? debug->stepping | bit : debug->stepping & ~bit;
        arch_guest_debug_apply(vcpu);
    }
    atomic_fetch_and_explicit(&debug->held, ~bit, memory_order_seq_cst);
    vcpu_release(vcpu);
}

void guest_debug_resume_all(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        guest_debug_resume(vm->vcpus[i], false);
}

void guest_debug_stopped(const struct guest_debug_stop *stop)
{
    struct vm *vm = stop->vcpu->vm;

    guest_debug_hold(vm);
    for (size_t i = 0; i < ARRAY_COUNT(listeners); i++)
        listeners[i]->stopped(vm, stop);
}

/* --- Memory
 * --------------------------------------------------------------------------------------------------- */

/* The bytes of [at, at + size) that a patch covers: `old` to `bytes`, or the other way round. */
static void cover(struct guest_debug *debug, uint64_t at, uint8_t *bytes, size_t size, bool to_old)
{
    for (uint32_t i = 0; i < GUEST_DEBUG_SOFT_MAX; i++) {
        struct guest_debug_point *point = &debug->soft[i];

        for (uint32_t k = 0; point->used && k < arch_guest_break_size; k++) {
            uint64_t offset = point->patched.v + k - at;

            if (offset >= size)
                continue;
            if (to_old)
                point->old[k] = bytes[offset];
            else
                bytes[offset] = point->old[k];
        }
    }
}

/* What was written over a patch lies below it now: the patch again. */
static void patch_again(struct vm *vm, uint64_t at, size_t size)
{
    for (uint32_t i = 0; i < GUEST_DEBUG_SOFT_MAX; i++) {
        const struct guest_debug_point *point = &vm->debug->soft[i];

        if (point->used && point->patched.v + arch_guest_break_size > at && point->patched.v < at + size)
            (void)!guest_write(vm, point->patched, arch_guest_break, arch_guest_break_size);
    }
}

/* The part of [at, at + size) in one page, and where it is; 0: nowhere. */
static size_t piece_at(struct vcpu *vcpu, uint64_t at, size_t size, gpa_t *where)
{
    if (arch_guest_translate(vcpu, gva(at), where) != 0)
        return 0;
    return min_u64(PAGE_SIZE - (at & (PAGE_SIZE - 1)), size);
}

size_t guest_debug_read(struct vcpu *vcpu, gva_t from, void *to, size_t size)
{
    uint8_t *bytes = to;
    size_t done = 0;

    while (done < size) {
        gpa_t where;
        size_t piece = piece_at(vcpu, from.v + done, size - done, &where);

        if (piece == 0 || guest_read(vcpu->vm, where, bytes + done, piece) != 0)
            break;
        if (vcpu->vm->debug != NULL)
            cover(vcpu->vm->debug, where.v, bytes + done, piece, false);
        done += piece;
    }
    return done;
}

size_t guest_debug_write(struct vcpu *vcpu, gva_t to, const void *from, size_t size)
{
    const uint8_t *bytes = from;
    size_t done = 0;

    while (done < size) {
        gpa_t where;
        size_t piece = piece_at(vcpu, to.v + done, size - done, &where);

        if (piece == 0 || guest_write(vcpu->vm, where, bytes + done, piece) != 0)
            break;
        if (vcpu->vm->debug != NULL) {
            cover(vcpu->vm->debug, where.v, (uint8_t *)(uintptr_t)(bytes + done), piece, true);
            patch_again(vcpu->vm, where.v, piece);
        }
        arch_guest_code_changed(vcpu->vm, where, piece);
        done += piece;
    }
    return done;
}
