/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single instructions to be tried, by their index; what each is stands in probe.S.
 */
#pragma once

#include <stdint.h>

/* Runs one with RCX = a and EDX:EAX = R8 = b. Returns the vector of the exception it met, or UINT32_MAX. */
uint32_t probe_run(uint32_t index, uint64_t a, uint64_t b);

extern const uint32_t probe_rdmsr;
extern const uint32_t probe_wrmsr;
extern const uint32_t probe_cr0;
extern const uint32_t probe_cr1;
extern const uint32_t probe_cr3;
extern const uint32_t probe_cr4;
extern const uint32_t probe_cr8;
extern const uint32_t probe_dr4;
extern const uint32_t probe_dr6;
extern const uint32_t probe_dr7;
extern const uint32_t probe_xsetbv;
extern const uint32_t probe_vmrun;
extern const uint32_t probe_vmload;
extern const uint32_t probe_vmsave;
extern const uint32_t probe_stgi;
extern const uint32_t probe_clgi;
extern const uint32_t probe_invlpga;
extern const uint32_t probe_skinit;
extern const uint32_t probe_vmxon;
extern const uint32_t probe_vmlaunch;
extern const uint32_t probe_vmread;
extern const uint32_t probe_vmptrld;
extern const uint32_t probe_invept;
extern const uint32_t probe_vmfunc;
extern const uint32_t probe_vmcall;
extern const uint32_t probe_vmmcall;
extern const uint32_t probe_rsm;
extern const uint32_t probe_getsec;
extern const uint32_t probe_monitor;
extern const uint32_t probe_mwait;
extern const uint32_t probe_mwaitx;
extern const uint32_t probe_rdpmc;
extern const uint32_t probe_ud2;
extern const uint32_t probe_invd;
extern const uint32_t probe_wbinvd;
extern const uint32_t probe_clts;
extern const uint32_t probe_lock_nop;
extern const uint32_t probe_too_long;
extern const uint32_t probe_read8;
extern const uint32_t probe_read16;
extern const uint32_t probe_read32;
extern const uint32_t probe_read64;
extern const uint32_t probe_write8;
extern const uint32_t probe_write32;
extern const uint32_t probe_write64;
extern const uint32_t probe_lock_xchg;
extern const uint32_t probe_lock_inc;
extern const uint32_t probe_movsb;
extern const uint32_t probe_copy8; /* from a to b */
