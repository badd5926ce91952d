# SPDX-License-Identifier: BSD-2-Clause
"""Deliberate bugs in a copy of the checked sources, each of which an exhaustive check must catch.

A mutant is (what goes wrong, scenarios to run, file, old text, new text). Its text must apply exactly once, so that a
change of the sources cannot silently turn a mutant into the original.
"""
import glob
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


class Mutator:
    """Copies `folder`/`pattern` for each mutant, builds the check from the copies and runs it."""

    def __init__(self, name, mutants, folder, pattern):
        self.name, self.mutants, self.folder, self.pattern = name, mutants, folder, pattern
        self.compiler, model, sources = sys.argv[1].split(), sys.argv[2].split(), sys.argv[3].split()
        self.model, self.sources = model, sources

    def build(self, top, file, old, new):
        """None, or why there is no mutant."""
        copies = os.path.join(top, self.folder)
        shutil.rmtree(top, ignore_errors=True)
        os.makedirs(copies)
        for path in glob.glob(os.path.join(self.folder, self.pattern)):
            shutil.copy(path, copies)
        mutated = os.path.join(copies, file)
        with open(mutated, encoding="ascii") as source:
            text = source.read()
        if text.count(old) != 1:
            return f"DOES NOT APPLY ({text.count(old)} places in {file})"
        with open(mutated, "w", encoding="ascii") as source:
            source.write(text.replace(old, new))
        # The copy's folder comes first on the include path; sources in it find their headers there.
        command = [self.compiler[0], f"-I{top}", *self.compiler[1:], "-O1", "-w", "-Wno-error", *self.model,
                   *(os.path.join(top, source) for source in self.sources), "-o", f"{top}/check"]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        return "DOES NOT BUILD\n" + built.stderr if built.returncode != 0 else None

    def verdict(self, index):
        """(name, what became of it)."""
        name, scenarios, file, old, new = self.mutants[index]
        top = f"build/{self.name}/{index}"
        why_not = self.build(top, file, old, new)
        if why_not is not None:
            return name, why_not
        run = subprocess.run([f"{top}/check", scenarios], capture_output=True, text=True, check=False,
                             env=dict(os.environ, MODEL_QUIET="1"))
        rules = [line.split("BROKEN: ")[1] for line in run.stdout.splitlines() if "BROKEN: " in line]
        if run.returncode == 0:
            return name, "SURVIVES"
        return name, "caught: " + rules[0] if rules else f"DIES OTHERWISE (status {run.returncode})"

    def run(self):
        """All mutants, or those with the word of the command line in their names; 1 if one is not caught."""
        wanted = [i for i, m in enumerate(self.mutants) if len(sys.argv) < 5 or sys.argv[4] in m[0]]
        caught = 0
        with ThreadPoolExecutor(max_workers=2) as pool:
            for name, verdict in pool.map(self.verdict, wanted):
                print(f"  {name:66} {verdict}", flush=True)
                caught += verdict.startswith("caught")
        print(f"{self.name}: {caught} of {len(wanted)} caught")
        return int(caught != len(wanted))
