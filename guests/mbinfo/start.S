/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry of the mbinfo guest by Multiboot 1 or Multiboot 2: 32-bit protected mode, paging off, EAX = loader's magic,
 * EBX = information structure. Needs a stack only; calls mbinfo_main(magic, info), which does not return.
 */
#define MB1_MAGIC  0x1badb002
#define MB1_FLAGS  0x00000003
#define MB2_MAGIC  0xe85250d6
#define STACK_SIZE 16384

    .section .header, "a"
    .align 8
mb2_header:
    .long MB2_MAGIC
    .long 0
    .long mb2_end - mb2_header
    .long -(MB2_MAGIC + (mb2_end - mb2_header))
    .short 0
    .short 0
    .long 8
mb2_end:
    .long MB1_MAGIC
    .long MB1_FLAGS
    .long -(MB1_MAGIC + MB1_FLAGS)

    .text
    .globl _start
_start:
    cli
    cld
    movl $stack_top, %esp
    xorl %ebp, %ebp
    subl $8, %esp
    pushl %ebx
    pushl %eax
    call mbinfo_main
1:  hlt
    jmp 1b

    .bss
    .align 16
    .skip STACK_SIZE
stack_top:

    .section .note.GNU-stack, "", @progbits
