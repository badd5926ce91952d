# SPDX-License-Identifier: BSD-2-Clause
"""Rules on docs/*.md and README.md: links resolve, files, make targets and launcher options that they name exist, and
every word of the boot grammar is explained. `make docs-check` runs these alone."""
import pathlib
import re
import subprocess
import sys
from typing import Callable, Dict, List, Set

from source import Tree

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
TARGET = re.compile(r"(?<![\w-])make ((?:[a-z][a-z0-9-]*\b ?)+)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Folders of the tree; a word in code font that begins with one is a file or a folder of ours.
PLACE = re.compile(r"^(?:arch|bench|boot|core|docs|drivers|guests|lib|tests|tools|vdev)/[\w./*{},-]*$")
SUFFIX = re.compile(r"^[a-z][\w-]*\.(?:c|h|S|py|md|mk|inc)$")
HEADING = re.compile(r"^#+\s+(.*)$", re.M)
GRAMMAR = ("core/config_options.c", "core/config_modules.c")
GRAMMAR_PAGE = "docs/config.md"
INDEX = "docs/README.md"
LAUNCHER = "tools/launchlib/options.py"


def pages(tree: Tree) -> List[str]:
    return [p for p in tree.paths if p == "README.md" or re.fullmatch(r"docs/[^/]+\.md", p)]


def anchor(heading: str) -> str:
    """A heading's link target, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")


def lines_with(pattern: "re.Pattern[str]", text: str):
    for number, line in enumerate(text.split("\n"), 1):
        for match in pattern.finditer(line):
            yield number, match, line


def exists(tree: Tree, path: str) -> bool:
    """A file of the tree, a folder that holds one, or a pattern with * or {a,b} that fits one."""
    path = path.rstrip("/")
    if "*" in path or "{" in path:
        parts = [p if p == "*" else "(?:" + "|".join(re.escape(w) for w in p[1:-1].split(",")) + ")" if p[:1] == "{" else
                 re.escape(p) for p in re.split(r"(\*|\{[^}]*\})", path)]
        pattern = re.compile("".join("[^/]*" if p == "*" else p for p in parts))
        return any(pattern.fullmatch(p) for p in tree.paths)
    return path in tree.texts or any(p.startswith(path + "/") for p in tree.paths)


def check_links(tree: Tree, path: str) -> List[str]:
    found = []
    folder = pathlib.PurePosixPath(path).parent
    for number, match, _ in lines_with(LINK, tree.texts[path]):
        target, _, fragment = match.group(1).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        parts: List[str] = []
        for part in (str(folder / target) if target else path).split("/"):
            parts = parts[:-1] if part == ".." else parts if part == "." else parts + [part]
        name = "/".join(parts)
        if not exists(tree, name):
            found.append(f"{path}:{number}: link to {match.group(1)}: no such file")
        elif fragment and fragment not in {anchor(h) for h in HEADING.findall(tree.texts.get(name, ""))}:
            found.append(f"{path}:{number}: link to {match.group(1)}: no such heading")
    return found


def check_files(tree: Tree, path: str) -> List[str]:
    found = []
    names = {p.rsplit("/", 1)[-1] for p in tree.paths}
    for number, match, _ in lines_with(CODE, tree.texts[path]):
        word = match.group(1).split(" ")[0].rstrip(",;:")
        if PLACE.match(word) and not exists(tree, word):
            found.append(f"{path}:{number}: `{word}`: no such file or folder")
        elif SUFFIX.match(word) and word not in names:
            found.append(f"{path}:{number}: `{word}`: no file of that name")
    return found


def code_of(text: str) -> List[str]:
    """(line number, code) of code spans and of fenced blocks."""
    found = []
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            found.append((number, line))
        else:
            found += [(number, m.group(1)) for m in CODE.finditer(line)]
    return found


def make_targets(tree: Tree) -> Set[str]:
    found: Set[str] = set()
    for path in tree.paths:
        if path == "Makefile" or path.endswith(".mk"):
            for names in re.findall(r"^\.PHONY:(.*)$", tree.texts[path], re.M):
                found |= set(names.split())
    return found


def check_targets(tree: Tree, path: str, targets: Set[str]) -> List[str]:
    found = []
    for number, code in code_of(tree.texts[path]):
        match = re.match(r"\s*make ([^#]*)", code)
        for word in re.split(r"\s+", match.group(1).strip()) if match else []:
            if not re.fullmatch(r"[a-z][a-z0-9-]*", word):
                break
            if word not in targets:
                found.append(f"{path}:{number}: `make {word}`: no such target")
    return found


def launcher_options(tree: Tree) -> Set[str]:
    return set(re.findall(r'add\("(--[a-z-]+)"', tree.texts.get(LAUNCHER, ""))) | {"--help"}


def check_options(tree: Tree, path: str, options: Set[str]) -> List[str]:
    """Options in code that calls tools/launch, and all options on the launcher's own page."""
    found = []
    whole_page = path == "docs/launcher.md"
    for number, code in code_of(tree.texts[path]):
        if "tools/launch " not in code and not (whole_page and re.match(r"--[a-z]", code)):
            continue
        for option in OPTION.findall(re.sub(r'"[^"]*"', "", code)):
            if option not in options:
                found.append(f"{path}:{number}: {option}: tools/launch has no such option")
    return found


def check_grammar(tree: Tree) -> List[str]:
    """Each `{"key=", "key=a|b", ...}` of the parsers: the key and each of its plain choices stand on the page, in code font."""
    found = []
    page = " ".join(m.group(1) for m in CODE.finditer(tree.texts.get(GRAMMAR_PAGE, ""))).replace("\\|", "|")
    for path in GRAMMAR:
        for number, match, _ in lines_with(re.compile(r'\{"([a-z-]+=)", "([^"]*)"'), tree.texts.get(path, "")):
            choices = re.findall(r"(?<=[=|])[a-z]+(?=\||$)", match.group(2))
            for word in [match.group(1)] + choices:
                if word not in page:
                    found.append(f"{path}:{number}: '{word}' of {match.group(2)} is not explained in {GRAMMAR_PAGE}")
    return found


def check_index(tree: Tree) -> List[str]:
    index = tree.texts.get(INDEX, "")
    return [f"{INDEX}:1: {path} is not listed" for path in pages(tree)
            if path not in (INDEX, "README.md") and f"({path.rsplit('/', 1)[-1]})" not in index]


def check_help(tree: Tree) -> List[str]:
    """Each phony target has a line in `make help`: a `## target: text` comment."""
    told = set()
    for path in tree.paths:
        if path == "Makefile" or path.endswith(".mk"):
            told |= set(re.findall(r"^## ([a-z][a-z0-9-]*): \S", tree.texts[path], re.M))
    return [f"Makefile:1: target '{target}' has no line for `make help`: write '## {target}: what it does' where it is defined"
            for target in sorted(make_targets(tree) - told)]


def check(tree: Tree) -> List[str]:
    targets = make_targets(tree)
    options = launcher_options(tree)
    rules: List[Callable[[str], List[str]]] = [
        lambda p: check_links(tree, p), lambda p: check_files(tree, p),
        lambda p: check_targets(tree, p, targets), lambda p: check_options(tree, p, options)]
    found = [line for path in pages(tree) for rule in rules for line in rule(path)]
    return found + check_grammar(tree) + check_index(tree) + check_help(tree)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    lines = check(Tree.from_git(pathlib.Path(__file__).resolve().parents[2]))
    print("\n".join(lines + [f"docs-check: {len(lines)} finding{'' if len(lines) == 1 else 's'}"]))
    sys.exit(1 if lines else 0)
