/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets into struct x86_switch that entry.S uses; svm.c pins them with static asserts.
 */
#pragma once

#define SVM_GPR(n)       (8 * (n))
#define SVM_VMCB_PA      144
#define SVM_HOST_VMCB_PA 152
#define SVM_FRAME        48 /* bytes from the pushed argument up to the saved RBP */
