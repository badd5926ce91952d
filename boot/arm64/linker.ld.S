/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arm64 image. One segment per kind of rights, each on pages of its own. The tables that the build makes
 * from the first link (relocations, symbols) come last, so that their size moves no symbol.
 */
#include "boot/arm64/layout.h"
#include "boot/debugger.ld.h"

OUTPUT_FORMAT("elf64-littleaarch64")
OUTPUT_ARCH(aarch64)
ENTRY(boot_header)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
    symbols PT_LOAD FLAGS(4);
    bss PT_LOAD FLAGS(6);
}

SECTIONS
{
    . = IMAGE_BASE;
    image_start = .;
    symbol_origin = .;
    .boot : {
        KEEP(*(.boot_header))
    } :text
    .debugger.text : {
        DEBUGGER(.text .text.*)
    } :text
    .text : ALIGN(2048) {
        KEEP(*(.text.vectors))
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
    .got : {
        *(.got .got.plt)
    } :rodata
    . = ALIGN(4096);
    rodata_end = .;

    .data : {
        *(.data .data.*)
    } :data
    . = ALIGN(4096);
    data_end = .;

    /* In front of the bss, which is not in the file: no code, no constant and no pointer lies behind. */
    .symbols : {
        KEEP(*(.symbols))
        . = ALIGN(2);
        relocs_start = .;
        KEEP(*(.relocs))
        relocs_end = .;
    } :symbols
    . = ALIGN(4096);
    symbols_end = .;

    .bss : {
        bss_start = .;
        *(.bss.pages)
        *(.bss .bss.*)
        *(COMMON)
        . = ALIGN(4096);
        bss_end = .;
    } :bss
    image_end = .;
    image_size = image_end - image_start;

    /DISCARD/ : {
        *(.comment .note.GNU-stack .note.gnu.property .eh_frame .eh_frame_hdr)
    }
    ASSERT(image_size <= IMAGE_MAX_SIZE, "the image is larger than what it may take of memory")
    ASSERT(boot_header == IMAGE_BASE, "the header must come first")
}
