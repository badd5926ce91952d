# SPDX-License-Identifier: BSD-2-Clause
"""Kernels of every format, and files that are no kernels: one line each, and the machine beside them runs."""
import struct

import pytest

import harness

MB2_MAGIC = struct.pack("<I", 0xE85250D6)
ELF_PAGE = 0x1000
BZIMAGE_CUTS = (2, 0x200, 0x1F1, 0x202, 0x206, 0x211, 0x240, 0x26B, 0x1000, 0x8000, 1 << 20)


def pvh_elf(*segments):
    """An ELF64 file with a PVH note and segments (offset, physical address, file size, memory size)."""
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen", 0x100000)
    headers = [struct.pack("<IIQQQQQQ", 1, 7, offset, paddr, paddr, filesz, memsz, ELF_PAGE)
               for offset, paddr, filesz, memsz in segments]
    headers.append(struct.pack("<IIQQQQQQ", 4, 4, 0x800, 0, 0, len(note), len(note), 4))
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x100000, 64, 0, 0, 64, 56,
                                                          len(headers), 0, 0, 0)
    file = bytearray(0x3000)
    file[:len(head)] = head
    file[64:64 + 56 * len(headers)] = b"".join(headers)
    file[0x800:0x800 + len(note)] = note
    return bytes(file)


@pytest.fixture
def multiboot1(mbinfo, tmp_path):
    """The mbinfo guest with its multiboot2 header spoilt, so that the other one counts."""
    with open(mbinfo, "rb") as file:
        image = file.read()
    path = tmp_path / "mbinfo1.elf"
    path.write_bytes(image.replace(MB2_MAGIC, bytes(4), 1))
    return path


def bad_files(folder, linux, mbinfo):
    """{VM's name: (file, part of the line about it)}."""
    with open(linux.bzimage, "rb") as file:
        bzimage = file.read()
    with open(mbinfo, "rb") as file:
        multiboot = file.read()
    contents = {
        "text": (b"#!/bin/sh\necho I am no kernel\n" * 20, "begins with 23 21 2f 62"),
        "gzip": (b"\x1f\x8b\x08\x00" + bytes(100), "gzip file; unpack it first"),
        "noheader": (multiboot.replace(MB2_MAGIC, bytes(4)).replace(struct.pack("<I", 0x1BADB002), bytes(4)),
                     "neither a multiboot header nor a PVH entry note"),
        "overlap": (pvh_elf((ELF_PAGE, 0x100000, 0x1000, 0x1000), (0x2000, 0x100FFF, 0x1000, 0x1000)),
                    "ELF segment at 0x100fff overlaps ELF segment at 0x100000"),
        "wrap": (pvh_elf((ELF_PAGE, 0x100000, 0x1000, 0x1000), (0x2000, (1 << 64) - 0x800, 0x1000, 0x1000)),
                 "wrap around"),
        "outside": (pvh_elf((ELF_PAGE, 0x100000, 0x1000, 0x1000), (0x2000, 16 << 20, 0x1000, 0x1000)),
                    "does not fit into the RAM of mem=16384K"),
        "sizes": (pvh_elf((ELF_PAGE, 0x100000, 0x1000, 0xFFF)), "more than 0xfff in memory"),
        "trunc": (pvh_elf((ELF_PAGE, 0x100000, 0x1000, 0x1000))[:0x1FFF], "end behind the file's end 0x1fff"),
    }
    for cut in BZIMAGE_CUTS:
        contents[f"cut-{cut:x}"] = (bzimage[:cut], "")
    files = {}
    for name, (data, text) in contents.items():
        (folder / name).write_bytes(data)
        files[name] = (folder / name, text)
    return files


def test_bad_images(launch, latch_image, linux, mbinfo, tmp_path):
    """None starts, each has one line and one record; the good one does not notice."""
    files = bad_files(tmp_path, linux, mbinfo)
    vms = [word for name, (path, _) in files.items() for word in ("--vm", f"name={name},kernel={path},mem=16M")]
    result = launch("--mem", "1G", "--until", "^neighbour runs$", *vms,
                    "--vm", f"name=good,kernel={mbinfo},mem=16M,cmdline=say=neighbour_runs")
    assert result.status == 0, result
    for name, (_, text) in files.items():
        lines = [line for line in result.output.splitlines() if f"vm {name}: not started: " in line]
        assert len(lines) == 1 and text in lines[0], (name, lines, result)
        assert f"vm {name} ended: config" in result.output, result


def test_too_little_memory(launch, latch_image, linux, mbinfo, tmp_path):
    """An initrd larger than RAM, a kernel that needs more, more RAM than the machine has."""
    (tmp_path / "big").write_bytes(bytes(20 << 20))
    result = launch("--mem", "1G", "--until", "^neighbour runs$",
                    "--vm", f"name=initrd,kernel={mbinfo},initrd={tmp_path / 'big'},mem=16M",
                    "--vm", f"name=small,kernel={linux.bzimage},mem=32M",
                    "--vm", f"name=greedy,kernel={mbinfo},mem=64G",
                    "--vm", f"name=good,kernel={mbinfo},mem=16M,cmdline=say=neighbour_runs")
    assert result.status == 0, result
    assert "vm initrd: not started: initrd at 0x" in result.output, result
    assert "vm small: not started: kernel with its working memory (init_size)" in result.output, result
    assert "vm greedy: mem=65536M: only " in result.output, result


def test_grammar(launch, latch_image, mbinfo):
    """Each mistake names module, column, word and what is allowed."""
    result = launch("--hv", "nmi=maybe", "--until", "^neighbour runs$", "--module", f"{mbinfo},one:kernl",
                    "--module", f"{mbinfo},two:kernel mem=512", "--module", f"{mbinfo},three:initrd",
                    "--module", f"{mbinfo},four:kernel pins=0",
                    "--vm", f"name=good,kernel={mbinfo},mem=16M,cmdline=say=neighbour_runs")
    assert result.status == 0, result
    for line in ('column 5: unknown role "kernl"; allowed: kernel, initrd',
                 'column 12: bad value in "mem=512"; allowed: mem=SIZE',
                 "vm three: initrd without a kernel",
                 'column 13: unknown word "pins=0"; allowed: cpus= mem= on-end='):
        assert line in result.output, (line, result)
    assert 'bad value in "nmi=maybe"; allowed: nmi=auto|vnmi|iret|soft' in result.output, result


@pytest.mark.parametrize("version", [1, 2])
def test_multiboot(launch, latch_image, mbinfo, multiboot1, tmp_path, version):
    """What a multiboot guest finds: its name and command line, the initrd as module, the memory map."""
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"x" * 5000)
    kernel = mbinfo if version == 2 else multiboot1
    result = launch("--until", "^it runs$", "--vm",
                    f"name=tiny,kernel={kernel},initrd={initrd},mem=16M,cmdline=say=it_runs a=b")
    assert result.status == 0, result
    assert f"mbinfo: multiboot {version}\n" in result.output, result
    assert "mbinfo: cmdline [tiny say=it_runs a=b]" in result.output, result
    assert "size=0x1388" in result.output and "[initrd]" in result.output, result
    assert "mbinfo: memory base=0x100000 length=0xf00000 type=0x1" in result.output, result


def test_uncompressed_linux(launch, latch_image, linux):
    """Debian's vmlinux enters by its PVH note and finds its initrd."""
    result = launch("--until", "latch-guest: ready", "--vm", linux.vm(kernel=linux.elf, words="mem=256M"))
    assert result.status == 0, result
    assert "Command line: console=ttyS0 hostname=linux" in result.output, result


def test_memory_above_4g(launch, latch_image, linux):
    """3 GiB lie below, the rest above 4 GiB."""
    result = launch("--mem", "5G", "--until", "latch-guest: ready", "--vm", linux.vm(kernel=linux.elf, words="mem=3584M"))
    assert result.status == 0, result
    assert "[mem 0x0000000000100000-0x00000000bfffffff] usable" in result.output, result
    assert "[mem 0x0000000100000000-0x000000011fffffff] usable" in result.output, result
