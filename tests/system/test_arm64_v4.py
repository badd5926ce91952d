# SPDX-License-Identifier: BSD-2-Clause
"""GICv4: guests' LPIs delivered by hardware alone; the same guests as on GICv3, and what only this way has."""
import os
import re

import pytest

import harness
import scenarios

GROUPS = {"smp": ("smp-", 2), "its": ("its-", 2)}
LPIS = os.path.join(harness.BUILD, "guests", "arm64-lpis.img")
BY_HARDWARE = r"^latch: self-check: guests' LPIs: delivered by hardware \(GICv4\), \d+ virtual CPUs at most$"
V4 = ("--arch", "arm64", "--gic", "4")


def vm(words, name="lpis", cpus=2, more=""):
    """The argument of --vm."""
    return f"name={name},kernel={harness.require(LPIS, 'make guests-arm64')},mem=64M,cpus={cpus}{more},cmdline={words}"


def line_about_lpis(result):
    """What Latch says about the way of LPIs."""
    return re.search(r"^latch: self-check: guests' LPIs: (.*)$", result.output, re.MULTILINE)[1]


# Messages by commands of the guest's ITS, or by a device.
@pytest.mark.parametrize("group, host_cpus, more, words", [("its", 2, "", ""), ("its", 2, ",msi-test=on", " device=msi-test"),
                                                           ("its", 1, "", ""), ("smp", 2, "", "")],
                         ids=["its-2", "its-2-device", "its-1", "smp-2"])
def test_scenarios(launch, latch_arm64, group, host_cpus, more, words):
    """The traces of EL1 without Latch, whoever delivers; sleepers are woken by doorbells."""
    prefix, cpus = GROUPS[group]
    guest = harness.require(scenarios.ARM64_GUEST, "make guests-arm64")
    result = launch(*V4, "--icount", "--cpus", str(host_cpus), "--timeout", "100", "--vm",
                    f"name=scenarios,kernel={guest},mem=64M,cpus={cpus}{more},cmdline=scenarios={group}{words}")
    assert result.status == 0 and re.search(BY_HARDWARE, result.output, re.MULTILINE), result
    assert "SCENARIOS-END" in result.output, result
    found = scenarios.arm64_differences(scenarios.split(result.output), prefix)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("direct", ["on", "off"])
def test_a_running_vcpu_gets_lpis_without_an_exit(console, latch_arm64, direct):
    """Thousands of LPIs to a vCPU that runs: its exits while they flow, by Latch's own count. None, or else one for most of them."""
    run = console(*V4, "--icount", "--cpus", "2", "--hv", f"direct={direct}", "--vm", vm("flow"))
    run.expect("flow: 1000 sent, 1000 came, 0 astray")
    run.send("\x1ds")
    run.expect("latch> ")
    run.send("exits on\r")
    run.expect("latch> ")
    for _ in range(3):
        run.expect(r"flow: (\d+) sent, \1 came, 0 astray")
    run.send("exits\r")
    run.expect("vm lpis vcpu 0:")
    sender = run.expect("vm lpis vcpu 1:")
    receiver = run.expect("latch> ")
    run.send("pause lpis\r")
    run.expect("latch> ")
    run.send("events lpis\r")
    books = re.search(r"the VM's interrupts: posted=(\d+) .*", run.expect("latch> "))
    exits = {who: sum(int(count) for count in re.findall(r"^  [a-z-]+ +(\d+) ", text, re.MULTILINE))
             for who, text in (("sender", sender), ("receiver", receiver))}
    assert exits["sender"] > 2000, (sender, receiver)
    if direct == "on":
        assert exits["receiver"] == 0, receiver
        assert int(re.search(r" by-hardware=(\d+)", books[0])[1]) >= 4000 and books[1] == "0", books[0]
    else:
        assert int(books[1]) >= 4000 and "by-hardware" not in books[0], books[0]
        assert exits["receiver"] > 1000, receiver


@pytest.mark.parametrize("cpus", [3, 8])
def test_none_is_lost_while_vcpus_move(launch, latch_arm64, tmp_path, cpus):
    """More vCPUs than CPUs, all sending to all, asleep and awake, twice with a restart between."""
    trace = tmp_path / "trace"
    result = launch(*V4, "--cpus", "2", "--timeout", "100", "--until", r"(?s)LPIS-END.*LPIS-END",
                    f"--machine-args=-d trace:gicv3_its_cmd_vmovp,guest_errors -D {trace}", "--vm", vm("mesh", cpus=cpus, more=",on-end=restart"))
    assert result.status == 0, result
    counts = re.findall(r"^mesh: (\d+) CPUs, (\d+) of (\d+) came, 0 astray$", result.output, re.MULTILINE)
    assert counts[:2] == [(str(cpus), str(cpus * 250), str(cpus * 250))] * 2, result
    said = trace.read_text().splitlines()
    moves = [line for line in said if line.startswith("gicv3_its_cmd_vmovp")]
    assert len(moves) > 20 and len(said) == len(moves), [line for line in said if line not in moves]


def test_none_is_lost_while_vcpus_are_held(console, latch_arm64):
    """Paused and resumed by the shell, in whatever state they are: LPIs that come meanwhile wait, doorbells too."""
    run = console(*V4, "--cpus", "2", "--vm", vm("mesh", cpus=3, more=",on-end=restart"))
    run.expect("self-check: vm lpis")
    run.send("\x1ds")
    said = run.expect("latch> ")
    for command in ("pause", "regs", "resume") * 6:
        run.send(f"{command} lpis\r")
        said += run.expect("latch> ")
    said += run.expect("LPIS-END")
    lines = re.findall(r"mesh: (.*)", said)
    assert lines and set(lines) == {"3 CPUs, 750 of 750 came, 0 astray"}, lines


def test_hostile_commands_beside_another_machine(launch, latch_arm64, tmp_path):
    """25,000 random ITS commands, registers written between them; the other machine loses nothing, Latch has nothing to say, and
    the machine's ITS nothing to complain of."""
    complaints = tmp_path / "complaints"
    result = launch(*V4, "--cpus", "2", "--timeout", "100", f"--machine-args=-d guest_errors -D {complaints}",
                    "--vm", vm("hostile", "bad"), "--vm", vm("mesh", "good"))
    assert result.status == 0 and "hostile: 400 storms" in result.output, result
    assert "mesh: 2 CPUs, 500 of 500 came, 0 astray" in result.output, result
    assert not re.search(r"^latch: (error|warning|PANIC)", result.output, re.MULTILINE), result
    assert complaints.read_text() == ""


@pytest.mark.parametrize("arguments, reason", [
    (("--gic", "3"), "by list registers: the GIC is a GICv3"),
    (("--gic", "4", "--hv", "direct=off"), "by list registers: direct=off"),
    (("--gic", "4", "--machine-args=-machine its=off"), "by list registers: the device tree describes no ITS"),
])
def test_without_it(launch, latch_arm64, arguments, reason):
    result = launch("--arch", "arm64", *arguments, "--cpus", "2", "--timeout", "60", "--vm", vm("mesh"))
    assert result.status == 0 and line_about_lpis(result) == reason, result
    assert "mesh: 2 CPUs, 500 of 500 came, 0 astray" in result.output, result
