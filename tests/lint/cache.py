# SPDX-License-Identifier: BSD-2-Clause
"""Remembers what a rule said about a file, under a hash of everything the rule depends on."""
import dataclasses
import hashlib
import json
import pathlib
from typing import Callable, List


@dataclasses.dataclass
class Job:
    """One rule on one file: `inputs` are all the texts that can change its answer."""
    rule: str
    path: str
    inputs: List[str]
    check: Callable[[], List[str]]

    def key(self) -> str:
        digest = hashlib.sha256(f"{self.rule}\0{self.path}\0{own_version()}".encode())
        for text in self.inputs:
            digest.update(b"\0" + text.encode())
        return digest.hexdigest()


_version = ""


def own_version() -> str:
    """A hash of the lint itself: changing a rule runs it again everywhere."""
    global _version
    if not _version:
        digest = hashlib.sha256()
        for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
            if not path.name.startswith("test_"):
                digest.update(path.read_bytes())
        _version = digest.hexdigest()
    return _version


class Cache:
    def __init__(self, folder: pathlib.Path) -> None:
        self.file = folder / "results.json"
        self.known = {}
        self.used = {}
        try:
            self.known = json.loads(self.file.read_text())
        except (OSError, ValueError):
            pass

    def run(self, job: Job) -> List[str]:
        key = job.key()
        lines = self.known.get(key)
        if lines is None:
            lines = job.check()
        self.used[key] = lines
        return lines

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.used))
