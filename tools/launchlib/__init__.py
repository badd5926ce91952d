# SPDX-License-Identifier: BSD-2-Clause
"""The launcher: boots Latch and its guests in an emulator, with the serial console on stdio."""
