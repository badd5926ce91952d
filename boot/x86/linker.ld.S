/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The x86 image: fixed at 2 MiB, virtual = physical. One segment per kind of rights, each on pages of its own.
 * The symbol table comes last, so that its size moves no symbol between the two links.
 */
#include "boot/debugger.ld.h"
#include "boot/x86/layout.h"

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(boot_entry32)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
    symbols PT_LOAD FLAGS(4);
}

SECTIONS
{
    . = IMAGE_BASE;
    image_start = .;
    symbol_origin = .;
    .boot : {
        KEEP(*(.multiboot2))
        KEEP(*(.boot32))
    } :text
    .debugger.text : {
        DEBUGGER(.text .text.*)
    } :text
    .text : {
        *(.text.hot .text.hot.*)
        *(.text .text.*)
    } :text
    . = ALIGN(4096);
    text_end = .;

    .debugger.rodata : {
        DEBUGGER(.rodata .rodata.*)
    } :rodata
    .rodata : {
        *(.rodata .rodata.*)
    } :rodata
    .note.gnu.build-id : {
        /* A note: 16 bytes of header and owner, then the hash. */
        build_id = . + 16;
        KEEP(*(.note.gnu.build-id))
    } :rodata
    . = ALIGN(4096);
    rodata_end = .;

    .data : {
        *(.data .data.*)
        *(.got .got.plt)
    } :data
    .bss : {
        *(.bss.pages)
        *(.bss .bss.*)
        *(COMMON)
    } :data
    . = ALIGN(4096);
    data_end = .;

    .symbols : {
        KEEP(*(.symbols))
    } :symbols
    . = ALIGN(4096);
    image_end = .;

    /DISCARD/ : {
        *(.comment .note.GNU-stack .note.gnu.property .eh_frame .eh_frame_hdr)
    }
    ASSERT(image_end - image_start <= IMAGE_MAX_SIZE, "the image is larger than what it may take of low memory")
    ASSERT(image_start == IMAGE_BASE, "the multiboot2 header must come first")
}
