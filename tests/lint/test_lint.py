#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The lint's own test: every rule catches a bad sample and passes a good one."""
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cache
import doc_rules
import image_rules
import text_rules
import tool_rules
from source import Tree, functions, table_lines

HEAD = "/* SPDX-License-Identifier: BSD-2-Clause */\n/* A sample that owns nothing. */\n"
HEADER = HEAD + "#pragma once\n\n"
SLASH = "/"


class TextRules(unittest.TestCase):
    def findings(self, path, text):
        return text_rules.check_text(Tree(pathlib.Path("."), {path: text}), path)

    def assertCaught(self, path, text, words, line=None):
        found = [f for f in self.findings(path, text) if words in f]
        self.assertTrue(found, f"not caught: {words}")
        if line is not None:
            self.assertTrue(any(f.startswith(f"{path}:{line}: ") for f in found), found)

    def assertClean(self, path, text):
        self.assertEqual(self.findings(path, text), [])

    def test_good_samples(self):
        self.assertClean("core/a.c", HEAD + '#include "core/a.h"\n\n#include "lib/bits.h"\n')
        self.assertClean("core/a.h", HEADER + "#include <stdint.h>\n\nint a_accept(void); /* vendor's NPT page */\n")
        self.assertClean("arch/x86/svm/svm.c", HEAD + '#include "arch/x86/cpu.h"\n#include "vdev/vuart.h"\n')
        self.assertClean("tools/x.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: BSD-2-Clause\n")

    def test_include_direction(self):
        for path, name in (("lib/a.c", "core/vm.h"), ("core/a.c", "arch/x86/regs.h"), ("core/a.c", "vdev/vuart.h"),
                           ("vdev/a.c", "arch/x86/regs.h"), ("vdev/a.c", "drivers/acpi.h"), ("drivers/a.c", "core/vm.h"),
                           ("arch/x86/a.c", "arch/x86/svm/vmcb.h"), ("arch/x86/a.c", "arch/arm64/sysregs.h"),
                           ("arch/x86/svm/a.c", "arch/x86/vmx/vmcs.h"), ("arch/x86/vmx/a.c", "arch/x86/svm/vmcb.h"),
                           ("arch/arm64/a.c", "arch/x86/regs.h"), ("guests/a.c", "core/vm.h"), ("core/a.h", "boot/x86/a.h")):
            head = HEADER if path.endswith(".h") else HEAD
            self.assertCaught(path, head + f'#include "{name}"\n', "must not know", head.count("\n") + 1)

    def test_include_by_path(self):
        self.assertCaught("core/a.c", HEAD + '#include "vm.h"\n', "by path from the root")

    def test_hosted_header(self):
        self.assertCaught("core/a.c", HEAD + "#include <stdio.h>\n", "freestanding")
        self.assertClean("tests/unit/a.c", HEAD + "#include <stdio.h>\n")

    def test_core_names_no_vendor(self):
        for word in ("svm_run", "struct vmcb *v", "has_ept", "VMX_ON", "gicv3_x", "npt_map", 'x("svm")'):
            self.assertCaught("core/a.c", HEAD + f"{word};\n", "core names", 3)
        self.assertClean("core/a.c", HEAD + "accept(except, magic, logical); /* EPT */\n")
        self.assertClean("arch/x86/svm/a.c", HEAD + "svm_run;\n")

    def test_conditional_in_c(self):
        self.assertCaught("vdev/a.c", HEAD + "#ifdef DEBUG\n#endif\n", "#if in a .c file", 3)
        self.assertClean("vdev/a.h", HEADER + "#ifdef DEBUG\n#endif\n")

    def test_first_lines(self):
        self.assertCaught("lib/a.c", "/* text */\nint a;\n", "no SPDX line")
        self.assertCaught("tools/x.py", "import os\n", "no SPDX line")
        self.assertCaught("lib/a.h", HEAD + "int a;\n", "#pragma once")
        self.assertCaught("lib/a.c", "/* SPDX-License-Identifier: BSD-2-Clause */\nint a;\n", "purpose comment")

    def test_lines(self):
        self.assertCaught("lib/a.c", HEAD + "int a; \n", "trailing", 3)
        self.assertCaught("lib/a.c", HEAD + "\tint a;\n", "tab")
        self.assertCaught("lib/a.c", HEAD + "int a;", "no newline")
        self.assertCaught("docs/a.md", "text TO" "DO text\n", "finish it")
        self.assertCaught("docs/a.md", f"see {SLASH}work{SLASH}main\n", "names one machine")
        self.assertCaught("docs/a.md", f"see {SLASH}home{SLASH}joe\n", "names one machine")
        self.assertCaught("lib/a.c", HEAD + "/* iss" "ue 3 */\n", "tracker")
        self.assertCaught("lib/a.c", HEAD + "/*\n *   a  " + "word " * 22 + "end\n */\n", "break the list's line", 4)
        self.assertClean("lib/a.c", HEAD + "/*\n *   a  " + "word " * 18 + "end\n *      too\n */\n")

    def test_lengths(self):
        body = "    a();\n" * 61
        self.assertCaught("lib/a.c", HEAD + "void f(void)\n{\n" + body + "}\n", "61 lines of 60", 4)
        self.assertClean("lib/a.c", HEAD + "void f(void)\n{\n" + body[9:] + "\n    break;\n}\n")
        self.assertCaught("lib/a.c", HEAD + "int a;\n" * 600, "split it")
        self.assertClean("lib/a.c", HEAD + "const int t[] = {\n" + "    1,\n" * 700 + "};\n")

    def test_functions_found(self):
        text = HEAD + "static int f(struct a *a,\n             int b)\n{\n    x();\n}\n\nint t[] = {\n    1,\n};\nint g(void)\n{\n}\n"
        self.assertEqual([(f.name, f.first, f.last) for f in functions(text)], [("f", 5, 7), ("g", 13, 14)])
        self.assertEqual(table_lines(text), 1)


class ToolRules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        top = pathlib.Path(__file__).resolve().parents[2]
        shutil.copy(top / ".clang-format", self.root)
        (self.root / "arch/x86/inline").mkdir(parents=True)
        (self.root / "lib").mkdir()

    def tearDown(self):
        self.folder.cleanup()

    def findings(self, text, path="lib/a.c", **others):
        (self.root / path).write_text(text)
        tree = Tree.from_folder(self.root)
        store = cache.Cache(self.root / "build/lint")
        return [line for job in tool_rules.jobs(tree) for line in store.run(job)]

    def test_good_sample(self):
        self.assertEqual(self.findings(HEAD + "int f(void);\nint f(void)\n{\n    return 1;\n}\n"), [])

    def test_format(self):
        found = self.findings(HEAD + "int f( void );\n")
        self.assertTrue(any("lib/a.c:3: not in the house's format" in f for f in found), found)

    def test_header_alone(self):
        found = self.findings(HEADER + "uint32_t f(void);\n", "lib/a.h")
        self.assertTrue(any("lib/a.h:5: " in f and "compile alone" in f for f in found), found)

    def test_generated(self):
        self.assertEqual(self.findings(HEAD + "/* Generated by x.py; do not edit. */\n#pragma once\nint f( uint32_t );\n", "lib/a.h"), [])

    def test_header_once(self):
        found = self.findings(HEAD + "struct a {\n    int b;\n};\n", "lib/a.h")
        self.assertTrue(any("compile alone" in f for f in found), found)

    def test_analyzer(self):
        found = self.findings(HEAD + "int f(int c);\nint f(int c)\n{\n    int *p = 0;\n\n    if (c)\n        p = &c;\n    return *p;\n}\n")
        self.assertTrue(any("-fanalyzer" in f for f in found), found)

    def test_cppcheck(self):
        found = self.findings(HEAD + "int f(void);\nint f(void)\n{\n    int a[4] = {0};\n    int i = 4;\n\n    return a[i];\n}\n")
        self.assertTrue(any("arrayIndexOutOfBounds" in f for f in found), found)


class Results(unittest.TestCase):
    def test_kept_until_an_input_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            calls = []
            job = cache.Job("r", "p", ["one"], lambda: calls.append(1) or ["finding"])
            for _ in range(2):
                store = cache.Cache(pathlib.Path(folder))
                self.assertEqual(store.run(job), ["finding"])
                store.save()
            self.assertEqual(len(calls), 1)
            cache.Cache(pathlib.Path(folder)).run(cache.Job("r", "p", ["two"], job.check))
            self.assertEqual(len(calls), 2)


class ImageRules(unittest.TestCase):
    DUMP = ("0000000000200000 <f>:\n  200000:\tcall   200010 <g>\n  200005:\tjmp    200000 <f>\n"
            "0000000000200010 <g>:\n  200010:\tcall   *0x8(%rax)\n  200014:\tjmp    200020 <h.part.0>\n"
            "0000000000200020 <h.part.0>:\n  200020:\tret\n")

    def test_frames(self):
        frames = {"big": ("lib/a.c", 3, 2000, "static"), "vla": ("lib/a.c", 9, 16, "dynamic"), "ok": ("lib/a.c", 1, 16, "static")}
        found = image_rules.check_frames(frames)
        self.assertEqual(len(found), 2, found)
        self.assertTrue(any("big() takes 2000" in f for f in found))
        self.assertTrue(any("vla() has a stack frame of variable size" in f for f in found))

    def test_su_files(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.su").write_text("lib/a.c:3:5:f\t48\tstatic\nlib/a.c:9:5:g.constprop\t4112\tdynamic\n")
            self.assertEqual(image_rules.read_frames(pathlib.Path(folder)),
                             {"f": ("lib/a.c", 3, 48, "static"), "g": ("lib/a.c", 9, 4112, "dynamic")})

    def test_calls(self):
        calls, indirect = image_rules.read_calls(self.DUMP)
        self.assertEqual(calls, {"f": {"g"}, "g": {"h"}, "h": set()})
        self.assertEqual(indirect, {"g"})

    def test_depth(self):
        frames = {n: ("lib/a.c", 1, s, "static") for n, s in (("f", 100), ("g", 200), ("h", 300))}
        calls = image_rules.read_calls(self.DUMP)[0]
        self.assertEqual(image_rules.check_graph(calls, {}, frames)[0], [])
        self.assertTrue("624 bytes" in image_rules.check_graph(calls, {}, frames, 600)[0][0])

    def test_recursion(self):
        found, _ = image_rules.check_graph({"f": {"g"}, "g": {"f"}}, {}, {})
        self.assertTrue(any("recursion f -> g -> f" in f for f in found), found)
        found, _ = image_rules.check_graph({"f": {"f"}}, {}, {})
        self.assertTrue(any("recursion f -> f" in f for f in found), found)
        self.assertEqual(image_rules.check_graph({"f": {"panic"}, "panic": {"f"}}, {}, {})[0], [])
        path, get = "fdt_path_offset", "fdt_get_alias_namelen"
        self.assertEqual(image_rules.check_graph({"f": set(), path: {get}, get: {path}}, {}, {})[0], [])
        self.assertEqual(len(image_rules.check_graph({"f": {path}, path: {get}, get: {path}}, {}, {})[0]), 1)

    def test_fp_registers(self):
        lines = "0000 <{}>:\n  10:\t{}\n"
        for bad in ("fmov\td0, x1", "stp\tq0, q1, [x0]", "ldr\ts3, [x2, #4]", "add\tv1.4s, v2.4s, v3.4s", "str\tz0, [x0]"):
            found = image_rules.check_fp(lines.format("f", bad))
            self.assertEqual(len(found), 1, bad)
            self.assertEqual(image_rules.check_fp(lines.format("fpsimd_save", bad)), [])
        for good in ("bl\t402 <d0>", "mov\tx0, #0x10", "ldrsb\tw1, [x2]", "msr\tspsel, #0x1", "b.ne\t10 <s+0x4>  // b.any"):
            self.assertEqual(image_rules.check_fp(lines.format("f", good)), [], good)

    def test_calls_through_tables(self):
        texts = {"lib/a.c": "static void g(void)\n{\n    f();\n}\nconst struct ops o = {\n    .go = g,\n};\n"
                            "static void inlined(struct s *s)\n{\n    s->ops->go(s);\n}\nvoid f(void)\n{\n    inlined(s);\n}\n"}
        targets = image_rules.indirect_targets(texts, {"f", "g"})
        self.assertEqual(targets["f"], {"g"})
        # By the declared type of the name, and by position.
        texts = {"lib/a.c": "struct s {\n    const struct one_ops *one;\n    const struct two_ops *two;\n};\n"
                            "static void g(void)\n{\n}\nstatic void h(void)\n{\n}\n"
                            "const struct one_ops o = {.go = g};\nconst struct two_ops t[] = {\n    {1, h},\n};\n"
                            "void f(void)\n{\n    s->one->go(s);\n}\nvoid k(void)\n{\n    s->two->go(s);\n}\n"}
        targets = image_rules.indirect_targets(texts, {"f", "g", "h", "k"})
        self.assertEqual((targets["f"], targets["k"]), ({"g"}, {"h"}))
        texts = {"lib/a.c": "static void g(void)\n{\n    f();\n}\nconst struct ops o = {\n    .go = g,\n};\n"
                            "static void inlined(struct s *s)\n{\n    s->ops->go(s);\n}\nvoid f(void)\n{\n    inlined(s);\n}\n"}
        targets = image_rules.indirect_targets(texts, {"f", "g"})
        found, _ = image_rules.check_graph({"f": set(), "g": {"f"}}, targets, {})
        self.assertTrue(any("recursion through a table" in f for f in found), found)


class DocRules(unittest.TestCase):
    BASE = {"docs/README.md": "[a](a.md) [c](config.md)\n", "docs/config.md": "`on-end=stay\\|poweroff`\n", "core/vm.c": "",
            "core/config_options.c": '{"on-end=", "on-end=stay|poweroff", x},\n', "Makefile": "## run: it runs\n.PHONY: run\n",
            "tools/launchlib/options.py": 'add("--vm")\n', "docs/a.md": ""}

    def findings(self, text, **more):
        return doc_rules.check(Tree(pathlib.Path("."), {**self.BASE, "docs/a.md": text, **more}))

    def test_good_page(self):
        self.assertEqual(self.findings("# A b\n[x](config.md) [y](#a-b) `core/vm.c` `vm.c` `core/*.c` `make run EMU=x`\n"
                                       "make sense of it\n```\ntools/launch --vm \"a --b\"\n```\n"), [])

    def test_bad_words(self):
        for text, words in (("[x](none.md)", "no such file"), ("[x](config.md#none)", "no such heading"), ("`core/none.c`", "no such file"),
                            ("`none.c`", "no file of that name"), ("`make none`", "no such target"), ("```\nmake run none\n```", "no such target"),
                            ("`tools/launch --none`", "no such option")):
            self.assertTrue(any(words in f for f in self.findings(text + "\n")), text)

    def test_missing_words(self):
        for path, text, words in (("core/config_options.c", '{"on-end=", "on-end=stay|later", x},\n', "'later' of"),
                                  ("core/config_options.c", '{"new=", "new=N", x},\n', "'new=' of"),
                                  ("docs/b.md", "", "not listed"), ("Makefile", ".PHONY: other\n", "has no line for")):
            self.assertTrue(any(words in f for f in self.findings("", **{path: text})), text)


if __name__ == "__main__":
    unittest.main()
