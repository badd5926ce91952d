# SPDX-License-Identifier: BSD-2-Clause
"""Rules on the linked image: stack use of each function and of each path, and no recursion.

Frames come from gcc's .su files, calls from the disassembly. A call through a const table goes to every function that
the source puts into a table under the member's name. Paths end at panic(), which never returns and has a stack budget
of its own.
"""
import collections
import pathlib
import re
import subprocess
from typing import Dict, List, Set, Tuple

from source import Tree, functions, strip_comments_and_strings

FRAME_LIMIT = 1024
PATH_LIMIT = 8192  # half of the hypervisor's stack of one physical CPU
TERMINAL = {"panic", "arch_panic", "fault_fatal"}
OBJDUMP = {"x86": "objdump", "arm64": "aarch64-linux-gnu-objdump"}
SYMBOL = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
CALL = re.compile(r"\t(?:call|jmp|bl|b|j[a-z]+|b\.[a-z]+)\s+[0-9a-f]+ <([^>+]+)>")
INDIRECT = re.compile(r"\t(?:call|jmp)\s+\*|\tblr?\s+x\d+")
RETURN_ADDRESS_BYTES = 8
# Of libfdt, linked with the rest but never to be called: an alias that names itself makes them recurse without end.
UNCALLED = {"fdt_path_offset", "fdt_path_offset_namelen", "fdt_get_alias", "fdt_get_alias_namelen"}
# arm64: FP, SIMD and SVE registers as operands, and who may name them: those that save and load the guests'.
FP_REGISTER = re.compile(r"(?:^|[ ,{\[])(?:[qvdsbh](?:[12]?\d|3[01])|z(?:[12]?\d|3[01])|p1?\d)(?:[./,}\]\[ ]|$)")
FP_ALLOWED = {"fpsimd_save", "fpsimd_load"}

Frame = Tuple[str, int, int, str]  # path, line, bytes, kind


def strip_clone(name: str) -> str:
    """gcc's clones (.constprop.0, .part.0, .isra.0, .cold) count as the function they come from."""
    return name.split(".")[0]


def read_frames(folder: pathlib.Path) -> Dict[str, Frame]:
    frames: Dict[str, Frame] = {}
    for file in sorted(folder.rglob("*.su")):
        for line in file.read_text().split("\n"):
            match = re.match(r"(.+?):(\d+):\d+:(\S+)\t(\d+)\t(\S+)", line)
            if match:
                name = strip_clone(match.group(3))
                size = int(match.group(4))
                if name not in frames or frames[name][2] < size:
                    frames[name] = (match.group(1), int(match.group(2)), size, match.group(5))
    return frames


def read_calls(text: str) -> Tuple[Dict[str, Set[str]], Set[str]]:
    """From objdump's output: direct calls of each function, and which functions call through a pointer."""
    calls: Dict[str, Set[str]] = collections.defaultdict(set)
    indirect = set()
    current = ""
    for line in text.split("\n"):
        symbol = SYMBOL.match(line)
        if symbol:
            current = symbol.group(1)
            calls[strip_clone(current)]
            continue
        target = CALL.search(line)
        if target:
            # A jump inside the function is a loop; a call to itself is recursion.
            if strip_clone(target.group(1)) != strip_clone(current) or "\tcall" in line or "\tbl\t" in line:
                calls[strip_clone(current)].add(strip_clone(target.group(1)))
        elif INDIRECT.search(line):
            indirect.add(strip_clone(current))
    return dict(calls), indirect


INITIALISER = re.compile(r"struct (\w+) \w+(?:\[[^\]]*\])* = \{(.*?)\n?\};", re.S)
DECLARATION = re.compile(r"struct (\w+) \*?(?:const )?(\w+)\b")
TABLE_CALL = re.compile(r"(\w+)(?:\[[^\]]*\])?(?:->|\.)(\w+)\s*\(")


def table_entries(texts: Dict[str, str], known: Set[str]) -> Dict[str, Set[Tuple[str, str]]]:
    """For each structure type with constant instances: (member or "" if by position, function)."""
    entries: Dict[str, Set[Tuple[str, str]]] = collections.defaultdict(set)
    for text in texts.values():
        for kind, body in INITIALISER.findall(text):
            for member, name in re.findall(r"(?:\.(\w+)\s*=\s*)?&?\b(\w+)\b(?!\s*[\w(.=])", body):
                if name in known:
                    entries[kind].add((member, name))
    return entries


def indirect_targets(texts: Dict[str, str], known: Set[str]) -> Dict[str, Set[str]]:
    """
    For each function of the image: functions it may reach through tables, those it calls inline included. The type of the
    table comes from the declarations of the name it is called through; a name never declared may be any table.
    """
    bodies = {f.name: "\n".join(f.body) for text in texts.values() for f in functions(text)}
    entries = table_entries(texts, known | set(bodies))
    types: Dict[str, Set[str]] = collections.defaultdict(set)
    for text in texts.values():
        for kind, name in DECLARATION.findall(text):
            if kind in entries:
                types[name].add(kind)
    own = {}
    for name, body in bodies.items():
        own[name] = {target for holder, member in TABLE_CALL.findall(body) for kind in types.get(holder) or entries
                     for slot, target in entries[kind] if slot == member or (slot == "" and holder in types)}

    def collect(name: str, seen: Set[str]) -> Set[str]:
        seen.add(name)
        reached = set(own.get(name, ()))
        for callee in set(re.findall(r"\b(\w+)\s*\(", bodies.get(name, ""))):
            if callee in bodies and callee not in known and callee not in seen:
                reached |= collect(callee, seen)
        return reached

    return {name: collect(name, set()) & known for name in known if name in bodies}


def find_cycles(graph: Dict[str, Set[str]]) -> List[List[str]]:
    """One shortest cycle through each function that can reach itself, each cycle once."""
    cycles = []
    done: Set[str] = set()
    for start in sorted(graph):
        if start in done:
            continue
        queue = collections.deque([[start]])
        seen: Set[str] = set()
        while queue:
            path = queue.popleft()
            if start in graph.get(path[-1], ()):
                cycles.append(path)
                done.update(path)
                break
            for callee in sorted(graph.get(path[-1], ())):
                if callee not in seen and callee != start:
                    seen.add(callee)
                    queue.append(path + [callee])
    return cycles


def deepest(graph: Dict[str, Set[str]], frames: Dict[str, Frame]) -> Tuple[int, List[str]]:
    """The most stack that any path takes, and that path. Edges that close a cycle are left out (they are findings already)."""
    known: Dict[str, Tuple[int, List[str]]] = {}

    def depth(name: str, above: Set[str]) -> Tuple[int, List[str]]:
        if name in known:
            return known[name]
        best: Tuple[int, List[str]] = (0, [])
        for callee in graph.get(name, ()):
            if callee not in above:
                best = max(best, depth(callee, above | {callee}), key=lambda pair: pair[0])
        own = frames[name][2] if name in frames else 0
        known[name] = (best[0] + own + RETURN_ADDRESS_BYTES, [name] + best[1])
        return known[name]

    return max((depth(name, {name}) for name in sorted(graph)), key=lambda pair: pair[0], default=(0, []))


def check_frames(frames: Dict[str, Frame]) -> List[str]:
    found = []
    for name, (path, line, size, kind) in sorted(frames.items()):
        # "dynamic,bounded": pushes within the function (constants by PUSH and POP at -Os); the size given is the bound.
        if kind not in ("static", "dynamic,bounded"):
            found.append(f"{path}:{line}: {name}() has a stack frame of variable size ({kind}): stack use must be known")
        if size > FRAME_LIMIT:
            found.append(f"{path}:{line}: {name}() takes {size} bytes of stack of {FRAME_LIMIT}: move the buffer or split the function")
    return found


def check_graph(calls: Dict[str, Set[str]], through_tables: Dict[str, Set[str]], frames: Dict[str, Frame],
                limit: int = PATH_LIMIT) -> Tuple[List[str], str]:
    graph = {name: {c for c in callees if c not in TERMINAL | UNCALLED} for name, callees in calls.items()
             if name not in TERMINAL | UNCALLED}
    found = [f"image:1: {name}() calls {callee}(), which may recurse without end" for name, callees in calls.items()
             for callee in sorted(callees & UNCALLED) if not name.startswith("fdt_")]

    def place(name: str) -> str:
        return f"{frames[name][0]}:{frames[name][1]}" if name in frames else "image:1"

    for cycle in find_cycles(graph):
        found.append(f"{place(cycle[0])}: recursion {' -> '.join(cycle + cycle[:1])}: stack use must be bounded")
    direct = bool(found)
    for name, targets in through_tables.items():
        if name in graph:
            graph[name] = graph[name] | (targets - TERMINAL)
    if not direct:
        for cycle in find_cycles(graph):
            found.append(f"{place(cycle[0])}: recursion through a table {' -> '.join(cycle + cycle[:1])}: stack use must be bounded")
    size, path = deepest(graph, frames)
    if size > limit:
        found.append(f"{place(path[0])}: {size} bytes of stack of {limit} on the path {' -> '.join(path)}: too deep")
    return found, f"stack: deepest path {size} of {limit} bytes ({' > '.join(path)})"


def check_fp(text: str) -> List[str]:
    """arm64: the FP registers hold a guest's state while Latch runs; whoever uses one destroys it."""
    users = set()
    current = ""
    for line in text.split("\n"):
        symbol = SYMBOL.match(line)
        if symbol:
            current = symbol.group(1)
            continue
        fields = line.split("\t")
        if len(fields) > 2 and "<" not in fields[2] and FP_REGISTER.search(fields[2].split("//")[0].strip()):
            users.add(strip_clone(current))
    return [f"image:1: {name}() uses FP or SIMD registers, which hold a guest's state" for name in sorted(users - FP_ALLOWED)]


def check(tree: Tree) -> List[str]:
    found = []
    for arch, objdump in OBJDUMP.items():
        folder = tree.root / "build" / arch
        if not (folder / "latch.elf").exists():
            continue
        frames = {n: f for n, f in read_frames(folder).items() if f[0] in tree.texts}
        dump = subprocess.run([objdump, "-d", "--no-show-raw-insn", str(folder / "latch.elf")],
                              capture_output=True, text=True).stdout
        calls, _ = read_calls(dump)
        folders = ("lib/", "core/", "vdev/", "drivers/", f"arch/{arch}/", f"boot/{arch}/")
        texts = {p: strip_comments_and_strings(t) for p, t in tree.texts.items()
                 if p.endswith((".c", ".h")) and p.startswith(folders)}
        lines, summary = check_graph(calls, indirect_targets(texts, set(calls)), frames)
        found += check_frames(frames) + lines + (check_fp(dump) if arch == "arm64" else [])
        print(f"{arch}: {summary}")
    return found
