# SPDX-License-Identifier: BSD-2-Clause
"""The figures: names, what each means, targets, and what the peer (KVM of Linux 6.1, same emulator, same count) needs.

Peers are given only where the same operation was measured on it.
"""
import dataclasses
from typing import Optional


@dataclasses.dataclass
class Figure:
    """`source`: the line of guests/bench it comes from ("" = computed by bench/run)."""
    name: str
    meaning: str
    source: str
    unit: str = "instructions"
    target: Optional[float] = None
    peer: Optional[float] = None


FIGURES = [
    Figure("cpuid_exit", "CPUID, round trip", "cpuid", target=120, peer=2917),
    Figure("hypercall", "hypercall with an unknown number", "hypercall", peer=8739),
    Figure("pio_read", "read of port 0x61, device in Latch", "pio_read_0x61", target=250),
    Figure("pio_read_uart", "read of the UART's line status", "pio_read_uart_lsr", target=250),
    Figure("pio_write", "write of PCI's address port, device in Latch", "pio_write_pci_config", target=250, peer=1489),
    Figure("pio_write_unclaimed", "write of a port that nothing answers", "pio_write_unclaimed", target=250),
    Figure("apic_read", "read of the local APIC's ID", "apic_read_id", target=400),
    Figure("apic_write", "write of the local APIC's ICR, high half", "apic_write_icr_high", target=400),
    Figure("apic_eoi", "end of interrupt with none in service", "apic_write_eoi", target=400),
    Figure("ioapic_read", "read of the IOAPIC's window", "ioapic_read", target=400),
    Figure("cr8_write", "MOV to CR8", "cr8_write", peer=8),
    Figure("rdmsr", "read of the PAT MSR", "rdmsr_pat"),
    Figure("ipi_self", "IPI to oneself: ICR write to the handler's first instruction", "ipi_self"),
    Figure("nmi_self", "NMI to oneself: ICR write to the handler's first instruction", "nmi_self"),
    Figure("nmi_delivery", "NMI posted to the handler's first instruction (nmi_self less a plain ICR write)", "", target=400),
    Figure("nmi_round_trip", "NMI to oneself: ICR write to the instruction behind it, handler included", "nmi_round_trip"),
    Figure("nmi_second", "IRET of an NMI handler to the waiting NMI's first instruction", "nmi_second"),
    Figure("ipi", "IPI to a CPU that runs: ICR write to its handler's first instruction", "ipi", target=900),
    Figure("ipi_wake", "IPI to a CPU that is halted, on a CPU of the machine that is idle", "ipi_wake", target=1200),
    Figure("vcpu_switch", "HLT of one vCPU to the next instruction of another one on the same CPU", "vcpu_switch", target=500),
    Figure("timer", "timer's due time to the handler's first instruction, guest running", "timer", target=700),
    Figure("timer_counting", "countdown written to the handler's first instruction, without the period", "timer_counting"),
    Figure("halt_wakeup", "HLT: timer's due time to the handler's first instruction", "halt_wakeup", target=1200),
    Figure("handover_to_guest", "loader's hand-over to the guest's first instruction", ""),
    Figure("linux_boot_ratio", "Linux from its entry to the shell, against the same files without Latch", "", "ratio", 1.10),
    Figure("image_size", "image: text, rodata, data without debugger", "", "bytes", 160 * 1024),
    Figure("debugger_size", "image: shell, gdb stub, names", "", "bytes", 80 * 1024),
]

ARM64_FIGURES = [
    Figure("arm64_hypercall", "HVC, round trip (PSCI_VERSION)", "hypercall", target=120, peer=1101),
    Figure("arm64_mmio_read", "read of the PL011's flags, device in Latch", "mmio_read_uart", target=250, peer=6861),
    Figure("arm64_gicd_read", "read of GICD_TYPER", "mmio_read_gicd", target=250, peer=1943),
    Figure("arm64_gicr_read", "read of GICR_TYPER", "mmio_read_gicr", target=250, peer=1943),
    Figure("arm64_eoi", "ICC_EOIR1_EL1", "eoi", target=25, peer=21),
    Figure("arm64_sgi_self", "SGI to oneself: ICC_SGI1R_EL1 to the handler's first instruction", "sgi_self"),
    Figure("arm64_ipi", "SGI to a CPU that runs, to its handler's first instruction", "ipi", target=900, peer=4886),
    Figure("arm64_ipi_sleeping", "SGI to a CPU in WFI, on a CPU of the machine that is idle", "ipi_sleeping"),
    Figure("arm64_lpi", "ITS command INT to the handler's first instruction, by list register", "lpi", target=900, peer=7213),
    Figure("arm64_lpi_other", "the same to a CPU that runs, by list register", "lpi_other"),
    Figure("arm64_lpi_v4", "the same by GICv4: the CPU that gets it does not exit", "v4_lpi_other"),
    Figure("arm64_lpi_v4_sleeping", "the same to a CPU in WFI, by its doorbell", "v4_lpi_sleeping"),
    Figure("arm64_timer", "CNTV programmed to the handler's first instruction, without the period", "timer_busy", target=700, peer=5057),
    Figure("arm64_timer_asleep", "the same with the CPU in WFI", "timer_asleep"),
    Figure("arm64_image_size", "image: text, rodata, data without debugger", "", "bytes", 160 * 1024),
    Figure("arm64_debugger_size", "image: shell, gdb stub, names", "", "bytes", 80 * 1024),
]
