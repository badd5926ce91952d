/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for the guest side's vectors: nothing runs below EL2, so an exception from there ends in the report
 * of a BRK.
 */
    .section .text.absent, "ax"
    .global guest_vector_sync, guest_vector_irq, guest_vector_fiq, guest_vector_serror
guest_vector_sync:
guest_vector_irq:
guest_vector_fiq:
guest_vector_serror:
    brk #1
