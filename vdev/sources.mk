# SPDX-License-Identifier: BSD-2-Clause
vdev-x86-y :=
vdev-arm64-y := vdev/vpl011.c

# PC interrupt controllers and interval timer.
vdev-irq-y := vdev/vioapic.c vdev/vpic.c vdev/vpic_io.c vdev/vpit.c vdev/vpit_channel.c
vdev-x86-y += $(vdev-irq-y)
vdev-x86-y += vdev/vuart.c vdev/vrtc.c vdev/vrtc_calendar.c vdev/vpm.c vdev/vreset.c vdev/vpci_none.c
vdev-x86-y += vdev/vdebugexit.c vdev/vfwcfg.c

hot-y += vdev/vuart.c vdev/vpl011.c
