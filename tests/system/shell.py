# SPDX-License-Identifier: BSD-2-Clause
"""The debug shell driven from a test, and a check for every command that it has: the names come from its own help."""
import re

PROMPT = r"\r\x1b\[Klatch> (?!.)"
PATIENCE_TURNS = 300


class Shell:
    """A console with the shell in the foreground."""

    def __init__(self, run, escape="\x1d"):
        self.run = run
        self.asked = []
        run.send(escape + "s")
        run.expect(PROMPT)

    def send(self, command):
        """Enters a command and does not wait for the prompt."""
        self.asked.append(command)
        self.run.send(command + "\r")

    def __call__(self, command):
        """What a command prints, without the echo."""
        self.send(command)
        self.run.expect("\r\n")  # a long line is redrawn as it is typed, prompt and all, until it is entered
        return self.rest()

    def rest(self):
        """What is printed up to the next prompt."""
        return re.sub(r"\x1b\[[0-9]*[A-Za-z]", "", self.run.expect(PROMPT))

    def until(self, command, pattern):
        """Asks again until the answer is as wanted."""
        for _ in range(PATIENCE_TURNS):
            text = self(command)
            if re.search(pattern, text):
                return text
        raise AssertionError(f"{command}: never {pattern}: {text}")

    def touched(self, vm):
        """A look at touched memory: (start, end, page in KiB, "touched" or "written") of each range; None: not offered."""
        text = self(f"touched {vm}")
        if "not offered: this CPU notes no accesses in nested page tables" in text:
            return None
        rows = re.findall(r"^0x(\w+)-0x(\w+) +(\d+) KiB in pages of (\d+) KiB: (touched|written)\r?$", text, re.MULTILINE)
        ranges = [(int(start, 16), int(end, 16), int(page), what) for start, end, _, page, what in rows]
        assert all((end + 1 - start) == int(size) * 1024 for (start, end, _, _), (_, _, size, _, _) in zip(ranges, rows))
        sums = re.search(r"^touched (\d+) KiB, written (\d+) KiB, by whole pages of the nested map\r?$", text, re.MULTILINE)
        assert int(sums[1]) == sum(int(row[2]) for row in rows), text
        assert int(sums[2]) == sum(int(row[2]) for row in rows if row[4] == "written"), text
        return ranges

    def commands(self):
        """All commands, as help lists them."""
        names = re.findall(r"^([a-z]+(?: [a-z]+)?) {2,}", self("help"), re.MULTILINE)
        assert len(names) > 35
        return names


def value_of(text, name):
    """A register in the output of regs or sregs."""
    return int(re.search(rf"\b{name} +([0-9a-f]+)\b", text)[1], 16)


class Checks:
    """
    A check per command, check_NAME, on a guest that spins with interrupts off: `boot()` starts one and returns the run, and
    (address of the word that ends its loop, of a word that it counts in, of a function). What differs between architectures is in
    the subclasses.
    """

    NMI = "NMI"
    PC, SP, CLOSED, SPARE = "", "", "", ""  # registers, how "interrupts off" is said, a register that the loop leaves alone
    BLOCK, TABLES = "", ""  # the control block's command, the firmware tables'
    NESTED = ""
    ENDS = ("reboot", "poweroff", "spoil", "panic")  # these come last, each in a run of its own
    LEFT_OUT = ()
    CAN_BREAK = CAN_STEP = True  # else these commands say that they cannot

    def __init__(self, boot):
        self.boot = boot
        self.shell = None
        self.run = None
        self.words = ()

    def start(self):
        """A fresh machine with its shell open."""
        self.run, self.words = self.boot()
        self.shell = Shell(self.run)

    def all(self):
        """Every command of `help`. None may be without a check, none may be checked without having been entered."""
        self.start()
        names = self.shell.commands()
        missing = [name for name in names if name not in self.LEFT_OUT and not hasattr(self, self.method(name))]
        assert not missing, f"no test here for: {missing}"
        known = {name[len("check_"):].replace("_", " ") for name in dir(self) if name.startswith("check_")}
        assert known <= set(names), f"tests of what is no command: {known - set(names)}"
        for name in [name for name in names if name not in self.ENDS] + [name for name in names if name in self.ENDS]:
            if name in self.LEFT_OUT:
                continue
            if name in self.ENDS[1:] and name in names:
                self.start()
            self.shell.asked.clear()
            getattr(self, self.method(name))()
            assert any((asked + " ").startswith(name + " ") for asked in self.shell.asked), f"{name} was not entered"

    @staticmethod
    def method(name):
        """Of the command of that name."""
        return "check_" + name.replace(" ", "_")

    def where(self, text):
        """The program counter in the first line of regs."""
        return int(re.search(rf"{self.PC.upper()} 0x([0-9a-f]+)", text)[1], 16)

    def check_help(self):
        """Every command by itself, its usage when its arguments are wrong."""
        for name in self.shell.commands():
            assert self.shell(f"help {name}").startswith(name), name
            if name != "help":
                wrong = self.shell(f"{name} !! 1 1 1 1")
                assert f"usage: {name}" in wrong and wrong.strip().count("\n") == 0, name
        assert 'no command "nonsense"' in self.shell("help nonsense")

    def check_vms(self):
        """The table of VMs."""
        assert re.search(r"0 spin +running +1 +64 M", self.shell("vms"))

    def check_vcpus(self):
        """Where it spins, with interrupts off, and that it exits only for Latch's timers."""
        found = re.search(rf"spin +\.0 +0 runs +(\d+) +{self.PC.upper()} 0x[0-9a-f]+.*{self.CLOSED}", self.shell("vcpus spin"))
        assert found

    def check_pause(self):
        """Nothing of it runs."""
        assert re.search(r"vm spin paused after \d+ us", self.shell("pause spin"))
        assert re.search(r"0 spin +paused", self.shell("vms"))
        assert re.search(r"spin +\.0 +0 held +0 ", self.shell("vcpus spin"))
        first = self.shell(f"x spin {self.words[1]:#x} 8")
        assert self.shell(f"x spin {self.words[1]:#x} 8") == first
        assert "is paused already" in self.shell("pause spin")

    def check_resume(self):
        """It runs on from where it was."""
        assert self.shell("resume spin") == ""
        self.shell.until("vms", "running")
        assert "is not paused" in self.shell("resume spin")

    def restarted(self, command, *lines):
        """After a command that makes it start again; its shell is still there."""
        self.shell.send(command)
        for line in (*lines, "spin: ready"):
            self.run.expect(line)
        self.run.send("\r")
        self.run.expect(PROMPT)
        self.shell("version")  # whatever the guest's line has broken has been drawn again before it answers

    def check_reset(self):
        """As by its button."""
        self.restarted("reset spin", "latch: vm spin ended: reset: by the shell", "latch: vm spin restarts")

    def check_stop(self):
        """It stays ended."""
        self.shell.send("stop spin")
        self.run.expect("latch: vm spin ended: stopped: by the shell")
        self.run.send("\r")
        self.run.expect(PROMPT)
        self.shell.until("vms", r"0 spin +ended")

    def check_start(self):
        """From its images."""
        self.restarted("start spin")
        assert "has not ended" in self.shell("start spin")

    def check_regs(self):
        """General registers, consistent with the place said."""
        text = self.shell("regs spin")
        assert self.CLOSED in text and value_of(text, self.PC) == self.where(text) and value_of(text, self.SP) != 0

    def check_set(self):
        """A register is written while the guest is out, and read back."""
        self.shell("pause spin")
        assert self.shell(f"set spin {self.SPARE} 0x1234+1") == ""
        assert value_of(self.shell("regs spin"), self.SPARE) == 0x1235
        assert "usage: set" in self.shell("set spin nothing 1")
        self.shell("resume spin")

    def check_stack(self):
        """Three calls deep: the loop, its caller, the caller's caller, the guest's main function at least."""
        frames = re.findall(r"^#\d+ +0x([0-9a-f]+)", self.shell("stack spin"), re.MULTILINE)
        assert len(frames) >= 4
        assert {int(frame, 16) & ~0xffff for frame in frames[:4]} == {self.words[2] & ~0xffff}

    def gpa(self):
        """A place in the guest's RAM that it does not use."""
        return (self.words[0] & ~0xfff) + 0x100000

    def check_x(self):
        """One place by its three addresses."""
        at = self.gpa()
        self.shell(f"write spin gpa:{at:#x} 0x1122334455667788")
        assert "88 77 66 55 44 33 22 11" in self.shell(f"x spin gpa:{at:#x} 8")
        assert "88 77 66 55 44 33 22 11" in self.shell(f"x spin {at:#x} 8")
        host = int(re.search(rf"gpa {at:#x} -> hpa (0x[0-9a-f]+)", self.shell(f"walk spin {at:#x}"))[1], 16)
        assert "88 77 66 55" in self.shell(f"x host {host:#x} 8")
        assert "not readable" in self.shell(f"x spin gpa:{self.DEVICE:#x}")
        assert "not readable" in self.shell(f"x host {self.DEVICE:#x}")

    def check_write(self):
        """By guest-physical and by host address; nothing but guests' RAM."""
        at = self.gpa()
        self.shell(f"write spin gpa:{at:#x} 0x1122334455667788")
        host = int(re.search(rf"gpa {at:#x} -> hpa (0x[0-9a-f]+)", self.shell(f"walk spin {at:#x}"))[1], 16)
        assert self.shell(f"write host {host:#x} 0xabcd 2") == ""
        assert "cd ab 66 55" in self.shell(f"x spin {at:#x} 4")
        assert "not writable" in self.shell("write host core_main 1")
        assert "not writable" in self.shell(f"write spin gpa:{self.DEVICE:#x} 1")

    def check_walk(self):
        """The guest's tables level by level, then the nested ones."""
        walk = self.shell(f"walk spin {self.words[0]:#x}")
        assert walk.count("at gpa") >= self.GUEST_LEVELS and f"-> gpa {self.words[0]:#x}" in walk
        assert len(re.findall(rf"{self.NESTED} level \d: 0x", walk)) >= 2
        assert re.search(rf"gpa {self.words[0]:#x} -> hpa 0x[1-9a-f]", walk)
        assert "no RAM (a device, or nothing)" in self.shell(f"walk spin gpa:{self.DEVICE:#x}")
        assert "not present" in self.shell("walk spin 0x7fffffffffff")

    def check_touched(self):
        """The word that it counts in is in a page written to, at every look; while it is paused, nothing is."""
        written = 0
        for _ in range(PATIENCE_TURNS):
            ranges = self.shell.touched("spin")
            written += any(start <= self.words[1] <= end and what == "written" for start, end, _, what in ranges)
            if written == 3:
                break
        assert written == 3
        self.shell("pause spin")
        self.shell.touched("spin")
        assert self.shell.touched("spin") == []
        self.shell("resume spin")

    def check_events(self):
        """The books."""
        assert "posted=" in self.shell("events spin") and "posted=" in self.shell("events spin.0")
        assert "usage: events" in self.shell("events spin.1")

    def hit(self, name, address):
        """After a command that makes it hit: the VM is held there."""
        self.run.expect(rf'latch: vm spin vcpu 0: {name} {address:#x}; held until "continue spin"')
        self.run.send("\x03\r")
        self.run.expect(PROMPT)
        self.shell.until("vms", r"0 spin +held")

    def break_at(self):
        """A breakpoint in the loop, hit; its address."""
        at = self.where(self.shell("regs spin"))
        self.shell.send(f"break spin {at:#x}")
        self.hit("break", at)
        return at

    def clear(self):
        """No point is left, it runs."""
        assert self.shell("unbreak spin") == ""
        self.shell.until("vms", r"0 spin +running")
        assert self.shell("break spin") == ""

    def check_break(self):
        """It stops there, every time."""
        if not self.CAN_BREAK:
            assert "cannot be set: not supported" in self.shell(f"break spin {self.words[2]:#x}")
            return
        at = self.break_at()
        assert self.where(self.shell("regs spin")) == at
        assert self.shell("break spin").strip() == f"break  0x{at:016x}"
        self.clear()

    def check_watch(self):
        """It stops where it writes to the word that it counts in."""
        if not self.CAN_BREAK:
            assert "cannot be set: not supported" in self.shell(f"watch spin {self.words[1]:#x} 8")
            return
        self.shell.send(f"watch spin {self.words[1]:#x} 8")
        self.hit("watch", self.words[1])
        assert self.shell("watch spin").strip() == f"watch  0x{self.words[1]:016x}"
        assert "1, 2, 4 or 8 bytes, aligned" in self.shell(f"watch spin {self.words[1] + 1:#x} 8")
        self.clear()

    def check_unbreak(self):
        """All of them go."""
        self.clear()
        if self.CAN_BREAK:
            self.break_at()
            self.clear()

    def check_continue(self):
        """On to the next hit."""
        assert "is not held" in self.shell("continue spin")
        if self.CAN_BREAK:
            at = self.break_at()
            self.shell.send("continue spin")
            self.hit("break", at)
            self.clear()

    def check_step(self):
        """One instruction after the other: three places of the loop."""
        if not self.CAN_STEP:
            assert "this CPU cannot step a guest" in self.shell("step spin")
            return
        places = re.findall(rf"^{self.PC.upper()} (0x[0-9a-f]+)", self.shell("step spin 3"), re.MULTILINE)
        assert len(set(places)) == 3
        assert self.where(self.shell("regs spin")) == int(places[2], 16)
        self.shell("continue spin")
        self.clear()

    def handler(self):
        """First instruction of the NMI handler."""
        return self.words[2]

    def check_nmi(self):
        """Before, at the first instruction of its handler, after it has returned; with breakpoints of somebody else as well as may be."""
        text = self.shell("nmi spin.0")
        shown = re.findall(rf"^(?:before|handler|after): +{self.PC.upper()} 0x([0-9a-f]+) .*{self.CLOSED}.*, sp 0x([0-9a-f]+), "
                           rf"{self.NMI}s (\w+)", text, re.MULTILINE)
        assert [state for _, _, state in shown] == ["open", "blocked", "open"], text
        assert int(shown[1][0], 16) == self.handler() and shown[0][1] == shown[2][1], text
        registers = [int(number, 16) for number in re.findall(rf"\b{self.PC} +([0-9a-f]{{16}})", text)]
        assert registers == [int(where, 16) for where, _, _ in shown]
        assert re.search(r"^entered: +after \d+ us$", text, re.MULTILINE), text
        assert self.shell("break spin") == ""
        self.shell(f"break spin {self.words[0]:#x}")
        assert re.search(r"delivered: within \d+ us", self.shell("nmi spin"))
        self.clear()

    def check_irq(self):
        """A line that the board has, one that it has not."""
        assert "no such line" in self.shell("irq spin 9999") and self.shell(f"irq spin {self.LINE}") == ""

    def check_log_level(self):
        """Latch's own lines less important than that are not printed."""
        self.shell("log level error")
        self.shell("log level info")
        assert "usage: log level" in self.shell("log level loud")

    def check_exits(self):
        """Counted by kind and by the hardware's reason, with the same sums."""
        assert self.shell("exits on") == ""
        self.shell("vcpus")
        self.shell("regs spin")
        self.shell("exits off")
        text = self.shell("exits")
        kinds = re.findall(r"^  [a-z-]+ +(\d+) +(\d+) +(\d+) +(\d+)$", text.replace("\r", ""), re.MULTILINE)
        reasons = re.findall(r"^    0x[0-9a-f]+ .*?(\d+) +(\d+) +(\d+) +(\d+)$", text.replace("\r", ""), re.MULTILINE)
        assert kinds and reasons, text
        assert all(0 < int(least) <= int(mean) <= int(most) for _, least, mean, most in kinds + reasons), text
        assert sum(int(kind[0]) for kind in kinds) == sum(int(reason[0]) for reason in reasons) > 3, text
        assert re.search(self.REASON, text), text

    def check_trace(self):
        """Records of exits, with their place."""
        self.shell("trace on")
        self.shell("vcpus")
        self.shell("trace off")
        assert re.search(r"^trace cpu 0 at \d+ for \d+ exit \S+ vm spin vcpu 0 pc 0x[0-9a-f]+ value 0x", self.shell("trace dump"),
                         re.MULTILINE)

    def check_mux(self):
        """All three modes are taken; what they do is tested with two VMs."""
        for mode in ("color", "off", "plain"):
            assert self.shell(f"mux {mode}") == ""

    def check_page(self):
        """Output stops at a page's end, goes on, ends."""
        self.shell("page 10")
        self.shell.send("help")
        self.run.expect("--more--")
        self.run.send(" ")
        self.run.expect("--more--")
        self.run.send("q")
        self.run.expect(PROMPT)
        self.shell("page 0")

    def check_cpu(self):
        """The machine's CPUs, and what they have loaded."""
        assert "cpu 0 (hardware 0): vm spin vcpu 0" in self.shell("cpu")

    def check_mem(self):
        """What is free, and where the VM's RAM is."""
        text = self.shell("mem")
        assert re.search(r"free: \d+ KiB", text) and re.search(r"vm spin: gpa 0x\w+ \.\. 0x\w+ at hpa 0x", text)

    def check_irqs(self):
        """Host interrupts."""
        assert re.search(r"host NMIs: \d+ taken, 0 forwarded", self.shell("irqs")) and "cpu 0: " in self.shell("irqs")

    def check_sym(self):
        """There and back."""
        text = self.shell("sym core_main+4")
        assert "core_main+0x4" in text
        assert "core_main+0x4" in self.shell("sym " + re.match(r"0x[0-9a-f]+", text)[0])

    def check_version(self):
        """Version, build, how long it is up."""
        assert re.search(r"Latch [0-9.]+, build [0-9a-f]{40}, up \d+ s", self.shell("version"))

    def check_exit(self):
        """Back to the guest, and here again."""
        self.shell.send("exit")
        self.run.expect(r"latch: console: now spin \(0\)")
        asked = self.shell.asked
        self.shell = Shell(self.run)
        self.shell.asked = asked

    def check_reboot(self):
        """The machine resets: the emulator ends there, and Latch has not said that it goes off."""
        self.shell.send("reboot")
        self.run.expect("launch: the machine reset or went off without a last word from Latch")
        assert self.run.status() == 70

    def check_poweroff(self):
        """With the records of any other end."""
        self.shell.send("poweroff")
        self.run.expect("latch: vm spin ended: stopped: by the shell")
        self.run.expect("latch: all VMs ended: poweroff")
        assert self.run.status() == 0

    def check_report(self):
        """None of a panic: the machine was just turned on. One of a VM that runs."""
        assert "no report of a panic" in self.shell("report")
        text = self.shell("report spin")
        assert re.search(r"^Latch [0-9.]+, build [0-9a-f]{16}, up \d+\.\d{3} s$", text, re.MULTILINE), text
        assert re.search(r"^vm 0, 1 vCPUs, 64 MiB, running$", text, re.MULTILINE), text
        pc = value_of(text, self.PC)
        assert re.search(rf"^#0 +0x0*{pc:x}$", text, re.MULTILINE), text
        assert re.search(r"^code at 0x[0-9a-f]+:( [0-9a-f]{2}){16} <[0-9a-f]{2}>", text, re.MULTILINE), text

    def check_report_clear(self):
        """Nothing is there to forget; test_report.py has it with a report."""
        assert self.shell("report clear").strip() == ""

    def check_spoil(self):
        """The VM ends, Latch does not. arm64 has no such thing. test_report.py tries all of it."""
        self.shell.send("spoil spin cr4")
        self.run.expect(["vm spin ended: unhandled-exit: the CPU refused the guest's state: ",
                         "this architecture refuses no state"])

    def check_panic(self):
        """The report."""
        assert "usage: panic" in self.shell("panic maybe")
        self.shell("trace on")
        self.shell("vcpus")
        self.shell.send("panic really")
        self.run.expect("latch: PANIC asked for at the shell")
        self.run.expect(r"latch: Latch [0-9.]+, build [0-9a-f]{16}")
        self.run.expect("backtrace:")
        self.run.expect("shell_panic")
        self.run.expect("sched_loop")
        self.run.expect(r"latch: trace cpu 0 at \d+ for \d+ exit \S+ vm spin vcpu 0 pc 0x[0-9a-f]+")
        self.run.expect("latch: halted")
        assert self.run.status() == 70
