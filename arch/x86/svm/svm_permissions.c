/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O and MSR permission maps. No guest owns a port, so every port exits; a few MSRs that VMRUN, VMLOAD
 * and VMSAVE switch by themselves are the guest's to use. One pair of maps serves all guests and never
 * changes after boot. "MSR Intercepts" and "IOIO Intercepts", AMD64 APM volume 2, chapter "Secure Virtual
 * Machine".
 */
#include "arch/x86/msr.h"
#include "arch/x86/svm/svm.h"
#include "core/pmem.h"
#include "lib/error.h"
#include "lib/string.h"

#define IOPM_PAGES  3
#define MSRPM_PAGES 2

/* Three ranges of 8192 MSRs, two bits each: read, write. */
#define MSRPM_RANGE_MSRS  0x2000u
#define MSRPM_RANGE_BYTES 0x800u

static hpa_t iopm;
static hpa_t msrpm;

/* Ours to give away: all switched by VMLOAD/VMSAVE (TSC_AUX by vCPU load/put). */
static const uint32_t guest_msrs[] = {
    MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
    MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

static void msrpm_allow(uint8_t *map, uint32_t msr)
{
    static const uint32_t range_starts[] = {0, 0xc0000000, 0xc0010000};

    for (uint32_t range = 0; range < ARRAY_COUNT(range_starts); range++) {
        uint32_t index = msr - range_starts[range];

        if (index < MSRPM_RANGE_MSRS) {
            uint8_t *byte = map + range * MSRPM_RANGE_BYTES + index / 4;

            *byte = (uint8_t)(*byte & ~(3u << (index % 4 * 2)));
            return;
        }
    }
}

int svm_permissions_init(void)
{
    uint8_t *map;

    if (pmem_alloc(IOPM_PAGES, PAGE_SIZE, &iopm) != 0)
        return E_NOMEM;
    if (pmem_alloc(MSRPM_PAGES, PAGE_SIZE, &msrpm) != 0) {
        pmem_free(iopm, IOPM_PAGES);
        return E_NOMEM;
    }
    memset(hpa_to_ptr(iopm), 0xff, IOPM_PAGES * PAGE_SIZE);
    map = hpa_to_ptr(msrpm);
    memset(map, 0xff, MSRPM_PAGES * PAGE_SIZE);
    for (uint32_t i = 0; i < ARRAY_COUNT(guest_msrs); i++)
        msrpm_allow(map, guest_msrs[i]);
    return 0;
}

uint64_t svm_iopm_pa(void)
{
    return iopm.v;
}

uint64_t svm_msrpm_pa(void)
{
    return msrpm.v;
}
