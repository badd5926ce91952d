/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot CPU's CPUID offers that Latch itself uses, read once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum cpu_vendor {
    CPU_VENDOR_OTHER,
    CPU_VENDOR_AMD, /* and Hygon */
    CPU_VENDOR_INTEL,
};

struct cpu_features {
    enum cpu_vendor vendor;
    char vendor_id[13];
    char brand[49];
    uint32_t max_basic;
    uint32_t max_extended;
    uint8_t phys_bits;
    bool has_1g_pages;
    bool has_xsave;
    bool has_rdtscp;
    bool has_svm;
    bool has_vmx;
    bool has_fred; /* "Flexible Return and Event Delivery": said at boot, not used */
    bool is_tcg; /* QEMU without KVM, told by its hypervisor leaf: a software CPU, which does not speculate */
    uint32_t xcr0;       /* state components: the CPU's, restricted to what guests may use; 0 without XSAVE */
    uint32_t xsave_size; /* bytes of the XSAVE area with all of xcr0 enabled; 512 without XSAVE */
};

extern struct cpu_features cpu_features;

/* Boot CPU, before anything looks at cpu_features. */
void cpu_features_init(void);
