# SPDX-License-Identifier: BSD-2-Clause
vdev-y :=

# PC interrupt controllers and interval timer.
vdev-irq-y := vdev/vioapic.c vdev/vpic.c vdev/vpit.c vdev/vpit_channel.c
vdev-y += $(vdev-irq-y)
