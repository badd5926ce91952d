# SPDX-License-Identifier: BSD-2-Clause
"""The tree under the lint: its files, what they include, C text without comments, and where functions begin and end."""
import dataclasses
import pathlib
import re
import subprocess
from typing import Dict, List, Tuple

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
COMMENT_OR_STRING = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
BINARY_SUFFIXES = {".png", ".gz", ".bin", ".iso"}


def blank(match: "re.Match[str]") -> str:
    return re.sub(r"[^\n]", " ", match.group(0))


def strip_comments(text: str) -> str:
    """`text` with comments blanked and strings kept; line numbers stay."""
    return COMMENT_OR_STRING.sub(lambda m: blank(m) if m.group(0)[0] == "/" else m.group(0), text)


def strip_comments_and_strings(text: str) -> str:
    return COMMENT_OR_STRING.sub(blank, text)


@dataclasses.dataclass
class Function:
    name: str
    first: int  # line of the opening brace
    last: int
    body: List[str]


def functions(text: str) -> List[Function]:
    """Functions by the house's format: the brace that opens and closes one stands alone in column 0."""
    lines = strip_comments_and_strings(text).split("\n")
    found = []
    start = -1
    for number, line in enumerate(lines):
        if line.rstrip() == "{" and start < 0:
            start = number
        elif line.startswith("}") and start >= 0:
            head = " ".join(lines[max(0, start - 8):start])
            names = re.findall(r"(\w+)\s*\(", head.rsplit(";", 1)[-1].rsplit("}", 1)[-1])
            plain = [n for n in names if n != "__attribute__"]
            found.append(Function(plain[0] if plain else "?", start + 1, number + 1, lines[start + 1:number]))
            start = -1
    return found


def table_lines(text: str) -> int:
    """Lines inside initialisers at file level, and inside enums: these are tables."""
    count = 0
    inside = False
    for line in strip_comments_and_strings(text).split("\n"):
        if inside and line.startswith("}"):
            inside = False
        elif inside:
            count += 1
        elif line[:1].strip() and (line.rstrip().endswith("= {") or re.match(r"(typedef )?enum\b.*\{$", line.rstrip())):
            inside = True
    return count


class Tree:
    def __init__(self, root: pathlib.Path, texts: Dict[str, str]) -> None:
        self.root = root
        self.texts = texts
        self.paths = sorted(texts)

    @staticmethod
    def from_git(root: pathlib.Path) -> "Tree":
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                               capture_output=True, text=True).stdout.split("\n")
        texts = {}
        for name in names:
            path = root / name
            if name and path.is_file() and path.suffix not in BINARY_SUFFIXES:
                texts[name] = path.read_text(errors="replace")
        return Tree(root, texts)

    @staticmethod
    def from_folder(root: pathlib.Path) -> "Tree":
        return Tree(root, {str(p.relative_to(root)): p.read_text() for p in root.rglob("*")
                           if p.is_file() and "build" not in p.parts})

    def includes(self, path: str) -> List[Tuple[int, bool, str]]:
        """(line, in quotes, name) of each include of a file."""
        found = []
        for number, line in enumerate(self.texts[path].split("\n"), 1):
            match = INCLUDE.match(line)
            if match:
                found.append((number, match.group(1) == '"', match.group(2)))
        return found

    def closure(self, path: str) -> List[str]:
        """A file's text and those of all project files it includes, directly or not."""
        seen = []
        todo = [path]
        while todo:
            name = todo.pop()
            if name in seen or name not in self.texts:
                continue
            seen.append(name)
            for _, _, included in self.includes(name):
                if "/" in included:
                    todo.append(included)
                else:  # found through -I: any file of that name may be the one
                    todo += [p for p in self.paths if p.endswith("/" + included)]
        return [self.texts[name] for name in seen]
