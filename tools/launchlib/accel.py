# SPDX-License-Identifier: BSD-2-Clause
"""Whether KVM can run Latch: /dev/kvm alone does not mean that nested virtualization works.

All of it must hold: the device opens, the CPU has SVM or VMX, the kvm module was loaded with nested=1, and a trial
start of QEMU with KVM gets as far as its monitor and offers the guest that CPU feature.
"""
import json
import os
import re
import subprocess

TRIAL_S = 10
# What this Latch can use of the CPUs that KVM passes on.
SUPPORTED = ("svm",)
MODULES = {"svm": "kvm_amd", "vmx": "kvm_intel"}


def _cpu_feature():
    """'svm', 'vmx' or None."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
            flags = re.search(r"^flags\s*:(.*)$", cpuinfo.read(), re.MULTILINE)
    except OSError:
        return None
    words = flags[1].split() if flags else []
    return next((feature for feature in MODULES if feature in words), None)


def _nested_enabled(module):
    try:
        with open(f"/sys/module/{module}/parameters/nested", encoding="ascii") as parameter:
            return parameter.read().strip() in ("1", "Y", "y")
    except OSError:
        return False


def _trial_start(feature):
    """None if QEMU starts with KVM and its host CPU model has the feature, else the reason."""
    commands = [{"execute": "qmp_capabilities"},
                {"execute": "query-cpu-model-expansion", "arguments": {"type": "full", "model": {"name": "host"}}},
                {"execute": "quit"}]
    argv = ["qemu-system-x86_64", "-accel", "kvm", "-M", "q35", "-cpu", "host", "-m", "64M", "-nodefaults",
            "-display", "none", "-S", "-qmp", "stdio"]
    try:
        done = subprocess.run(argv, input="\n".join(map(json.dumps, commands)), capture_output=True, text=True,
                              timeout=TRIAL_S, check=False)
    except FileNotFoundError:
        return "qemu-system-x86_64 is not installed"
    except subprocess.TimeoutExpired:
        return "a trial start of QEMU with KVM hangs"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return f"a trial start of QEMU with KVM fails ({lines[-1] if lines else 'no message'})"
    for line in done.stdout.splitlines():
        try:
            props = json.loads(line)["return"]["model"]["props"]
        except (ValueError, KeyError, TypeError):
            continue
        return None if props.get(feature) else f"KVM does not offer {feature.upper()} to its guests"
    return "a trial start of QEMU with KVM gives no answer"


def check_kvm():
    """(feature, None) if nested virtualization works, else (None, the reason it does not)."""
    if not os.path.exists("/dev/kvm"):
        return None, "there is no /dev/kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return None, "no permission for /dev/kvm (join group kvm)"
    feature = _cpu_feature()
    if feature is None:
        return None, "/dev/kvm is there, but the CPU shows neither SVM nor VMX"
    if feature not in SUPPORTED:
        return None, f"Latch does not support {feature.upper()} yet"
    module = MODULES[feature]
    if not _nested_enabled(module):
        return None, f"nested virtualization is off (load {module} with nested=1)"
    reason = _trial_start(feature)
    return (None, reason) if reason else (feature, None)


def choose(options):
    """('tcg' or 'kvm', one line that says why)."""
    if options.accel == "tcg":
        return "tcg", "TCG, as asked"
    if options.accel == "kvm":
        return "kvm", "KVM, as asked"
    if options.icount:
        return "tcg", "TCG: only it can count instructions"
    if options.cpu:
        return "tcg", f"TCG: for CPU model {options.cpu}; --accel kvm overrides"
    if options.native:
        return "tcg", "TCG: native runs are for comparing with it; --accel kvm overrides"
    feature, reason = check_kvm()
    if feature is None:
        return "tcg", f"TCG: {reason}"
    return "kvm", f"KVM: nested {feature.upper()} works here; --accel tcg overrides"
