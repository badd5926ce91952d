/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uint32_t probe_run(uint32_t index, uint64_t a, uint64_t b): runs instruction sequence `index` of probe_table
 * with RCX = a, EDX:EAX = R8 = b; returns NO_FAULT or the vector of the exception it met. The exception's handler
 * makes the CPU continue at probe_fault with RSP = probe_saved_rsp and the vector in RDI.
 */
#define NO_FAULT 0xFFFFFFFF

.text
.code64
.global probe_run, probe_fault
probe_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, probe_saved_rsp
    movl %edi, %r9d
    movq %rsi, %rcx
    movq %rdx, %r8
    movl %r8d, %eax
    movq %r8, %rdx
    shrq $32, %rdx
    movq probe_table(,%r9,8), %r9
    call *%r9
    movl $NO_FAULT, %edi
probe_fault:
    movl %edi, %eax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

.macro probe name:req, code:vararg
\name\()_code:
    \code
    ret
.pushsection .data.probes, "aw"
    .quad \name\()_code
.popsection
.pushsection .rodata
.global \name
.balign 4
\name: .long probe_counter
.popsection
.set probe_counter, probe_counter + 1
.endm
.set probe_counter, 0
.pushsection .data.probes, "aw"
.balign 8
probe_table:
.popsection

    probe probe_rdmsr, rdmsr
    probe probe_wrmsr, wrmsr
    probe probe_cr0, movq %r8, %cr0
    probe probe_cr1, .byte 0x0f, 0x20, 0xc8
    probe probe_cr3, movq %r8, %cr3
    probe probe_cr4, movq %r8, %cr4
    probe probe_cr8, movq %r8, %cr8
    probe probe_dr4, movq %r8, %dr4
    probe probe_dr6, movq %r8, %dr6
    probe probe_dr7, movq %r8, %dr7
    probe probe_xsetbv, xsetbv
    probe probe_vmrun, vmrun
    probe probe_vmload, vmload
    probe probe_vmsave, vmsave
    probe probe_stgi, stgi
    probe probe_clgi, clgi
    probe probe_invlpga, invlpga %rax, %ecx
    probe probe_skinit, skinit %eax
    probe probe_vmxon, vmxon (%rsp)
    probe probe_vmlaunch, vmlaunch
    probe probe_vmread, vmread %rax, %rcx
    probe probe_vmptrld, vmptrld (%rsp)
    probe probe_invept, .byte 0x66, 0x0f, 0x38, 0x80, 0x04, 0x24
    probe probe_vmfunc, .byte 0x0f, 0x01, 0xd4
    probe probe_vmcall, vmcall
    probe probe_vmmcall, vmmcall
    probe probe_rsm, rsm
    probe probe_getsec, .byte 0x0f, 0x37
    probe probe_monitor, monitor
    probe probe_mwait, mwait
    probe probe_mwaitx, .byte 0x0f, 0x01, 0xfb
    probe probe_rdpmc, rdpmc
    probe probe_ud2, ud2
    probe probe_invd, invd
    probe probe_wbinvd, wbinvd
    probe probe_clts, clts
    probe probe_lock_nop, .byte 0xf0, 0x90
    probe probe_too_long, .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
    probe probe_read8, movb (%rcx), %al
    probe probe_read16, movw (%rcx), %ax
    probe probe_read32, movl (%rcx), %eax
    probe probe_read64, movq (%rcx), %rax
    probe probe_write8, movb %al, (%rcx)
    probe probe_write32, movl %eax, (%rcx)
    probe probe_write64, movq %r8, (%rcx)
    probe probe_lock_xchg, lock xchgl %eax, (%rcx)
    probe probe_lock_inc, lock incl (%rcx)
    probe probe_movsb, .byte 0x48, 0x89, 0xce, 0x48, 0x8d, 0x7c, 0x24, 0x80, 0xb9, 0x10, 0, 0, 0, 0xf3, 0xa4
    probe probe_copy8, .byte 0x48, 0x89, 0xce, 0x4c, 0x89, 0xc7, 0xa4

.section .bss
.global probe_saved_rsp
.balign 8
probe_saved_rsp: .skip 8

.section .note.GNU-stack, "", @progbits
