# SPDX-License-Identifier: BSD-2-Clause
"""Rules that a tool checks one file at a time: clang-format, headers that compile alone, cppcheck, gcc -fanalyzer."""
import functools
import re
import shutil
import subprocess
from typing import List

from cache import Job
from source import Tree

KERNEL = ("lib/", "core/", "vdev/", "drivers/", "arch/", "boot/", "guests/")
ARM64 = ("arch/arm64/", "boot/arm64/")
# A header that only another file's fragment may include says so by its name.
FRAGMENT = re.compile(r"\.inc\.h$")
ANALYZER = ["-fanalyzer", "-Wno-analyzer-malloc-leak", "-Wno-analyzer-too-complex"]
CPPCHECK = ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--std=c11", "--inline-suppr",
            "--suppress=missingInclude", "--suppress=comparePointers", "--suppress=preprocessorErrorDirective", "--suppress=nullPointerArithmeticRedundantCheck",
            "--template={file}:{line}: {id}: {message}", "--max-configs=1", "-I."]


@functools.lru_cache(None)
def flags(root: str, arch: str) -> List[str]:
    """The build's own compiler flags, from the Makefile."""
    done = subprocess.run(["make", "-s", "--no-print-directory", "lint-flags", f"ARCH={arch}"], cwd=root,
                          capture_output=True, text=True)
    if done.returncode != 0:
        return ["gcc", "-std=c11", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-I.", f"-Iarch/{arch}/inline"]
    return [f for f in done.stdout.split() if f != "-fstack-usage"]


def run(tree: Tree, command: List[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=tree.root, input=stdin, capture_output=True, text=True, errors="replace")


def first_errors(output: str, path: str, why: str) -> List[str]:
    found = []
    for line in output.split("\n"):
        match = re.match(r"(?:\./)?([^ :]+):(\d+):(?:\d+:)? (?:fatal )?(?:error|warning): (.*)", line)
        if match:
            found.append(f"{match.group(1)}:{match.group(2)}: {match.group(3)} ({why})")
    return found or [f"{path}:1: {(output.strip().split(chr(10)) or ['failed'])[0]} ({why})"]


def check_format(tree: Tree, path: str) -> List[str]:
    done = run(tree, ["clang-format", "--style=file", "--dry-run", "--ferror-limit=1", path])
    match = re.search(r":(\d+):\d+: warning: code should be clang-formatted", done.stderr)
    if match:
        return [f"{path}:{match.group(1)}: not in the house's format: run clang-format -i {path}"]
    return [] if done.returncode == 0 else [f"{path}:1: clang-format: {done.stderr.strip()}"]


def compiler(tree: Tree, path: str) -> List[str]:
    if path.startswith("tests/"):
        return ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I.", "-Itests/unit/inline", "-DLATCH_HOST_TEST"]
    return flags(str(tree.root), "arm64" if path.startswith(ARM64) else "x86")


def check_header(tree: Tree, path: str) -> List[str]:
    # Twice: #pragma once must hold too.
    program = f'#include "{path}"\n#include "{path}"\n'
    done = run(tree, compiler(tree, path) + ["-Wno-unused-function", "-fsyntax-only", "-x", "c", "-"], program)
    if done.returncode == 0:
        return []
    return first_errors(done.stderr, path, "the header must compile alone: include what it uses")


def check_analyzer(tree: Tree, path: str) -> List[str]:
    done = run(tree, compiler(tree, path) + ANALYZER + ["-g0", "-fdiagnostics-plain-output", "-S", "-o", "/dev/null", path])
    return [] if done.returncode == 0 else first_errors(done.stderr, path, "gcc -fanalyzer")


def check_cppcheck(tree: Tree, path: str) -> List[str]:
    done = run(tree, CPPCHECK + [path])
    return [f"{line} (cppcheck)" for line in done.stderr.split("\n") if re.match(r"\S+:\d+: ", line)]


def have(tool: str) -> bool:
    return shutil.which(tool) is not None


def jobs(tree: Tree) -> List[Job]:
    style = tree.texts.get(".clang-format", "")
    build = tree.texts.get("Makefile", "")
    arm = have("aarch64-linux-gnu-gcc")
    found = []
    for path in tree.paths:
        if not path.endswith((".c", ".h")):
            continue
        if style and have("clang-format"):
            found.append(Job("format", path, [style, tree.texts[path]], lambda p=path: check_format(tree, p)))
        if path.startswith(ARM64) and not arm:
            continue
        whole = [build] + tree.closure(path)
        if path.endswith(".h") and not FRAGMENT.search(path):
            found.append(Job("header", path, whole, lambda p=path: check_header(tree, p)))
        if path.endswith(".c") and path.startswith(KERNEL):
            found.append(Job("analyzer", path, whole, lambda p=path: check_analyzer(tree, p)))
            if have("cppcheck"):
                found.append(Job("cppcheck", path, whole, lambda p=path: check_cppcheck(tree, p)))
    return found
