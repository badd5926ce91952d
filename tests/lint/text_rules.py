# SPDX-License-Identifier: BSD-2-Clause
"""Rules that need nothing but the text: who includes whom, words that do not belong, lengths, first lines."""
import re
from typing import List

from cache import Job
from source import Tree, functions, strip_comments, strip_comments_and_strings, table_lines

FREESTANDING = ("lib/", "core/", "vdev/", "drivers/", "arch/", "boot/", "guests/")
HOSTED = "guests/linux/"  # programs of a Linux guest
FREESTANDING_HEADERS = {"limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdnoreturn.h"}

# Found through the include path of the architecture being built.
FOUND_BY_ARCH = ("arch_inline.h", "arch_events.h")

# The one library that is linked, and who calls it.
LIBRARIES = {("boot/arm64/devicetree.c", "libfdt.h"), ("arch/arm64/guest_dtb.c", "libfdt.h")}

# Folder -> prefixes and files that it may include; the longest matching folder counts.
ALLOWED = {
    "lib/": ("lib/",),
    "core/": ("core/", "lib/", "arch_inline.h", "arch_events.h"),
    "vdev/": ("vdev/", "core/", "lib/"),
    "drivers/": ("drivers/", "lib/", "arch/x86/pio.h", "arch/x86/port_io.h"),
    "arch/x86/inline/": ("lib/", "core/inject.h"),
    "arch/x86/": ("arch/x86/", "boot/", "core/", "vdev/", "drivers/", "lib/"),
    "arch/x86/svm/": ("arch/x86/", "core/", "vdev/", "drivers/", "lib/"),
    "arch/x86/vmx/": ("arch/x86/", "core/", "vdev/", "drivers/", "lib/"),
    "arch/arm64/inline/": ("lib/",),
    "arch/arm64/": ("arch/arm64/", "boot/", "core/", "vdev/", "drivers/", "lib/"),
    "boot/x86/": ("boot/", "arch/x86/", "core/", "drivers/", "lib/"),
    "boot/arm64/": ("boot/", "arch/arm64/", "core/", "drivers/", "lib/"),
    "guests/": ("guests/", "lib/", "arch/x86/regs.h"),
}
FORBIDDEN = {
    "arch/x86/": ("arch/x86/svm/", "arch/x86/vmx/"),
    "arch/x86/svm/": ("arch/x86/vmx/",),
    "arch/x86/vmx/": ("arch/x86/svm/",),
    "boot/x86/": ("arch/x86/svm/", "arch/x86/vmx/"),
}
VENDOR_WORDS = re.compile(r"(?<![a-z])(svm|vmx|vmcb|vmcs|npt|ept|v?gic(v\d)?)(?![a-z])", re.I)
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]) + r")\b")
PLACES = re.compile(r"(?<![\w.])(/wo" r"rk/|/ho" r"me/[a-z])|\biss" r"ues? #?\d")
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
FILE_LINES = 600
FUNCTION_LINES = 60
COLUMNS = 110
LONG_ALLOWED = (".md", ".json", ".txt", ".csv", ".log")
NO_SPDX = (".md", ".json", ".txt", ".csv", ".log", ".bin")


def folder_of(path: str) -> str:
    return max((f for f in ALLOWED if path.startswith(f)), key=len, default="")


def check_includes(tree: Tree, path: str) -> List[str]:
    found = []
    folder = folder_of(path)
    for line, quoted, name in tree.includes(path):
        if not quoted:
            if path.startswith(FREESTANDING) and not path.startswith(HOSTED) and name not in FREESTANDING_HEADERS \
                    and (path, name) not in LIBRARIES:
                found.append(f"{path}:{line}: <{name}> in freestanding code: only {', '.join(sorted(FREESTANDING_HEADERS))}")
            continue
        if not folder:
            continue
        if "/" not in name and name not in FOUND_BY_ARCH:
            found.append(f'{path}:{line}: "{name}": include by path from the root, so that the direction shows')
        elif name.startswith(FORBIDDEN.get(folder, ())):
            found.append(f'{path}:{line}: {folder} must not know "{name}": vendors are reached through their const tables')
        elif not name.startswith(ALLOWED[folder]):
            found.append(f'{path}:{line}: {folder} must not know "{name}": it may include {", ".join(ALLOWED[folder])}')
    return found


def check_core_words(text: str, path: str) -> List[str]:
    found = []
    for number, line in enumerate(strip_comments(text).split("\n"), 1):
        match = VENDOR_WORDS.search(line)
        if match:
            found.append(f"{path}:{number}: core names '{match.group(0)}': vendors' words stay under arch/")
    return found


def check_lines(text: str, path: str) -> List[str]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip() and not path.endswith((".md", ".log")):
            found.append(f"{path}:{number}: trailing white space")
        if UNFINISHED.search(line):
            found.append(f"{path}:{number}: '{UNFINISHED.search(line).group(0)}': finish it, or describe the limit in the docs")
        if PLACES.search(line):
            found.append(f"{path}:{number}: '{PLACES.search(line).group(0)}': names one machine or tracker; say it in the project's own words")
        if "\t" in line and path.endswith((".c", ".h", ".py")):
            found.append(f"{path}:{number}: tab: indentation is four spaces")
        # clang-format leaves these lines alone (CommentPragmas), so that lists keep their form.
        if path.endswith((".c", ".h")) and re.match(r"\s*\*  ", line) and len(line) > COLUMNS:
            found.append(f"{path}:{number}: {len(line)} columns of {COLUMNS}: break the list's line, the rest indented like the text above it")
    if text and not text.endswith("\n"):
        found.append(f"{path}:{text.count(chr(10)) + 1}: no newline at the end of the file")
    return found


def check_first_lines(text: str, path: str) -> List[str]:
    found = []
    lines = text.split("\n")
    name = path.rsplit("/", 1)[-1]
    if text and not path.endswith(NO_SPDX) and name not in ("LICENSE", ".gitignore") and not any(SPDX in line for line in lines[:3]):
        found.append(f"{path}:1: no SPDX line: '{SPDX}' belongs at the top")
    if path.endswith(".h") and not any(line == "#pragma once" for line in lines[:60]):
        found.append(f"{path}:1: header without #pragma once")
    if path.endswith((".c", ".h")) and "*/" not in "\n".join(lines[1:25]) and "/*" not in "\n".join(lines[1:25]):
        found.append(f"{path}:2: no purpose comment: say what the file owns, which invariant, which lock")
    return found


def counted_lines(body: List[str]) -> int:
    """Lines that one has to think about: not blank ones, labels of a switch, lone braces and breaks."""
    return sum(1 for line in body if line.strip() and not re.fullmatch(r"(case [^;]*:|default:|break;|[{}]+)", line.strip()))


def check_c(text: str, path: str) -> List[str]:
    found = []
    for number, line in enumerate(strip_comments_and_strings(text).split("\n"), 1):
        if path.endswith(".c") and re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", line):
            found.append(f"{path}:{number}: #if in a .c file: link another object or read a feature bit instead")
        if re.search(r"\balloca\s*\(", line):
            found.append(f"{path}:{number}: alloca: stack use must be known")
    for function in functions(text):
        length = counted_lines(function.body)
        if length > FUNCTION_LINES:
            found.append(f"{path}:{function.first}: {function.name}() has {length} lines of {FUNCTION_LINES}: give its parts names")
    return found


def check_length(text: str, path: str) -> List[str]:
    if path.endswith(LONG_ALLOWED):
        return []
    length = text.count("\n") - (table_lines(text) if path.endswith((".c", ".h")) else 0)
    if length > FILE_LINES:
        return [f"{path}:{FILE_LINES}: {length} lines (tables not counted) of {FILE_LINES}: more than one concept, split it"]
    return []


def check_text(tree: Tree, path: str) -> List[str]:
    text = tree.texts[path]
    found = check_lines(text, path) + check_first_lines(text, path) + check_length(text, path)
    if path.endswith((".c", ".h", ".S")):
        found += check_includes(tree, path)
    if path.endswith((".c", ".h")):
        found += check_c(text, path)
    if path.startswith("core/") and path.endswith((".c", ".h")):
        found += check_core_words(text, path)
    return found


def jobs(tree: Tree) -> List[Job]:
    return [Job("text", path, [tree.texts[path]], lambda p=path: check_text(tree, p)) for path in tree.paths]
