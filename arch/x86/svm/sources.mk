# SPDX-License-Identifier: BSD-2-Clause
svm-y := arch/x86/svm/entry.S arch/x86/svm/svm.c arch/x86/svm/svm_exit.c arch/x86/svm/svm_inject.c arch/x86/svm/svm_setup.c \
	arch/x86/svm/svm_permissions.c arch/x86/svm/svm_shadow.c arch/x86/svm/svm_state.c arch/x86/svm/svm_inspect.c

hot-y += arch/x86/svm/svm.c arch/x86/svm/svm_exit.c arch/x86/svm/svm_inject.c
