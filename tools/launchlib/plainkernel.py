# SPDX-License-Identifier: BSD-2-Clause
"""Uncompressed kernels for slow emulators, unpacked once and kept by the hash of the bzImage."""
import hashlib
import os

from . import bzimage, paths
from .terminal import note


def provide(path, run_folder):
    """`path` itself, or the ELF kernel inside it if it is a bzImage."""
    if not bzimage.is_bzimage(path):
        return path
    with open(path, "rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()[:32]
    target = os.path.join(paths.cache_folder("vmlinux") or run_folder, digest + ".elf")
    if not os.path.exists(target):
        note(f"unpacking {path}, which would take the emulated machine minutes")
        bzimage.extract_elf(path, target)
    return target
