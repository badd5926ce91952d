# SPDX-License-Identifier: BSD-2-Clause
"""Where things lie in the source tree, and where the launcher may keep what it makes."""
import os
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_folder():
    """The folder of built files; LATCH_BUILD names another one."""
    return os.environ.get("LATCH_BUILD") or os.path.join(ROOT, "build")


def default_image(arch):
    """The image that `make ARCH=...` builds."""
    return os.path.join(build_folder(), arch, "Image" if arch == "arm64" else "latch.elf")


def cache_folder(name):
    """A folder for files worth keeping between runs, or None where nothing can be written."""
    folder = os.path.join(build_folder(), name)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def run_folder():
    """A private folder for the time of one run; the caller cleans it up."""
    return tempfile.TemporaryDirectory(prefix="latch-launch-")
