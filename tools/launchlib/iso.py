# SPDX-License-Identifier: BSD-2-Clause
"""The bootable ISO image: GRUB for BIOS and UEFI, Latch, and the guests' files.

Images are kept by the hash of what is in them; the oldest are dropped.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

from . import grubcfg, paths
from .errors import LaunchError

# The part_* modules are there because GRUB's UEFI image looks for each and complains of any that is missing.
MODULES = ("multiboot2 multiboot linux normal serial terminal iso9660 all_video part_gpt part_msdos part_acorn part_amiga part_apple "
           "part_bsd part_dfly part_dvh part_plan part_sun part_sunpc")
KEPT = 24
KEPT_SECONDS = 3600
NEEDED = (("grub-mkrescue", "grub-common"), ("xorriso", "xorriso"), ("mformat", "mtools"))


def _require_tools():
    for tool, package in NEEDED:
        if not shutil.which(tool):
            raise LaunchError(f"{tool} is not installed (package {package}); run tools/bootstrap")
    for folder, package in (("i386-pc", "grub-pc-bin"), ("x86_64-efi", "grub-efi-amd64-bin")):
        if not os.path.isdir(f"/usr/lib/grub/{folder}"):
            raise LaunchError(f"GRUB for {folder} is not installed (package {package}); run tools/bootstrap")


def _hash_contents(config, files):
    digest = hashlib.sha256(config.encode() + MODULES.encode())
    for name, source, *_ in files:
        digest.update(name.encode())
        with open(source, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:32]


def _place(source, target):
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)


def _build(config, files, target):
    folder = os.path.dirname(os.path.abspath(target))
    with tempfile.TemporaryDirectory(prefix=".iso-", dir=folder) as stage:
        tree = os.path.join(stage, "tree")
        os.makedirs(os.path.join(tree, "boot", "grub"))
        with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as output:
            output.write(config)
        for name, source, *_ in files:
            _place(source, os.path.join(tree, "boot", name))
        image = os.path.join(stage, "image.iso")
        done = subprocess.run(
            ["grub-mkrescue", "-o", image, "--fonts=", "--locales=", "--themes=", f"--install-modules={MODULES}", tree],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0 or not os.path.exists(image):
            last = done.stdout.decode(errors="replace").strip().splitlines()
            raise LaunchError(f"grub-mkrescue failed: {last[-1] if last else 'no output'}")
        os.replace(image, target)


def _drop_old(folder):
    images = []
    for entry in os.scandir(folder):
        if entry.name.endswith(".iso"):
            images.append((entry.stat().st_mtime, entry.path))
    images.sort(reverse=True)
    for used, path in images[KEPT:]:
        if time.time() - used > KEPT_SECONDS:
            os.unlink(path)


@contextlib.contextmanager
def _locked(folder):
    """So that no image is dropped between being found and being marked as used."""
    with open(os.path.join(folder, ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(options, target):
    """Writes the image to `target`."""
    _require_tools()
    files = grubcfg.boot_files(options)
    _build(grubcfg.write_config(files), files, target)


def provide(options, run_folder):
    """The path of an image for these options, from the cache where there is one."""
    _require_tools()
    files = grubcfg.boot_files(options)
    config = grubcfg.write_config(files)
    folder = paths.cache_folder("iso")
    if folder is None:
        target = os.path.join(run_folder, "latch.iso")
        _build(config, files, target)
        return target
    target = os.path.join(folder, _hash_contents(config, files) + ".iso")
    with _locked(folder):
        found = os.path.exists(target)
        if found:
            os.utime(target)
    if not found:
        _build(config, files, target)
        with _locked(folder):
            _drop_old(folder)
    return target
