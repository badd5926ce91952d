# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the system tests. Nothing is built here: the image and the guests must be there (make test builds them)."""
import os
import re
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402


def pytest_configure():
    """Workers side by side keep apart those emulators that have to stay on one CPU of this machine."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        os.environ["LAUNCH_CORE"] = worker[2:]


def _log_path(request):
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.node.name).strip("-")
    os.makedirs(harness.LOG_FOLDER, exist_ok=True)
    return os.path.join(harness.LOG_FOLDER, f"{request.node.path.stem}.{name}.log")


@pytest.fixture
def launch(request):
    """launch(ARGUMENTS..., stdin=BYTES, timeout=S) runs tools/launch to its end and returns a harness.Result."""
    return harness.Launcher(_log_path(request))


@pytest.fixture
def console(request):
    """console(ARGUMENTS...) starts tools/launch on a terminal and returns a harness.Console, ended with the test."""
    opened = []

    def start(*arguments, **options):
        opened.append(harness.Console(_log_path(request), *arguments, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def latch_image():
    """The image under test."""
    return harness.require(os.path.join(harness.BUILD, "x86", "latch.elf"), "make build")


@pytest.fixture(scope="session")
def latch_arm64():
    """The arm64 image under test."""
    return harness.require(os.path.join(harness.BUILD, "arm64", "Image"), "make build ARCH=arm64")


@pytest.fixture(scope="session")
def mbinfo():
    """The guest that reports what its boot loader handed over."""
    return harness.require(os.path.join(harness.BUILD, "guests", "mbinfo.elf"), "make build/guests/mbinfo.elf")


@pytest.fixture(scope="session")
def linux():
    """Debian's kernel and the initramfs."""
    return harness.Linux()
