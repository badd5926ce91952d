# SPDX-License-Identifier: BSD-2-Clause
# The guest's GIC: pure, so tests on the host link vgic-y too.
vgic-y := arch/arm64/gic/vgic_init.c arch/arm64/gic/vgic_state.c arch/arm64/gic/vgic_lr.c arch/arm64/gic/vgic_wake.c \
	arch/arm64/gic/vgic_post.c arch/arm64/gic/vgic_bits.c arch/arm64/gic/vgic_dist.c arch/arm64/gic/vgic_redist.c \
	arch/arm64/gic/vgic_lpi.c arch/arm64/gic/vgic_vpe.c arch/arm64/gic/vits.c arch/arm64/gic/vits_command.c \
	arch/arm64/gic/vits_msi.c
gic-y += $(vgic-y)
hot-y += arch/arm64/gic/vgic_state.c arch/arm64/gic/vgic_lr.c arch/arm64/gic/vgic_wake.c arch/arm64/gic/vgic_post.c
hot-y += arch/arm64/gic/vgic_lpi.c arch/arm64/gic/vits.c arch/arm64/gic/vits_command.c arch/arm64/gic/vgic_dist.c arch/arm64/gic/vgic_redist.c
gic-y += arch/arm64/gic/gicv3.c
gic-y += arch/arm64/gic/its.c arch/arm64/gic/its_lpi.c
gic-y += arch/arm64/gic/vgic_v4.c
