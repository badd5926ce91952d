#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes decode_corpus.h: instructions as GNU as encodes them, with the operation the decoder must find.

Usage: tests/unit/decode_corpus.py > tests/unit/decode_corpus.h   (needs binutils; the result is checked in)
Each line of SOURCE is "MODES OP: assembly"; MODES are digits of 1 (16-bit), 2 (32-bit), 3 (64-bit).
"""
import re
import subprocess
import sys
import tempfile

SOURCE = """
123 CPUID: cpuid
123 RDMSR: rdmsr
123 WRMSR: wrmsr
123 HLT: hlt
123 VMMCALL: vmmcall
123 VMCALL: vmcall
123 CLTS: clts
123 INVD: invd
123 WBINVD: wbinvd
123 XSETBV: xsetbv
123 XGETBV: xgetbv
123 RDTSC: rdtsc
123 RDTSCP: rdtscp
123 RDPMC: rdpmc
123 PAUSE: pause
123 MONITOR: monitor
123 MWAIT: mwait
1 IRET: iretw
2 IRET: iretw
12 IRET: iretl
3 IRET: iretq
123 INT: int $0x80
123 INT3: int3
12 INTO: into
123 PUSHF: pushf
123 POPF: popf
123 VMRUN: vmrun
123 VMLOAD: vmload
123 VMSAVE: vmsave
123 STGI: stgi
123 CLGI: clgi
123 SKINIT: skinit
123 INVLPGA: invlpga
123 RSM: rsm
123 INT1: .byte 0xf1
123 UD: ud2
3 RDRAND: rdrand %rax
3 RDRAND: rdseed %r9d
123 MOV_TO_CR: mov %REGax, %cr0
123 MOV_FROM_CR: mov %cr0, %REGax
123 MOV_TO_CR: mov %REGcx, %cr3
123 MOV_FROM_CR: mov %cr4, %REGdi
3 MOV_TO_CR: mov %rax, %cr8
3 MOV_FROM_CR: mov %cr8, %r15
123 MOV_TO_DR: mov %REGax, %dr7
123 MOV_FROM_DR: mov %dr6, %REGdx
123 LMSW: lmsw %ax
2 LMSW: lmsw (%eax)
123 SMSW: smsw %ax
3 SMSW: smsw 0x10(%rax,%rbx,4)
3 INVLPG: invlpg (%rdi)
2 INVLPG: invlpg 0x12345678
1 INVLPG: invlpg 0x12(%bx,%si)
3 INVLPG: invlpg 0x1234(%rip)
3 INVLPG: invlpg %gs:-8(%r12)
3 DESCRIPTOR: lgdt (%rax)
3 DESCRIPTOR: sidt 8(%rsp)
3 DESCRIPTOR: ltr %ax
3 DESCRIPTOR: str (%rbx)
123 IN: in $0x60, %al
123 IN: in $0x60, %eax
123 IN: in %dx, %ax
123 OUT: out %al, %dx
123 OUT: out %eax, $0xf4
123 INS: insb
123 INS: rep insl
123 OUTS: rep outsb
123 OUTS: outsw
3 OUTS: rep outsl %fs:(%esi), %dx
123 MOVS: rep movsb
123 MOVS: rep movsl
3 MOVS: rep movsq
3 MOVS: movsq %gs:(%rsi), %es:(%rdi)
123 STOS: rep stosl
3 STOS: rep stosq
3 STOS: stosb %al, %es:(%edi)
123 LODS: lodsl
123 SCAS: repne scasb
123 CMPS: repe cmpsw
3 MOV: movl %eax, 0xb0(%rdi)
3 MOV: movl 0x20(%rdi), %eax
3 MOV: movq %r15, (%r13)
3 MOV: movq (%r12), %r8
3 MOV: movb %sil, 1(%rbp)
3 MOV: movw %ax, 0x11223344(%rsp,%rbp,8)
3 MOV: movb $0x55, (%rax,%r12,2)
3 MOV: movw $0x55aa, 8(%rax)
3 MOV: movl $0xff, 0xffffffffff5fc0b0
3 MOV: movq $-1, 0x10(%rip)
3 MOV: movabs %al, 0x1122334455667788
3 MOV: movabs 0x1122334455667788, %rax
3 MOV: movabs 0x1122334455667788, %ax
3 MOV: .byte 0x67, 0xa1, 0x44, 0x33, 0x22, 0x11
3 MOV: movl %ecx, %fs:0x28
3 MOV: movl %ecx, (%eax)
3 MOV: movl 0x10(%eax,%ecx,4), %edx
2 MOV: movl %eax, 0xfee000b0
2 MOV: movl 0xfee00020, %eax
2 MOV: movb %al, %es:0x10(%ebx)
2 MOV: movw 0x10(%bp,%di), %ax
2 MOV: movl $1, (%ecx,%edx,8)
1 MOV: movb %al, %es:(%di)
1 MOV: movw 0x1234, %ax
1 MOV: movl (%bp), %ecx
1 MOV: movl %eax, 0x100(%ebx,%esi,2)
1 MOV: movw $0x1234, 5(%bx)
3 MOV: movnti %eax, (%rdx)
3 MOV: movnti %rax, 0x40(%rdx)
3 MOVZX: movzbl (%rax), %ecx
3 MOVZX: movzwl 2(%rax), %r9d
3 MOVZX: movzbw (%rax), %cx
3 MOVSX: movsbq (%rax), %rcx
3 MOVSX: movswl (%rax), %ecx
3 MOVSX: movslq 4(%rax), %rcx
3 MOVBE: movbe (%rax), %ecx
3 MOVBE: movbe %rcx, 8(%rax)
123 ADD: addl $1, (%BASE)
123 OR: orw $0x1234, (%BASE)
123 ADC: adcb $3, (%BASE)
123 SBB: sbbl %ecx, (%BASE)
123 AND: andl (%BASE), %ecx
123 SUB: subl $0x12345678, (%BASE)
123 XOR: xorb %cl, (%BASE)
123 CMP: cmpl $0, 4(%BASE)
123 CMP: cmpb %al, (%BASE)
123 TEST: testl $0x1000, (%BASE)
123 TEST: testb $1, (%BASE)
123 TEST: testl %eax, (%BASE)
3 TEST: testq $0x1000, (%rbx)
123 ADD: lock addl $1, (%BASE)
123 XCHG: xchgl %eax, (%BASE)
123 CMPXCHG: lock cmpxchgl %ecx, (%BASE)
123 CMPXCHG8B: lock cmpxchg8b (%BASE)
3 CMPXCHG8B: lock cmpxchg16b (%rdi)
123 XADD: lock xaddw %ax, (%BASE)
123 INC: incl (%BASE)
123 DEC: decb (%BASE)
123 NOT: notl (%BASE)
123 NEG: negw (%BASE)
123 BT: btl $31, (%BASE)
123 BTS: lock btsl %eax, (%BASE)
123 BTR: btrl $3, (%BASE)
123 BTC: btcw %cx, (%BASE)
3 PUSH: pushq (%rax)
2 PUSH: pushl (%eax)
2 PUSH: pushw (%eax)
3 POP: popq 8(%rsp)
123 SETCC: setne (%BASE)
123 CMOVCC: cmovgl (%BASE), %ecx
123 SHL: shll $4, (%BASE)
123 SAR: sarb (%BASE)
123 ROR: rorl %cl, (%BASE)
123 OTHER: call .+0x1234
123 OTHER: jne .+0x1234
123 OTHER: jmp .+2
123 OTHER: enter $16, $1
123 OTHER: lret $8
12 OTHER: ljmp $8, $0x1234
12 OTHER: les (%BASE), %eax
12 OTHER: bound %eax, (%BASE)
3 OTHER: movabs $0x1122334455667788, %r10
123 OTHER: movaps (%BASE), %xmm1
123 OTHER: pshufd $1, (%BASE), %xmm1
123 OTHER: palignr $5, (%BASE), %xmm1
123 OTHER: crc32b (%BASE), %eax
123 OTHER: fnstcw (%BASE)
123 OTHER: fxsave (%BASE)
23 OTHER: vmovups (%BASE), %ymm3
23 OTHER: vzeroupper
23 OTHER: vpshufd $3, (%BASE), %ymm1
23 OTHER: vpermq $3, 0x40(%BASE), %ymm1
23 OTHER: vmovdqu32 0x40(%BASE), %zmm1{%k1}
23 OTHER: vcmpps $2, 0x1000(%BASE), %zmm1, %k2
23 OTHER: andn (%BASE), %eax, %ecx
23 OTHER: rorx $7, (%BASE), %ecx
3 OTHER: vprotb $3, (%rax), %xmm1
3 OTHER: bextr $0x1234, (%rax), %ecx
3 OTHER: syscall
3 OTHER: sysretq
3 OTHER: swapgs
3 OTHER: rdfsbase %rax
3 OTHER: popcnt (%rax), %ecx
3 OTHER: nopw %cs:0(%rax,%rax,1)
3 OTHER: endbr64
3 OTHER: extrq $3, $4, %xmm1
3 OTHER: imul $0x1234, (%rax), %ecx
3 OTHER: shld $3, %eax, (%rcx)
3 OTHER: xabort $1
3 OTHER: xbegin .+6
3 OTHER: fwait
3 XSAVES: xsaves (%rax)
3 OTHER: xsavec (%rax)
3 VMX: vmread %rax, (%rcx)
3 VMX: vmptrld (%rcx)
3 VMX: vmlaunch
3 INVEPT: invpcid (%rax), %rcx
"""
# Prefixes before instructions that are often intercepted: lengths with and without them must both be right.
PREFIXED = [(b, op) for b, op in (
    ("0f a2", "CPUID"), ("0f 32", "RDMSR"), ("f4", "HLT"), ("0f 01 d9", "VMMCALL"), ("0f 30", "WRMSR"))]
PREFIXES = {1: ["66", "67", "2e", "f2"], 2: ["66", "67", "3e", "f3"], 3: ["66", "67", "48", "66 48", "64 67 41"]}
DIRECTIVE = {1: ".code16", 2: ".code32", 3: ".code64"}
BASE = {1: "bx", 2: "ebx", 3: "rbx"}
REG = {1: "e", 2: "e", 3: "r"}


def assemble(mode, text):
    """The bytes GNU as gives for one instruction."""
    with tempfile.TemporaryDirectory() as where:
        with open(f"{where}/a.s", "w", encoding="ascii") as out:
            out.write(f"{DIRECTIVE[mode]}\n{text}\n")
        subprocess.run(["as", "--64" if mode == 3 else "--32", "-o", f"{where}/a.o", f"{where}/a.s"], check=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", f"{where}/a.o", f"{where}/a.bin"], check=True)
        with open(f"{where}/a.bin", "rb") as binary:
            return binary.read()


def main():
    """Print the table."""
    print("/* SPDX-License-Identifier: BSD-2-Clause */")
    print("/* Generated by tests/unit/decode_corpus.py from GNU as; do not edit. clang-format off */")
    print("#pragma once\n")
    print("/* clang-format off */")
    print("static const struct corpus_entry corpus[] = {")
    for line in SOURCE.strip().splitlines():
        modes, op, text = re.fullmatch(r"(\d+) (\w+): (.*)", line).groups()
        for mode in map(int, modes):
            asm = text.replace("BASE", BASE[mode]).replace("%REG", "%" + REG[mode])
            emit(mode, op, assemble(mode, asm), asm)
    for code, op in PREFIXED:
        for mode, prefixes in PREFIXES.items():
            for prefix in prefixes:
                emit(mode, op, bytes.fromhex(prefix + code), f"prefixes {prefix}")
    print("};\n/* clang-format on */")


def emit(mode, op, code, text):
    """One row."""
    row = ", ".join(f"0x{b:02x}" for b in code)
    if len(code) > 15:
        sys.exit(f"{text}: {len(code)} bytes")
    text = text.replace('"', "'")
    print(f'    {{{mode}, INSN_{op}, {len(code)}, {{{row}}}, "{text}"}},')


main()
