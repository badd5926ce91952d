/* SPDX-License-Identifier: BSD-2-Clause */
/* See the header. */
#include "arch/arm64/guest_load.h"

#include "arch/arm64/guest_dtb.h"
#include "arch/arm64/guest_map.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/vm.h"
#include "lib/bytes.h"
#include "lib/error.h"

/* Header of the Image. */
#define IMAGE_HEADER_SIZE 64
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE        16
#define IMAGE_FLAGS       24
#define IMAGE_MAGIC       56
#define IMAGE_MAGIC_VALUE UINT32_C(0x644d5241) /* "ARM\x64" */
#define IMAGE_BIG_ENDIAN  BIT(0)
#define IMAGE_ALIGN       (2 * MIB)

/* Offset of raw images in RAM, and of Images so old that they do not say how large they are. */
#define DEFAULT_TEXT_OFFSET UINT64_C(0x80000)

/* Initrd and tree leave this much room to a kernel that does not say how much it needs (raw images: bss,
 * stack). */
#define KERNEL_ROOM (128 * MIB)

static int fail(const struct vm_config *wanted, int error, const char *what)
{
    log_error("vm %s: kernel: %s", wanted->name, what);
    return error;
}

/* Files that are no kernels for this machine, but often given as one. */
static const char *known_file(uint32_t magic)
{
    if ((magic & 0xffff) == 0x8b1f)
        return "a gzip file; unpack it first";
    switch (magic) {
    case 0x464c457f:
        return "an ELF file; make an Image or a raw image of it (objcopy -O binary)";
    case 0x587a37fd:
        return "an xz file; unpack it first";
    case 0xfd2fb528:
        return "a zstd file; unpack it first";
    case 0x37303730:
        return "a cpio archive; is it the initrd?";
    default:
        return NULL;
    }
}

/* Kernel's place and the bytes it takes there, bss included. */
static int place_kernel(const struct vm_config *wanted, const uint8_t *kernel, struct guest_layout *out,
                        uint64_t *span)
{
    uint64_t size = wanted->kernel.size;
    uint64_t offset = DEFAULT_TEXT_OFFSET;

    if (size < sizeof(uint32_t))
        return fail(wanted, E_TRUNCATED, "no instruction in the file");
    *span = size;
    out->format = "raw";
    if (size >= IMAGE_HEADER_SIZE && load_le32(kernel + IMAGE_MAGIC) == IMAGE_MAGIC_VALUE) {
        uint64_t image_size = load_le64(kernel + IMAGE_SIZE);

        out->format = "Image";
        if ((load_le64(kernel + IMAGE_FLAGS) & IMAGE_BIG_ENDIAN) != 0)
            return fail(wanted, E_NOTSUP, "a big-endian Image");
        if (image_size != 0) {
            offset = load_le64(kernel + IMAGE_TEXT_OFFSET);
            *span = max_u64(size, image_size);
        }
        if (offset >= IMAGE_ALIGN || !is_aligned(offset, PAGE_SIZE))
            return fail(wanted, E_INVAL, "the Image's header has an impossible text_offset");
    } else if (known_file(load_le32(kernel)) != NULL) {
        return fail(wanted, E_INVAL, known_file(load_le32(kernel)));
    }
    out->kernel = GUEST_RAM_BASE + offset;
    return 0;
}

int guest_layout_plan(const struct vm_config *wanted, const void *kernel, struct guest_layout *out)
{
    uint64_t left = wanted->mem;
    uint64_t initrd = wanted->has_initrd ? align_up(wanted->initrd.size, PAGE_SIZE) : 0;
    uint64_t span, after;
    int error = place_kernel(wanted, kernel, out, &span);

    if (error != 0)
        return error;
    /* Each step subtracts what is known to be there, so that nothing wraps. */
    if (span > left || out->kernel - GUEST_RAM_BASE > left - span)
        return fail(wanted, E_RANGE, "larger than the VM's memory: give it more (mem=)");
    after = align_up(out->kernel - GUEST_RAM_BASE + span, IMAGE_ALIGN);
    after = max_u64(after, align_down(min_u64(left / 2, KERNEL_ROOM), IMAGE_ALIGN));
    if (after > left || initrd > left - after || GUEST_DTB_SIZE > left - after - initrd)
        return fail(wanted, E_RANGE,
                    "no room for initrd and device tree behind it: give the VM more memory (mem=)");
    out->initrd_start = GUEST_RAM_BASE + after;
    out->initrd_end = out->initrd_start + (wanted->has_initrd ? wanted->initrd.size : 0);
    /* Page aligned and smaller than 2 MiB; that it may lie across a multiple of that hurts nobody since 4.2.
     */
    out->dtb = out->initrd_start + initrd;
    return 0;
}

int guest_load_images(struct vm *vm, const struct guest_layout *layout, const void *dtb, uint32_t dtb_size)
{
    const struct vm_config *wanted = vm->config;
    int error = guest_write(vm, gpa(layout->kernel), hpa_to_ptr(wanted->kernel.start), wanted->kernel.size);

    if (error == 0 && wanted->has_initrd)
        error =
            guest_write(vm, gpa(layout->initrd_start), hpa_to_ptr(wanted->initrd.start), wanted->initrd.size);
    if (error == 0)
        error = guest_write(vm, gpa(layout->dtb), dtb, dtb_size);
    return error;
}
