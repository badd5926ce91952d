# SPDX-License-Identifier: BSD-2-Clause
"""The Linux x86 boot protocol's image, as far as finding the compressed kernel in it.

The setup header says where the protected-mode part starts (setup_sects), and protocol 2.08 and later say where
in it the compressed ELF lies (payload_offset, payload_length). The last four bytes of the payload are the size of
the uncompressed kernel (for gzip, the format's own trailer has the same meaning).
"""
import gzip
import lzma
import os
import struct
import subprocess
import tempfile

from .errors import LaunchError

SETUP_SECTS = 0x1F1
BOOT_FLAG = 0x1FE
HEADER_MAGIC = 0x202
VERSION = 0x206
PAYLOAD_OFFSET = 0x248
PAYLOAD_LENGTH = 0x24C
HEADER_END = 0x250
SECTOR = 512
PAYLOAD_SINCE = 0x0208


def is_bzimage(path):
    """Whether the file carries the boot protocol's signatures."""
    with open(path, "rb") as image:
        header = image.read(HEADER_END)
    return (len(header) == HEADER_END and header[BOOT_FLAG:BOOT_FLAG + 2] == b"\x55\xaa"
            and header[HEADER_MAGIC:HEADER_MAGIC + 4] == b"HdrS")


def read_payload(path):
    """The compressed kernel inside a bzImage."""
    with open(path, "rb") as image:
        data = image.read()
    if len(data) < HEADER_END or data[HEADER_MAGIC:HEADER_MAGIC + 4] != b"HdrS":
        raise LaunchError(f"{path} is no bzImage (no boot protocol header)")
    version, = struct.unpack_from("<H", data, VERSION)
    if version < PAYLOAD_SINCE:
        raise LaunchError(f"{path} has boot protocol {version >> 8}.{version & 0xff:02}; 2.08 or later is needed")
    setup_sectors = data[SETUP_SECTS] or 4
    offset, length = struct.unpack_from("<II", data, PAYLOAD_OFFSET)
    start = (setup_sectors + 1) * SECTOR + offset
    if length < 8 or start + length > len(data):
        raise LaunchError(f"{path} is cut short: its payload ends at {start + length}, the file at {len(data)}")
    return data[start:start + length]


def _run_tool(argv, data):
    try:
        done = subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        raise LaunchError(f"the kernel is packed with {argv[0]}, which is not installed; run tools/bootstrap") from None
    return done.stdout


def decompress(payload):
    """The kernel from its payload; the four bytes of size after the compressed stream are tolerated."""
    try:
        if payload.startswith(b"\x1f\x8b"):
            return gzip.decompress(payload)
        if payload.startswith(b"\xfd7zXZ\x00"):
            return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
        if payload.startswith(b"\x5d\x00\x00"):
            return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(payload)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise LaunchError(f"the kernel's payload is damaged: {error}") from None
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return _run_tool(["zstd", "-dcq"], payload[:-4])
    if payload.startswith(b"\x02\x21\x4c\x18"):
        return _run_tool(["lz4", "-dcq"], payload[:-4])
    if payload.startswith(b"\x7fELF"):
        return payload
    raise LaunchError(f"the kernel's payload is packed in an unknown way (starts with {payload[:4].hex()})")


def extract_elf(source, target):
    """Writes the ELF kernel of bzImage `source` to `target`, whole or not at all."""
    kernel = decompress(read_payload(source))
    if not kernel.startswith(b"\x7fELF"):
        raise LaunchError(f"the payload of {source} is no ELF file, or is damaged")
    folder = os.path.dirname(os.path.abspath(target))
    os.makedirs(folder, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=folder, prefix=".vmlinux-")
    try:
        with os.fdopen(handle, "wb") as output:
            output.write(kernel)
        os.chmod(part, 0o644)
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise
