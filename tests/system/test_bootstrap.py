# SPDX-License-Identifier: BSD-2-Clause
"""tools/bootstrap: does nothing where nothing is missing, and says in one line what it cannot do."""
import os
import subprocess

import pytest

import harness

BOOTSTRAP = os.path.join(harness.ROOT, "tools", "bootstrap")


@pytest.fixture
def fake_tools(tmp_path):
    """run(ARGUMENTS..., missing=PACKAGE): bootstrap with an apt-get that only notes its calls and fails."""
    tools = tmp_path / "tools"
    tools.mkdir()
    calls = tmp_path / "calls"
    calls.write_text("")

    def script(name, text):
        (tools / name).write_text("#!/bin/bash\n" + text)
        (tools / name).chmod(0o755)

    def run(*arguments, missing="", build=harness.BUILD):
        script("apt-get", f'echo "$*" >> {calls}\necho "E: Unable to fetch some archives" >&2\nexit 100\n')
        script("dpkg-query", f'[ "${{@: -1}}" = "{missing}" ] && exit 1\nexec /usr/bin/dpkg-query "$@"\n')
        done = subprocess.run([BOOTSTRAP, *arguments], capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LATCH_BUILD": str(build)})
        return done, calls.read_text()

    return run


def test_nothing_to_do_is_silent(fake_tools, linux):
    done, calls = fake_tools()
    assert (done.returncode, done.stdout, done.stderr, calls) == (0, "", "", "")


def test_missing_package_without_network(fake_tools):
    done, calls = fake_tools(missing="cppcheck")
    assert done.returncode == 1 and "install cppcheck" in calls
    assert "for lint and static analysis: installing cppcheck" in done.stdout
    assert done.stderr == ("bootstrap: apt-get could not install cppcheck (is the network up?): "
                           "E: Unable to fetch some archives\n")


def test_guests_without_network(fake_tools, tmp_path):
    done, _ = fake_tools("--guests", build=tmp_path / "build")
    assert done.returncode == 1
    assert "is the network up?" in done.stderr.splitlines()[-1]
    assert not os.path.exists(tmp_path / "build" / "guests" / "x86" / "vmlinuz")


def test_unknown_argument(fake_tools):
    done, calls = fake_tools("riscv")
    assert (done.returncode, calls) == (1, "")
    assert done.stderr == "bootstrap: unknown argument 'riscv'; usage: tools/bootstrap [x86|arm64|all] " \
                          "[--packages|--guests|--libfdt|--list]\n"


def test_list_says_what_each_package_is_for(fake_tools):
    done, _ = fake_tools("all", "--list")
    assert done.returncode == 0
    for line in done.stdout.splitlines():
        assert ": " in line
    assert "qemu-system-x86" in done.stdout and "gcc-aarch64-linux-gnu" in done.stdout
